/* rate: how fast tasks are finished, and when the last one will be. Looks at the last seconds,
 * and where they say too little at the whole job. Plain arithmetic. */
#ifndef PRN_RATE_H
#define PRN_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { RATE_SAMPLES = 32 };

/* All 0: nothing is known. */
struct rate {
    struct rate_sample {
        uint64_t ns, posted, finished; /* ns: since the start */
    } first, samples[RATE_SAMPLES];    /* a ring */
    uint32_t n;                        /* taken in all */
};

struct rate_view {
    double rate;   /* tasks finished in a second */
    bool growing;  /* posts outrun completions */
    bool has_left; /* is known: ... */
    double left_s; /* ... in seconds */
};

/* rate_note remembers a moment; one in a quarter of a second is enough. The first one is
 * the start: what was posted before it does not count as growth. */
void rate_note(struct rate *p, uint64_t ns, uint64_t posted, uint64_t finished);
/* rate_view: how it looks now. `expected`: tasks in all, if that is known, else 0. */
struct rate_view rate_view(const struct rate *p, uint64_t ns, uint64_t posted, uint64_t finished,
                           uint64_t expected);

#endif
