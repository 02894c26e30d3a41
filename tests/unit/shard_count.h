/* shard_count: what is in the index of a dict's shard, counted by looking; for tests that
 * compare it with the shard's own counters. */
#ifndef SHARD_COUNT_H
#define SHARD_COUNT_H

#include "memory/arena.h"
#include "store/dict.h"

struct shard_count {
    uint64_t words;      /* of the index */
    uint32_t live, used; /* keys; words that are not 0 */
};

static inline struct shard_count
shard_count(const struct arena *a, const struct shard *s)
{
    const uint64_t *w = arena_at(a, s->index >> 24);
    struct shard_count c = {.words = (uint64_t)1 << (s->index & 0xff)};
    for (uint64_t k = 0; k < c.words; k++) {
        c.live += (uint32_t)w[k] != 0;
        c.used += w[k] != 0;
    }
    return c;
}

#endif
