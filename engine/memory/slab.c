#include "memory/slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "memory/self.h"
#include "memory/chunk.h"
#include "base/ensure.h"

enum {
    CHUNK_MAX = 1 << 20, /* chunks double from one unit to this */
    FREE_MAX = 1 << 16,  /* remembered free items; the rest is found by sweeping */
};

static const uint16_t block_grains[SLAB_BLOCKS] = {
    1,
    2,
    3,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
    512,
};

size_t
slab_item_bytes(uint32_t size_class)
{
    if (size_class == SLAB_TASK)
        return ARENA_GRAIN;
    return (size_t)block_grains[size_class - SLAB_BLOCK] * ARENA_GRAIN;
}

uint32_t
slab_class(size_t bytes)
{
    uint32_t i = 0;
    if (bytes > 8 * ARENA_GRAIN)
        i = 6;
    while (i < SLAB_BLOCKS && (size_t)block_grains[i] * ARENA_GRAIN < bytes)
        i++;
    return SLAB_BLOCK + i; /* == SLAB_LARGE past the last */
}

static bool
is_free(struct self *self, uint32_t index)
{
    uint64_t *word = arena_grain(self->arena, index);
    /* acquire: pairs with the release that ended the item's use; what it read
     * there it has read before we overwrite it. */
    return (atom_load(word) & 0xff) == 0;
}

static uint32_t
first_item(struct arena *a, uint32_t unit)
{
    return arena_index(a, chunk_at(a, unit)) + 1;
}

static uint32_t
item_count(struct arena *a, uint32_t unit, uint32_t size_class)
{
    size_t room = chunk_at(a, unit)->bytes - ARENA_GRAIN;
    return (uint32_t)(room / slab_item_bytes(size_class));
}

static int
remember_chunk(struct slab *s, uint32_t unit, size_t bytes)
{
    if (!array_reserve(&s->chunks, &s->chunks_cap, s->nchunks + 1, sizeof *s->chunks))
        return -ENOMEM;
    s->chunks[s->nchunks++] = unit;
    s->bytes += bytes;
    return 0;
}

static bool
remember_free(struct slab *s, uint32_t index)
{
    if (s->nfree >= FREE_MAX || !array_reserve(&s->free, &s->cap, s->nfree + 1, sizeof *s->free))
        return false;
    s->free[s->nfree++] = index;
    return true;
}

void
slab_hint(struct self *self, uint32_t size_class, uint32_t index)
{
    if (size_class < SLAB_LARGE)
        (void)remember_free(&self->slabs[size_class], index);
}

/* Looks through the next chunk in turn. */
static void
sweep(struct self *self, uint32_t size_class)
{
    struct slab *s = &self->slabs[size_class];
    uint32_t unit = s->chunks[s->sweep++ % s->nchunks];
    uint32_t step = (uint32_t)(slab_item_bytes(size_class) / ARENA_GRAIN);
    uint32_t n = item_count(self->arena, unit, size_class);
    uint32_t item = first_item(self->arena, unit) + n * step;
    for (uint32_t i = 0; i < n; i++) {
        item -= step; /* downwards: the stack then gives them in rising order */
        if (is_free(self, item) && !remember_free(s, item))
            break;
    }
    s->grow = s->nfree < n / 4;
}

static int
take_chunk(struct self *self, uint32_t size_class)
{
    struct slab *s = &self->slabs[size_class];
    size_t bytes = s->bytes;
    size_t least = ARENA_GRAIN + slab_item_bytes(size_class);
    if (bytes > CHUNK_MAX)
        bytes = CHUNK_MAX;
    if (bytes < least)
        bytes = least;

    uint32_t unit;
    int err = chunk_claim(self, size_class, bytes, &unit);
    if (err)
        return err;
    err = remember_chunk(s, unit, chunk_at(self->arena, unit)->bytes);
    if (err)
        return err;
    uint32_t step = (uint32_t)(slab_item_bytes(size_class) / ARENA_GRAIN);
    s->bump = first_item(self->arena, unit);
    s->bump_end = s->bump + item_count(self->arena, unit, size_class) * step;
    s->grow = false;
    return 0;
}

/* The stack is empty and the newest chunk used up. */
static int
refill(struct self *self, uint32_t size_class)
{
    struct slab *s = &self->slabs[size_class];
    if (s->nchunks && !s->grow) {
        sweep(self, size_class);
        if (s->nfree)
            return 0;
    }
    int err = take_chunk(self, size_class);
    if (!err)
        return 0;
    /* No memory: before giving up, look through everything once. */
    for (uint32_t i = 0; i < s->nchunks; i++) {
        sweep(self, size_class);
        if (s->nfree)
            return 0;
    }
    return err;
}

int
slab_pick(struct self *self, uint32_t size_class, uint32_t *index)
{
    struct slab *s = &self->slabs[size_class];
    for (;;) {
        while (s->nfree) {
            uint32_t item = s->free[--s->nfree];
            if (likely(is_free(self, item))) { /* a hint may be there twice */
                *index = item;
                return 0;
            }
        }
        if (s->bump < s->bump_end) {
            *index = s->bump;
            s->bump += (uint32_t)(slab_item_bytes(size_class) / ARENA_GRAIN);
            return 0;
        }
        int err = refill(self, size_class);
        if (err)
            return err;
    }
}

int
slab_pick_large(struct self *self, size_t bytes, uint32_t *index)
{
    struct slab *s = &self->slabs[SLAB_LARGE];
    bytes += ARENA_GRAIN;
    uint32_t best = 0;
    size_t best_bytes = SIZE_MAX;
    for (uint32_t i = 0; i < s->nchunks; i++) {
        struct chunk *c = chunk_at(self->arena, s->chunks[i]);
        uint32_t item = first_item(self->arena, s->chunks[i]);
        if (c->bytes >= bytes && c->bytes < best_bytes && is_free(self, item)) {
            best = item;
            best_bytes = c->bytes;
        }
    }
    /* A fit that wastes more than half is left for something larger. */
    if (best && best_bytes <= 2 * bytes + ARENA_UNIT) {
        *index = best;
        return 0;
    }
    uint32_t unit;
    int err = chunk_claim(self, SLAB_LARGE, bytes, &unit);
    if (!err)
        err = remember_chunk(s, unit, chunk_at(self->arena, unit)->bytes);
    if (!err) {
        *index = first_item(self->arena, unit);
    } else if (best) {
        *index = best;
        err = 0;
    }
    return err;
}

int
slab_open(struct self *self, uint32_t size_class)
{
    struct slab *s = &self->slabs[size_class];
    memset(s, 0, sizeof *s);
    for (uint32_t u = atom_load(&self->slot->chunks[size_class]); u;
         u = chunk_at(self->arena, u - 1)->next) {
        int err = remember_chunk(s, u - 1, chunk_at(self->arena, u - 1)->bytes);
        if (err)
            return err;
    }
    return 0;
}

void
slab_close(struct self *self, uint32_t size_class)
{
    free(self->slabs[size_class].free);
    free(self->slabs[size_class].chunks);
    memset(&self->slabs[size_class], 0, sizeof self->slabs[size_class]);
}

void
slab_each(struct arena *a, uint32_t slot, uint32_t size_class,
          void (*fn)(void *arg, uint32_t index), void *arg)
{
    for (uint32_t u = atom_load(&slot_at(a, slot)->chunks[size_class]); u;
         u = chunk_at(a, u - 1)->next) {
        uint32_t item = first_item(a, u - 1);
        if (size_class == SLAB_LARGE) { /* a chunk each */
            fn(arg, item);
            continue;
        }
        uint32_t step = (uint32_t)(slab_item_bytes(size_class) / ARENA_GRAIN);
        for (uint32_t n = item_count(a, u - 1, size_class); n; n--, item += step)
            fn(arg, item);
    }
}
