/* totals: what all slots have noted, added up, for whoever shows it. In the supervisor;
 * while the job runs the figures are a little late, and do not quite fit each other. */
#ifndef PRN_TOTALS_H
#define PRN_TOTALS_H

#include "monitor/metrics_layout.h"

/* Of one function. */
struct totals_fn {
    uint32_t fn;
    uint64_t posted, finished, failed, retried, quarantined; /* as in struct metrics_fn */
    uint64_t timed, busy_ns, longest_ns;
};

struct totals {
    uint64_t elapsed_ns;                                     /* since the workers were started */
    uint32_t workers, alive, busy;                           /* wanted; there; with a task */
    uint64_t suspended;                                      /* tasks that wait in workers */
    uint64_t posted, finished, failed, retried, quarantined; /* those of a resumed job too */
    uint64_t duplicates;                                     /* not run: see task/once.h */
    uint64_t expected;                                       /* prunner.expect(); 0: unknown */
    uint64_t idle_ns, lock_ns;                               /* without a task; asleep for locks */
    uint64_t idle_waits_ns;                                  /* part of idle_ns: tasks waited */
    uint64_t wait_ns;                                        /* tasks were suspended, added up */
    uint64_t blocks, block_ns;                               /* as in struct metrics_slot */
    uint32_t block_fn;
    uint32_t nfns;                     /* functions with tasks */
    struct totals_fn fns[METRICS_FNS]; /* the one with most busy_ns first */
};

/* What the job takes, bytes. 0: nothing, or unknown. */
struct totals_memory {
    uint64_t arena;   /* tasks and shared data, in memory */
    uint64_t spill;   /* on disk */
    uint64_t workers; /* their own */
};

void totals_take(struct totals *f);
/* totals_at_end: the same, of a job that is over; one copy of it for all who ask. */
const struct totals *totals_at_end(void);
/* totals_quantiles: half, and 19 of 20, of the function's tasks took less. 0: unknown. */
void totals_quantiles(uint32_t fn, uint64_t *p50_ns, uint64_t *p95_ns);
/* totals_memory looks at a file for each worker, at most TOTALS_LOOKS of them. */
enum { TOTALS_LOOKS = 64 };
void totals_memory(struct totals_memory *m);
/* totals_cpu_ns: CPU time of the processes that ended below this one; under --serial of
 * this one. From two looks at it follows what the workers took in between. */
uint64_t totals_cpu_ns(void);
/* totals_efficiency: which part of their time the workers had a task, 0..1. */
double totals_efficiency(const struct totals *f);
/* totals_known: how many tasks there will be at least: posted, or expected if more. */
static inline uint64_t
totals_known(const struct totals *f)
{
    return f->expected > f->posted ? f->expected : f->posted;
}

/* totals_left: posted and not done. */
static inline uint64_t
totals_left(const struct totals *f)
{
    return f->posted > f->finished ? f->posted - f->finished : 0;
}

/* totals_waiting: posted, neither done nor begun. */
static inline uint64_t
totals_waiting(const struct totals *f)
{
    uint64_t gone = f->finished + f->busy + f->suspended;
    return f->posted > gone ? f->posted - gone : 0;
}

#endif
