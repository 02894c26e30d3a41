/* slab: items of one size, in chunks that belong to one slot.
 *
 * The first 8 bytes of an item are its word; the item is free when the word's
 * low byte is 0. Only the slot that owns the slab turns a free item into a used
 * one; whoever is entitled to end its use turns it back. So there is no free
 * list in shared memory, nothing to corrupt and no ABA: what is free is found by
 * looking. Where to look is remembered privately, in struct slab. */
#ifndef PRN_SLAB_H
#define PRN_SLAB_H

#include "memory/arena.h"

struct self;

enum {
    SLAB_TASK = 0,                         /* 64-byte task descriptors */
    SLAB_BLOCK = 1,                        /* first class of blocks; see slab_class() */
    SLAB_BLOCKS = 18,                      /* how many block classes with several items a chunk */
    SLAB_LARGE = SLAB_BLOCK + SLAB_BLOCKS, /* blocks with a chunk of their own */
    SLAB_LOG = SLAB_LARGE + 1,             /* logs of collect(): no items */
    SLAB_RING = SLAB_LARGE + 2,            /* rings of hints: no items */
    SLAB_INDEX = SLAB_LARGE + 3,           /* dicts and their index arrays: no items */
};

/* What the owner remembers about one class. Private; hints only. */
struct slab {
    uint32_t *free; /* items that were seen free */
    size_t nfree, cap;
    uint32_t bump, bump_end; /* never used part of the newest chunk, as indexes */
    uint32_t *chunks;        /* units */
    size_t nchunks, chunks_cap;
    uint32_t sweep; /* next chunk to look through */
    bool grow;      /* the last sweep found little: take a new chunk next */
    size_t bytes;   /* of all chunks */
};

/* slab_pick finds a free item of `class` and its index. It stays free until the
 * caller stores a word; until then nothing has happened. 0, -ENOSPC, -ENOMEM. */
int slab_pick(struct self *self, uint32_t size_class, uint32_t *index);
/* slab_pick_large: the same for SLAB_LARGE, at least `bytes` with the header. */
int slab_pick_large(struct self *self, size_t bytes, uint32_t *index);
/* slab_hint remembers that this item of ours is free again. */
void slab_hint(struct self *self, uint32_t size_class, uint32_t index);
/* slab_class returns the smallest block class that holds `bytes`. */
uint32_t slab_class(size_t bytes);
/* slab_item_bytes returns the size of the items of a class. */
size_t slab_item_bytes(uint32_t size_class);
/* slab_open, slab_close: the private part, from the slot's list of chunks. */
int slab_open(struct self *self, uint32_t size_class);
void slab_close(struct self *self, uint32_t size_class);
/* slab_each calls fn with the index of every item of a slot's class, used or
 * not. For reports and recovery, not for the hot path. */
void slab_each(struct arena *a, uint32_t slot, uint32_t size_class,
               void (*fn)(void *arg, uint32_t index), void *arg);

#endif
