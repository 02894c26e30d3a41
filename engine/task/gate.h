/* gate: who may start a task now. One word, head->gate, which every worker reads
 * before each claim: 0 is "anybody, any task".
 *
 *   gate: reasons (32) | task that runs alone (32), see idle.h
 *
 *   GATE_PAUSED, GATE_LOAD, GATE_MEMORY   nobody starts anything
 *   GATE_PERMIT  a worker that has just ended a task may start the next one; one
 *                 that comes from elsewhere takes one of head->permits first, of
 *                 which the supervisor lays out a few at a time (--load, --memfree)
 *   GATE_DELAY    a worker that starts a task moves head->next_start by
 *                 head->delay_ns; not before that time (--delay)
 *   GATE_FEWER    workers above slot head->limit end
 *   GATE_SERIAL   one process: it sees to the guards itself before each task
 *
 * The supervisor sets and clears the reasons; a worker only takes permits and turns.
 * A worker that may not start a task parks as if there were none: the supervisor
 * wakes one whenever permits become available (docs/internals/sleeping.md).
 *
 * Died here: a permit that was taken is gone until the next few are laid out; a turn
 * that was taken is a turn not used. No task was touched, nothing to repair. */
#ifndef PRN_GATE_H
#define PRN_GATE_H

#include "memory/arena.h"

struct self;

#define GATE_PAUSED ((uint64_t)1 << 32)
#define GATE_LOAD ((uint64_t)1 << 33)
#define GATE_MEMORY ((uint64_t)1 << 34)
#define GATE_PERMIT ((uint64_t)1 << 35)
#define GATE_DELAY ((uint64_t)1 << 36)
#define GATE_FEWER ((uint64_t)1 << 37)
#define GATE_SERIAL ((uint64_t)1 << 38)
#define GATE_HELD (GATE_PAUSED | GATE_LOAD | GATE_MEMORY)
/* What must not be taken unless there is a task to start. */
#define GATE_METERED (GATE_PERMIT | GATE_DELAY)

/* gate_alone returns the index of the task that runs alone; 0: none. */
static inline uint32_t
gate_alone(uint64_t gate)
{
    return (uint32_t)gate;
}

/* gate_pass: may self start a task now? Takes the permit and the turn that this needs.
 * `gate` is not 0. Never waits. */
bool gate_pass(struct self *self, uint64_t gate);
/* gate_missed: self was let through and found no task after all, or was not let through:
 * it has no permit any more. true: its turn is free again, others may use it. */
bool gate_missed(struct self *self);
/* gate_surplus: is self's slot above the limit, so that its worker must end? */
bool gate_surplus(const struct self *self);
/* gate_close sets reasons, gate_open clears them. Supervisor only; opening wakes. */
void gate_close(struct arena *a, uint64_t reasons);
void gate_open(struct arena *a, uint64_t reasons);

#endif
