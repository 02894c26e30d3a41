/* idle: sleeping, waking, and knowing that all work is done.
 *
 *   park[k]    0 awake, else parked: enum park says how. Raised by worker k, cleared by k or by
 *              its waker: both by CAS. The futex word of a worker without tasks that wait.
 *   idle_bits  bit k: look at park[k]. Set by k, cleared by k and, before its CAS, by
 *              its waker: a hint.
 *   posted[i]  tasks made visible by i, finished[i] tasks finished by i. One writer.
 *
 * To park: (1) park = 1, own bit set (2) full fence (3) look for a task everywhere
 * (4) sum all `finished`, then all `posted` (counts.h): equal means finished (5) futex wait while
 * park == 1. To publish: children READY, hint written, full fence, look at the
 * bits, clear one, CAS its park 1 -> 0, futex wake. One of the two sees the other
 * (docs/internals/sleeping.md). A woken worker that finds work wakes the next if there is more.
 *
 * Why the sums: take a moment t between them. finished never passes posted and both
 * only grow, so sum(finished) <= finished(t) <= posted(t) <= sum(posted). Equal ends mean
 * that at t nothing waited and nothing ran (docs/internals/termination.md).
 *
 * While head->gate names a task no other one is started: whoever looks for work
 * claims this one or finds nothing, and parks. It is over when the task is neither
 * READY nor RUN; whoever sees that clears the word and wakes everybody. Nobody has to
 * survive for it: a parked worker that cannot look is woken at each death, and the
 * supervisor looks all the time. Workers that were past the check start one task
 * more: a courtesy between tasks, on which nothing else relies.
 *
 * The other reasons why a worker may not start a task are in gate.h. To the steps
 * above it is as if there were no task: it parks. Opening the gate wakes.
 *
 * Died while parked or after a CAS that should have woken somebody: the
 * supervisor clears the dead slot's bit and wakes everybody after each death. */
#ifndef PRN_IDLE_H
#define PRN_IDLE_H

#include "memory/arena.h"

struct self;

/* idle_wait is for a worker that found nothing: looks again, parks, wakes up.
 * true: it has claimed a task; false: look at head->mode and try again. */
bool idle_wait(struct self *self);
/* How a worker with tasks that wait sleeps: until one of these can continue, or SIGURG arrives,
 * which was blocked since before the call. true: it did. */
typedef bool idle_sleep(void *arg);
/* idle_wait_with does the same for a worker with tasks that wait (suspend.h), which sleeps by
 * `sleep`. slot->waker_pid must be its own. */
bool idle_wait_with(struct self *self, idle_sleep *sleep, void *arg);
/* idle_rest sleeps as that one does, but begins no task and is not woken for one: only by
 * idle_wake_all(), or when head->mode is no longer `mode`. */
void idle_rest(struct self *self, enum arena_mode mode, idle_sleep *sleep, void *arg);
/* idle_look claims a task that may be started now, wherever it is. Never waits. */
bool idle_look(struct self *self);
/* idle_wake wakes one parked worker, if n tasks became ready and one sleeps. */
void idle_wake(struct self *self, uint32_t n);
/* idle_want_more: is a task ready that no worker sleeps to take? Else idle_notify() is called, by
 * any process, when that may be so. Supervisor only. */
bool idle_want_more(struct self *self);
/* idle_wake_all wakes everybody, whether it seems to sleep or not. */
void idle_wake_all(struct arena *a);
/* idle_wake_refused does that if somebody could not wake a worker of another user. Supervisor
 * only, when it was notified. */
void idle_wake_refused(struct arena *a);
/* idle_any: may some worker be parked? Two loads; a hint. */
bool idle_any(struct self *self);
/* idle_all_done: is every posted task done? Exact when it says yes. */
bool idle_all_done(struct arena *a);
/* idle_run_alone: task `index`, which is READY and has no hint yet, runs while no
 * other starts. Supervisor only, while no other one runs alone. Then the hint. */
void idle_run_alone(struct arena *a, uint32_t index);
/* idle_alone_over: does no task run alone any more? Ends its time if it is over. */
bool idle_alone_over(struct arena *a);
/* idle_end_alone ends it in any case. */
void idle_end_alone(struct arena *a);
/* idle_recover takes a dead worker out of the game. Before idle_wake_all. */
void idle_recover(struct self *self);
/* idle_set_mode raises head->mode to at least `mode` and wakes all. */
void idle_set_mode(struct arena *a, enum arena_mode mode);
/* idle_spin_ok is set by the process that knows the CPUs: spin before sleeping? */
extern bool idle_spin_ok;
/* idle_notify wakes the supervisor. Set before idle_want_more() is used. */
extern void (*idle_notify)(void);

#endif
