/* spawn: how many workers are wanted, and forking them.
 *
 * What is wanted is said first (spawn_open, spawn_grow, spawn_resize, spawn_plan), and forked
 * later, in spawn_tick(). A fork may be refused (ulimit -u, pids.max): the job continues with the
 * workers there are, and it is tried again when one of them ends, and after 50 ms, then each
 * time after twice as long, until that is more than a second.
 *
 * supervisor.c calls spawn_open() and spawn_tick() once before its loop, then spawn_settle() and
 * spawn_tick() in each turn of it; death.c calls spawn_try_again() for a process that has ended,
 * and spawn_plan() for its slot; control.c calls spawn_resize(), by control_ops. */
#ifndef PRN_SPAWN_H
#define PRN_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

/* spawn_open: a worker is wanted in each slot there is. `enter` is what a new process
 * does; it does not return. */
void spawn_open(void (*enter)(uint32_t k));
/* spawn_tick forks what is wanted, but for slots whose pause after early deaths is not over.
 * spawn_due: when to try again (ns); CLOCK_NEVER: no fork was refused, and no slot pauses. */
void spawn_tick(void);
uint64_t spawn_due(void);
/* spawn_refused: was the last fork refused? */
bool spawn_refused(void);
/* spawn_try_again: a process has ended, and another one may take its place at once. */
void spawn_try_again(void);
/* spawn_plan: slot k has no process (it is not given up, either): is it WANTED, or NONE? */
void spawn_plan(uint32_t k);
/* spawn_workers: how many are wanted by now; spawn_grow: n, which is more. 0, or -errno
 * with the workers as they were. */
uint32_t spawn_workers(void);
int spawn_grow(uint32_t n);
/* spawn_resize: n at most from now on (with --eager: n). 0, or -errno as above. */
int spawn_resize(uint32_t n);
/* spawn_settle: workers above the limit end. When all of them have, the others need not
 * ask any more whether they are among them. */
void spawn_settle(void);

#endif
