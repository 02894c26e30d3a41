/* idle: sleeping, waking, and knowing that all work is done.
 *
 *   park[k]    0 awake, 1 parked. Raised by worker k, cleared by k or by who wakes
 *              it: both by CAS. The futex word.
 *   idle_bits  bit k: look at park[k]. Set and cleared by k alone: a hint.
 *   posted[i]  tasks made visible by i, done[i] tasks finished by i. One writer.
 *
 * To park: (1) park = 1, own bit set (2) full fence (3) look for a task everywhere
 * (4) sum all done, then all posted: equal means finished (5) futex wait while
 * park == 1. To publish: children READY, hint written, full fence, look at the
 * bits, CAS one park 1 -> 0, futex wake. One of the two sees the other
 * (docs/sleeping.md). A woken worker that finds work wakes the next if there is more.
 *
 * Why the sums: take a moment t between them. done never passes posted and both
 * only grow, so sum(done) <= done(t) <= posted(t) <= sum(posted). Equal ends mean
 * that at t nothing waited and nothing ran (docs/termination.md).
 *
 * Died while parked or after a CAS that should have woken somebody: the
 * supervisor clears the dead slot's bit and wakes everybody after each death. */
#ifndef PRN_IDLE_H
#define PRN_IDLE_H

#include "arena.h"

struct actor;

/* idle_wait is for a worker that found nothing: looks again, parks, wakes up.
 * true: it has claimed a task; false: look at head->mode and try again. */
bool idle_wait(struct actor *x);
/* idle_wake wakes one parked worker, if n tasks became ready and one sleeps. */
void idle_wake(struct actor *x, uint32_t n);
/* idle_wake_all wakes everybody, whether it seems to sleep or not. */
void idle_wake_all(struct arena *a);
/* idle_any: may some worker be parked? Two loads; a hint. */
bool idle_any(struct actor *x);
/* idle_all_done: is every posted task done? Exact when it says yes. */
bool idle_all_done(struct arena *a);
/* idle_recover takes a dead worker out of the game. Before idle_wake_all. */
void idle_recover(struct actor *x);
/* idle_set_mode raises head->mode to at least `mode` and wakes all. */
void idle_set_mode(struct arena *a, enum arena_mode mode);
/* idle_spin_ok is set by the process that knows the CPUs: spin before sleeping? */
extern bool idle_spin_ok;

#endif
