/* top_order: in which order `prunner top` shows functions and workers. */
#ifndef PRN_TOP_ORDER_H
#define PRN_TOP_ORDER_H

#include "cli/snapshot.h"

/* What they are sorted by; the letter is the key that asks for it. */
enum top_order_fns {
    FNS_BY_NAME = 'F',
    FNS_BY_DONE = 'D',
    FNS_BY_P95 = 'P',
    FNS_BY_TIME = 'T', /* share of all tasks' time */
};
enum top_order_workers {
    WORKERS_BY_SLOT = 's',
    WORKERS_BY_FUNCTION = 'f',
    WORKERS_BY_TIME = 't', /* for how long it has been doing what it does */
    WORKERS_BY_TASKS = 'n',
    WORKERS_BY_CPU = 'c',
    WORKERS_BY_MEMORY = 'm',
    WORKERS_BY_IDLE = 'i',
};

struct top_order {
    enum top_order_fns fns;
    enum top_order_workers workers;
    bool reverse; /* workers only */
};

/* top_order_key: the order after this key. false: it is no key of ours. */
bool top_order_key(struct top_order *o, int key);
/* top_order_fns, top_order_workers write the numbers of functions that have been used, or
 * the indexes of all workers, in order; there is room for all. Returns how many. */
uint32_t top_order_fns(const struct top_order *o, const struct snapshot *g, uint32_t *out);
uint32_t top_order_workers(const struct top_order *o, const struct snapshot *g, uint32_t *out);

#endif
