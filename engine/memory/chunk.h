/* chunk: runs of 16 KiB units of the heap, each owned by one slot for good.
 *
 *   table[unit]:  0  --CAS by the claimer-->  units | kind | owner
 *
 * The table is a log: an entry of n units is followed by the entry n units on,
 * so the words in between stay 0 and are never looked at. A chunk keeps its kind
 * for the whole run (readers without locks may look at old addresses); one whose
 * memory was not available carries the flag FREE and may be claimed again for the
 * same kind and size.
 *
 * Died halfway: the slot's chunk_intent names the unit before the CAS; the table
 * word says whether the CAS succeeded. chunk_recover() then finishes the claim. */
#ifndef PRN_CHUNK_H
#define PRN_CHUNK_H

#include "memory/arena.h"

struct self;

/* At the start of each chunk. */
struct chunk {
    uint32_t next;       /* unit + 1 of the next older chunk of this slot and class; fixed */
    uint32_t size_class; /* fixed */
    uint32_t owner;      /* slot; fixed */
    uint32_t pad;
    uint64_t bytes; /* of the whole chunk; fixed */
    uint64_t used;  /* logs only. writer: owner */
    uint64_t pad2[4];
};

/* chunk_claim takes `bytes` (rounded up to units), allocates the memory and links
 * the chunk into the slot's list of `class`. 0 and *unit, or -ENOSPC/-ENOMEM.
 * Never waits; retries when another process takes the same unit. */
int chunk_claim(struct self *self, uint32_t size_class, size_t bytes, uint32_t *unit);
/* chunk_recover finishes or drops the claim a dead owner had begun. */
void chunk_recover(struct self *self);

/* A word of the table: units (32) | owner (16) | flags (8) | class + 1 (8). */
#define CHUNK_WORD_FREE ((uint64_t)1 << 8) /* flag: its memory was not available */

static inline uint64_t
chunk_word(uint32_t units, uint32_t owner, uint32_t size_class)
{
    return (uint64_t)units << 32 | owner << 16 | (size_class + 1);
}

static inline uint32_t
chunk_word_units(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint32_t
chunk_word_owner(uint64_t word)
{
    return (word >> 16) & 0xffff;
}

static inline uint32_t
chunk_word_flags(uint64_t word)
{
    return (word >> 8) & 0xff;
}

static inline uint32_t
chunk_word_class(uint64_t word)
{
    return (word & 0xff) - 1;
}

static inline struct chunk *
chunk_at(const struct arena *a, uint32_t unit)
{
    return (struct chunk *)(a->base + arena_unit_offset(a, unit));
}

#endif
