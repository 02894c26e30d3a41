#include "memory/block.h"

#include "memory/self.h"
#include "memory/chunk.h"

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
    uint32_t gen = block_generation(atom_peek(&b->word)); /* free and ours: nobody else writes it */
    atom_store(&self->slot->unlinked_block, i);
    atom_set(&b->owner_tag, owner_tag);
    /* release: who finds the block USED finds what it serves. */
    atom_store(&b->word, block_word(gen, self->me, size_class, BLOCK_USED));
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
    if (block_state(word) != BLOCK_USED || atom_peek(&b->word) != word)
        return;
    /* release: pairs with is_free() in slab.c: our reads of it are over. The
     * class and slab owner stay, for block_capacity(). */
    atom_store(&b->word, block_word(block_generation(word) + 1, block_owner(word),
                                    block_class(word), BLOCK_FREE));
    if (block_owner(word) == self->me)
        slab_hint(self, block_class(word), index);
}

size_t
block_capacity(const struct arena *a, uint32_t index)
{
    struct block *b = block_at(a, index);
    uint32_t size_class = block_class(atom_peek(&b->word));
    if (size_class == SLAB_LARGE) {
        struct chunk *c = (struct chunk *)((char *)b - ARENA_GRAIN);
        return c->bytes - ARENA_GRAIN - sizeof *b;
    }
    return slab_item_bytes(size_class) - sizeof *b;
}
