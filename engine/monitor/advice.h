/* advice: what the figures of a job that is over say about how it was made. Plain
 * arithmetic; each hint only where the figures show it, the clearest ones first. */
#ifndef PRN_ADVICE_H
#define PRN_ADVICE_H

#include <stdint.h>

struct text;

struct advice {
    uint64_t wall_ns;
    uint32_t workers, cpus;
    uint32_t most;                     /* workers that there might have been (-n) */
    uint32_t concurrency;              /* tasks that a worker may begin (-c) */
    uint64_t idle_ns, lock_ns, cpu_ns; /* of all workers: without a task, also without a suspended
                                        * one; asleep for locks; CPU */
    uint64_t wait_ns;                  /* tasks were suspended, added up */
    uint64_t blocks, block_ns;         /* tasks ran long while others could continue: how often, and
                                        * the longest time */
    const char *block_name;            /* its function; NULL: there were none */
    uint64_t finished, tasks_ns;       /* tasks, and what they took in all */
    const char *last;                  /* a task that ended last of all, as text; NULL: unknown */
    uint64_t last_ns;                  /* what it took */
    uint64_t heap_bytes;               /* of Lua's, before the fork */
    uint64_t unshared_bytes;           /* of it, what most a worker had of its own in the end */
};

enum { ADVICE_MAX = 2 };

/* advice_put adds at most ADVICE_MAX lines. */
void advice_put(struct text *t, const struct advice *h);

#endif
