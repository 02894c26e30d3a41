/* hash: bytes to 64 well-mixed bits, for tables in memory. Not for security. */
#ifndef PRN_HASH_H
#define PRN_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 29);
}

/* hash_more goes on from h with `len` bytes. */
static inline uint64_t
hash_more(uint64_t h, const void *bytes, size_t len)
{
    const char *p = bytes;
    uint64_t word;
    for (; len >= sizeof word; len -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        h = hash_mix(h, word);
    }
    if (len) {
        word = 0;
        memcpy(&word, p, len);
        h = hash_mix(h, word);
    }
    return h;
}

/* hash_bag goes on from h with bytes in any order: the fields of a table are encoded
 * in another one in each process that was not forked from the same. */
static inline uint64_t
hash_bag(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += hash_mix(0x9E3779B9u, p[i]);
    return hash_mix(hash_mix(h, len), sum);
}

static inline uint64_t
hash_bytes(const void *bytes, size_t len)
{
    uint64_t h = hash_more(len + 1, bytes, len);
    return hash_mix(h, h >> 32);
}

#endif
