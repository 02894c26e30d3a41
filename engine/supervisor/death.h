/* death: a worker has ended: what is said, and what is done about it.
 *
 *   waitpid  ->  ended on purpose: is a successor wanted?
 *            ->  died: what its task had started is killed; its slot is repaired
 *                (recover()); the death is reported; a task that has met too many deaths
 *                was quarantined and is reported too; is a successor wanted?
 *
 * Recovery needs room for one hint. Is there none, the child stays UNRECOVERED, and it is
 * tried again every 100 ms.
 *
 * supervisor.c calls death_open() before its loop, death_tick() in each turn of it: after it
 * read the signals, since a SIGCHLD read later than that would be one nobody acts upon, and
 * after stop_tick(), since a death is another matter while all are killed. */
#ifndef PRN_DEATH_H
#define PRN_DEATH_H

#include <stdint.h>

/* death_open begins to count the kernel's kills: before the first fork. */
void death_open(void);
/* death_tick sees to all who have ended, and to slots that could not be repaired before.
 * death_due: when to come again (ns); CLOCK_NEVER: when something has happened. */
void death_tick(void);
uint64_t death_due(void);
/* death_end_all kills the workers there still are and waits for them. The job cannot continue:
 * their slots stay as they are. */
void death_end_all(void);

#endif
