#include "memory/block.h"

#include "memory/self.h"
#include "memory/chunk.h"

static uint32_t
class_of(uint64_t word)
{
    return (word >> 8) & 0xff;
}

static uint32_t
slab_owner(uint64_t word)
{
    return (word >> 16) & 0xffff;
}

int
block_new(struct self *self, size_t bytes, uint64_t owner_tag, uint32_t *index)
{
    size_t need = bytes + sizeof(struct block);
    uint32_t size_class = slab_class(need), i;
    int err = size_class == SLAB_LARGE ? slab_pick_large(self, need, &i)
                                       : slab_pick(self, size_class, &i);
    if (err)
        return err;

    struct block *b = block_at(self->arena, i);
    uint64_t gen = atom_peek(&b->word) >> 32; /* free and ours: nobody else writes it */
    atom_store(&self->slot->unlinked_block, i);
    atom_set(&b->owner_tag, owner_tag);
    /* release: who finds the block USED finds what it serves. */
    atom_store(&b->word, gen << 32 | (uint64_t)self->me << 16 | size_class << 8 | BLOCK_USED);
    *index = i;
    return 0;
}

void
block_published(struct self *self)
{
    atom_store(&self->slot->unlinked_block, 0);
}

void
block_free(struct self *self, uint32_t index, uint64_t word)
{
    struct block *b = block_at(self->arena, index);
    if ((word & 0xff) != BLOCK_USED || atom_peek(&b->word) != word)
        return;
    /* release: pairs with is_free() in slab.c: our reads of it are over. The
     * class and slab owner stay, for block_capacity(). */
    atom_store(&b->word, ((word >> 32) + 1) << 32 | (word & 0xffffff00u) | BLOCK_FREE);
    if (slab_owner(word) == self->me)
        slab_hint(self, class_of(word), index);
}

size_t
block_capacity(const struct arena *a, uint32_t index)
{
    struct block *b = block_at(a, index);
    uint32_t size_class = class_of(atom_peek(&b->word));
    if (size_class == SLAB_LARGE) {
        struct chunk *c = (struct chunk *)((char *)b - ARENA_GRAIN);
        return c->bytes - ARENA_GRAIN - sizeof *b;
    }
    return slab_item_bytes(size_class) - sizeof *b;
}
