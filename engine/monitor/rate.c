#include "monitor/rate.h"

enum {
    BETWEEN_NS = 250 * 1000 * 1000, /* two samples; all of them: 8 s */
    ENOUGH = 8,                     /* tasks finished in that time, or it says too little */
};

void
rate_note(struct rate *p, uint64_t ns, uint64_t posted, uint64_t finished)
{
    const struct rate_sample *last = &p->samples[(p->n - 1) % RATE_SAMPLES];
    struct rate_sample now = {ns, posted, finished};
    if (!p->n)
        p->first = now;
    if (!p->n || ns >= last->ns + BETWEEN_NS)
        p->samples[p->n++ % RATE_SAMPLES] = now;
}

/* What to compare with: the oldest sample there is, or the start. */
static const struct rate_sample *
base(const struct rate *p, uint64_t finished)
{
    const struct rate_sample *oldest = &p->samples[p->n % RATE_SAMPLES];
    if (p->n < RATE_SAMPLES || finished - oldest->finished < ENOUGH)
        return &p->first;
    return oldest;
}

struct rate_view
rate_view(const struct rate *p, uint64_t ns, uint64_t posted, uint64_t finished, uint64_t expected)
{
    struct rate_view v = {0};
    struct rate_sample from = *base(p, finished);
    bool told = expected >= posted && expected > 0;
    double seconds = (double)(ns - from.ns) / 1e9, in;
    if (ns <= from.ns)
        return v;
    v.rate = (double)(finished - from.finished) / seconds;
    in = told || !p->n ? 0 : (double)(posted - from.posted) / seconds;
    uint64_t left = (told ? expected : posted) - finished;
    v.growing = in > 0 && in >= v.rate;
    v.has_left = left > 0 && v.rate > in;
    if (v.has_left)
        v.left_s = (double)left / (v.rate - in);
    return v;
}
