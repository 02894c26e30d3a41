/* acc: accumulators: counter, max, min, collect. Each worker has a cell of its
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

struct actor;

enum acc_kind { ACC_SUM = 1,
                ACC_MAX = 2,
                ACC_MIN = 3 };

/* What the running task has added and not yet committed. */
struct acc_pending {
    uint32_t n;
    uint16_t ids[SLOT_ACCS];  /* the touched ones */
    uint8_t kinds[SLOT_ACCS]; /* enum acc_kind by id; 0: untouched */
    double values[SLOT_ACCS]; /* by id */
    uint64_t log_end;         /* uncommitted end of the log; 0: as committed */
};

/* acc_add adds v to accumulator `id` (below SLOT_ACCS) for the running task. */
void acc_add(struct actor *x, enum acc_kind kind, uint32_t id, double v);
/* acc_collect appends bytes to the log under `id`. 0, -ENOSPC, -ENOMEM. */
int acc_collect(struct actor *x, uint32_t id, const void *bytes, size_t len);
/* acc_get combines all workers' committed cells and x's pending value. false:
 * nothing was ever added. */
bool acc_get(struct actor *x, enum acc_kind kind, uint32_t id, double *out);
/* acc_each calls fn with every committed (and x's own pending) value of a log. */
void acc_each(struct actor *x, uint32_t id,
              void (*fn)(void *arg, const void *bytes, size_t len), void *arg);
/* acc_stage writes the pending adds into the slot as new absolute values. */
void acc_stage(struct actor *x);
/* acc_apply makes the staged values true. Idempotent. */
void acc_apply(struct slot *s);
/* acc_drop forgets the pending adds. */
void acc_drop(struct actor *x);

static inline bool
acc_dirty(const struct acc_pending *p)
{
    return p->n || p->log_end;
}

#endif
