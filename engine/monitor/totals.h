/* figures: what all slots have noted, added up, for whoever shows it. In the supervisor;
 * while the job runs the figures are a little late, and do not quite fit each other. */
#ifndef PRN_TOTALS_H
#define PRN_TOTALS_H

#include "monitor/metrics.h"

/* Of one function. */
struct figures_fn {
    uint32_t fn;
    uint64_t posted, done, failed, retried, dead; /* as in struct watch_fn */
    uint64_t timed, busy_ns, longest_ns;
};

struct figures {
    uint64_t elapsed_ns;                          /* since the workers were started */
    uint32_t workers, alive, busy;                /* wanted; there; with a task */
    uint64_t posted, done, failed, retried, dead; /* those of a resumed job too */
    uint64_t expected;                            /* prunner.expect(); 0: unknown */
    uint64_t idle_ns, lock_ns;                    /* of all: without a task; asleep for locks */
    uint32_t nfns;                                /* functions of which tasks were posted */
    struct figures_fn fns[WATCH_FNS];             /* the one with most busy_ns first */
};

/* What the job takes, bytes. 0: nothing, or unknown. */
struct figures_memory {
    uint64_t arena;   /* tasks and shared data, in memory */
    uint64_t spill;   /* on disk */
    uint64_t workers; /* their own */
};

void figures_take(struct figures *f);
/* figures_quantiles: half, and 19 of 20, of the function's tasks took less. 0: unknown. */
void figures_quantiles(uint32_t fn, uint64_t *p50_ns, uint64_t *p95_ns);
/* figures_memory looks at a file for each worker, at most FIGURES_LOOKS of them. */
enum { FIGURES_LOOKS = 64 };
void figures_memory(struct figures_memory *m);
/* figures_cpu_ns: CPU time of the processes that ended below this one; under --serial of
 * this one. From two looks at it follows what the workers took in between. */
uint64_t figures_cpu_ns(void);
/* figures_efficiency: which part of their time the workers had a task, 0..1. */
double figures_efficiency(const struct figures *f);
/* figures_known: how many tasks there will be at least: posted, or expected if more. */
static inline uint64_t
figures_known(const struct figures *f)
{
    return f->expected > f->posted ? f->expected : f->posted;
}

/* figures_waiting: posted, neither done nor at work. */
static inline uint64_t
figures_waiting(const struct figures *f)
{
    uint64_t gone = f->done + f->busy;
    return f->posted > gone ? f->posted - gone : 0;
}

#endif
