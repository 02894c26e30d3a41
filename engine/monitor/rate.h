/* pace: how fast tasks are done, and when the last one will be. Looks at the last seconds,
 * and where they say too little at the whole job. Plain arithmetic. */
#ifndef PRN_RATE_H
#define PRN_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_SAMPLES = 32 };

/* All 0: nothing is known. */
struct pace {
    struct pace_sample {
        uint64_t ns, posted, done;  /* ns: since the start */
    } first, samples[PACE_SAMPLES]; /* a ring */
    uint32_t n;                     /* taken in all */
};

struct pace_view {
    double rate;   /* tasks done in a second */
    bool growing;  /* posts outrun completions */
    bool has_left; /* is known: ... */
    double left_s; /* ... so many seconds */
};

/* pace_note remembers a moment; one in a quarter of a second is enough. The first one is
 * the start: what was posted before it does not count as growth. */
void pace_note(struct pace *p, uint64_t ns, uint64_t posted, uint64_t done);
/* pace_view: how it looks now. `expected`: tasks in all, if that is known, else 0. */
struct pace_view pace_view(const struct pace *p, uint64_t ns, uint64_t posted, uint64_t done,
                           uint64_t expected);

#endif
