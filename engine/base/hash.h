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

static inline uint64_t
hash_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

enum { HASH_ROUND = 8 * sizeof(uint64_t) };

__extension__ typedef unsigned __int128 hash_wide;

/* Two words at a time, both halves of their product: as Wang Yi's wyhash does it
 * (github.com/wangyi-fudan/wyhash). */
static inline uint64_t
hash_pair(uint64_t h, const char *p)
{
    hash_wide product = (hash_wide)(h ^ hash_word(p)) * (0x9E3779B97F4A7C15ull ^ hash_word(p + 8));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Whole rounds in four lanes that do not wait for each other: a multiplication takes longer
 * than all else, and in one lane each pair would wait for the one before. (Not as a loop over
 * an array: compilers take that for work for vectors, which multiply 64 bits slowly.) */
static inline uint64_t
hash_rounds(uint64_t a, const char *p, size_t len)
{
    uint64_t b = a + 1, c = a + 2, d = a + 3;
    for (const char *end = p + len; p < end; p += HASH_ROUND) {
        a = hash_pair(a, p);
        b = hash_pair(b, p + 16);
        c = hash_pair(c, p + 32);
        d = hash_pair(d, p + 48);
    }
    return hash_mix(hash_mix(hash_mix(a, b), c), d);
}

/* hash_more continues from h with `len` bytes. */
static inline uint64_t
hash_more(uint64_t h, const void *bytes, size_t len)
{
    const char *p = bytes;
    if (len >= HASH_ROUND) {
        size_t rounds = len / HASH_ROUND * HASH_ROUND;
        h = hash_rounds(h, p, rounds);
        p += rounds;
        len -= rounds;
    }
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t), p += sizeof(uint64_t))
        h = hash_mix(h, hash_word(p));
    if (len) {
        uint64_t word = 0;
        memcpy(&word, p, len);
        h = hash_mix(h, word);
    }
    return h;
}

/* hash_unordered continues from h with bytes in any order: the fields of a table are encoded
 * in another one in each process that was not forked from the same. */
static inline uint64_t
hash_unordered(uint64_t h, const void *bytes, size_t len)
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
