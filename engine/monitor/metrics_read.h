/* metrics_read: what readers compute from the figures (metrics_layout.h). Also in a process that
 * has no job (`prunner top`): everything is handed in, and nothing is believed that is not
 * checked here or by the caller. No state; nothing waits. */
#ifndef PRN_METRICS_READ_H
#define PRN_METRICS_READ_H

#include <stdbool.h>

#include "monitor/metrics_layout.h"

/* metrics_last_slot: slots 0, the supervisor's, up to this one have figures. The number of
 * workers may change while the job runs. */
static inline uint32_t
metrics_last_slot(const struct metrics_header *h)
{
    uint32_t n = atom_peek(&h->nworkers);
    return n < h->slots ? n : h->slots - 1;
}

/* metrics_since_start: how long after the start of the job, ns; 0: before it. */
static inline uint64_t
metrics_since_start(const struct metrics_header *h, uint64_t ns)
{
    return ns > h->start_ns ? ns - h->start_ns : 0;
}

/* metrics_has: has the slot figures of function fn < METRICS_FNS? */
static inline bool
metrics_has(const struct metrics_slot *s, uint32_t fn)
{
    return atom_peek(&s->used[fn / 64]) >> fn % 64 & 1;
}

/* metrics_add_fn adds up what two slots have of one function. */
static inline void
metrics_add_fn(struct metrics_fn *sum, const struct metrics_fn *f)
{
    uint64_t longest = atom_peek(&f->longest_ns);
    sum->posted += atom_peek(&f->posted);
    sum->finished += atom_peek(&f->finished);
    sum->failed += atom_peek(&f->failed);
    sum->retried += atom_peek(&f->retried);
    sum->quarantined += atom_peek(&f->quarantined);
    sum->timed += atom_peek(&f->timed);
    sum->busy_ns += atom_peek(&f->busy_ns);
    if (longest > sum->longest_ns)
        sum->longest_ns = longest;
    for (uint32_t i = 0; i < METRICS_TIMES; i++)
        sum->times[i] += atom_peek(&f->times[i]);
}

/* metrics_time_start: where the i-th of METRICS_TIMES begins, ns. */
static inline uint64_t
metrics_time_start(uint32_t i)
{
    return (uint64_t)(4 + i % 4) << (i / 4 + METRICS_FIRST - 2);
}

/* metrics_quantile returns below how many ns the share `q` (0..1) of the times lies. */
static inline uint64_t
metrics_quantile(const uint64_t times[METRICS_TIMES], double q)
{
    uint64_t sum = 0, below = 0;
    for (uint32_t i = 0; i < METRICS_TIMES; i++)
        sum += atom_peek(&times[i]);
    if (!sum)
        return 0;
    double want = q * (double)sum;
    for (uint32_t i = 0; i < METRICS_TIMES; i++) {
        uint64_t n = atom_peek(&times[i]);
        if (n && (double)(below + n) >= want) {
            double part = (want - (double)below) / (double)n;
            uint64_t start = metrics_time_start(i), end = metrics_time_start(i + 1);
            return start + (uint64_t)(part * (double)(end - start));
        }
        below += n;
    }
    return metrics_time_start(METRICS_TIMES);
}

#endif
