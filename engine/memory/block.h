/* block: memory of any size for large arguments, dict records and task records.
 *
 *   word:  generation (32) | slot that owns the slab (16) | class (8) | state (8)
 *
 *   FREE --block_new(), owner of the slab--> USED --block_free()--> FREE, gen + 1
 *
 * A block says whom it serves in `owner_tag`; freeing it compares word and owner_tag
 * first, so that a redo never frees a block that was already used again. Readers
 * of dicts look at a block without a lock and compare the word before and after.
 *
 * Died between pick and take (slab.h): nothing has happened. Died after take, before the
 * block was linked where its user finds it: slot->unlinked_block names it and recover.c
 * frees it. */
#ifndef PRN_BLOCK_H
#define PRN_BLOCK_H

#include "memory/arena.h"

struct self;

enum { BLOCK_FREE = 0,
       BLOCK_USED = 1 };

struct block {
    uint64_t word;      /* see above */
    uint64_t owner_tag; /* writer: who takes it, before it is USED */
    char bytes[];
};

/* block_new takes a block with room for `bytes`, serving `owner_tag`, and names it
 * in slot->unlinked_block; the caller links it and then calls block_published().
 * 0 and *index, -ENOSPC, -ENOMEM. */
int block_new(struct self *self, size_t bytes, uint64_t owner_tag, uint32_t *index);
/* block_published: the block is now found through what it serves. */
void block_published(struct self *self);
/* block_free ends the use of the block if its word is still `word`. Idempotent. */
void block_free(struct self *self, uint32_t index, uint64_t word);
/* block_capacity returns how many bytes fit. */
size_t block_capacity(const struct arena *a, uint32_t index);

static inline uint64_t
block_word(uint32_t generation, uint32_t owner, uint32_t size_class, uint32_t state)
{
    return (uint64_t)generation << 32 | owner << 16 | size_class << 8 | state;
}

static inline uint32_t
block_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* The slot that owns the slab it lies in. */
static inline uint32_t
block_owner(uint64_t word)
{
    return (word >> 16) & 0xffff;
}

static inline uint32_t
block_class(uint64_t word)
{
    return (word >> 8) & 0xff;
}

static inline uint32_t
block_state(uint64_t word)
{
    return word & 0xff;
}

static inline struct block *
block_at(const struct arena *a, uint32_t index)
{
    return arena_grain(a, index);
}

/* `owner_tag` of a block that belongs to a task, of a dict record, of a slot's spare
 * task record. */
static inline uint64_t
serves_task(uint32_t index, uint32_t generation)
{
    return (uint64_t)index << 32 | generation;
}
#define OWNER_TAG_DICT 1u /* index 0 is the arena's head: no task has it */
#define SERVES_SLOT 2u
#define SERVES_LIST 3u

#endif
