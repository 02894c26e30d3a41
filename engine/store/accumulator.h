/* accumulator: accumulators: counter, max, min, collect. Each worker has a cell of its
 * own for each of them; what a task adds is kept privately and becomes true with
 * its commit, so it counts exactly once and no two workers write one word.
 *
 * collect() appends encoded values to a log of the worker's own, chunk after
 * chunk; the commit moves the end of the log by one store, so that anybody may read
 * up to there at any time. */
#ifndef PRN_ACCUMULATOR_H
#define PRN_ACCUMULATOR_H

#include "memory/arena.h"
#include "memory/layout.h"

struct self;

enum accumulator_kind { ACCUMULATOR_SUM = 1,
                        ACCUMULATOR_MAX = 2,
                        ACCUMULATOR_MIN = 3 };

/* accumulator_add adds v to accumulator `id` (below SLOT_ACCUMULATORS) for the running task. */
void accumulator_add(struct self *self, enum accumulator_kind kind, uint32_t id, double v);
/* accumulator_collect appends bytes to the log under `id`. 0, -ENOSPC, -ENOMEM. */
int accumulator_collect(struct self *self, uint32_t id, const void *bytes, size_t len);
/* accumulator_log_hash continues from h with an entry of the log. */
uint64_t accumulator_log_hash(uint64_t h, uint32_t id, const void *bytes, size_t len);
/* accumulator_get combines all workers' committed cells and self's pending value. false:
 * nothing was ever added. */
bool accumulator_get(struct self *self, enum accumulator_kind kind, uint32_t id, double *out);
/* accumulator_each calls fn with every committed (and self's own pending) value of a log. */
void accumulator_each(struct self *self, uint32_t id,
                      void (*fn)(void *arg, const void *bytes, size_t len), void *arg);
/* accumulator_each_pending calls fn with every value that self has collected and not committed. */
void accumulator_each_pending(struct self *self,
                              void (*fn)(void *arg, uint32_t id, const void *bytes, size_t len),
                              void *arg);
/* accumulator_nothing writes that this commit adds nothing. */
void accumulator_nothing(struct slot *s);
/* accumulator_stage writes the pending adds into the slot as new absolute values. */
void accumulator_stage(struct self *self);
/* accumulator_sum writes what the staged values make of the sums over them (sums.h). */
void accumulator_sum(struct self *self);
/* accumulator_apply makes the staged values true. Idempotent. */
void accumulator_apply(struct slot *s);
/* accumulator_drop forgets the pending adds. */
void accumulator_drop(struct self *self);

static inline bool
accumulator_dirty(const struct accumulator_pending *p)
{
    return p->n || p->sums || p->log_end;
}

#endif
