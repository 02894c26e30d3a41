/* delayed: tasks that wait until their time comes (WAIT): those that failed and have a
 * backoff, and those whose worker the kernel killed for lack of memory, which then run
 * alone (idle.h).
 *
 * A worker that makes a task WAIT puts it into its slot's list (task/wait_list.h) and wakes
 * the supervisor; those taken from there are here in a heap by time, private to the supervisor,
 * each once: only from here a task that is WAIT becomes READY. The heap can be made anew: if the
 * supervisor dies, resume() finds all tasks in WAIT and calls delayed_note().
 *
 * supervisor.c calls delayed_tick() in each turn of its loop, after the dead were seen to;
 * death.c calls delayed_alone(). */
#ifndef PRN_DELAYED_H
#define PRN_DELAYED_H

#include <stdbool.h>
#include <stdint.h>

/* delayed_note: this task is WAIT: not before the time in its record. false: no memory. */
bool delayed_note(uint32_t task);
/* delayed_alone: recover() has left the task in WAIT, with room for its hint in our ring. It
 * becomes READY in a second, and then runs while no other task starts. */
void delayed_alone(uint32_t task);
/* delayed_tick collects what has come, makes READY what is due, and lets the others start
 * again when a task has run alone for too long. Returns when to come again (ns);
 * CLOCK_NEVER: when something has happened. */
uint64_t delayed_tick(void);
/* delayed_close frees the list. */
void delayed_close(void);

#endif
