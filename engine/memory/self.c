#include "memory/self.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
self_open(struct self *out, struct arena *a, uint32_t me, uint32_t nslots)
{
    memset(out, 0, sizeof *out);
    out->arena = a;
    out->slot = slot_at(a, me);
    out->me = me;
    out->nvictims = nslots;
    out->random = me * 2654435761u + 1;
    out->next_victim = me + 1 < nslots ? me + 1 : 0;
    out->partial = true;
    out->pending.sums = a->sums;
    for (uint32_t c = 0; c < SLOT_CLASSES; c++) {
        int err = slab_open(out, c);
        if (err) {
            self_close(out);
            return err;
        }
    }
    return 0;
}

void
self_follow(struct self *self)
{
    uint32_t n = arena_workers(self->arena) + 1;
    if (n > self->nvictims)
        self->nvictims = n;
}

void
self_close(struct self *self)
{
    for (uint32_t c = 0; c < SLOT_CLASSES; c++)
        slab_close(self, c);
    free(self->copy);
    self->copy = NULL;
    self->copy_room = 0;
}

uint64_t
self_first_ring(const struct arena *a, uint32_t me)
{
    return ring_word(arena_offset(a, slot_at(a, me)->ring0), __builtin_ctz(SLOT_RING));
}

void
self_slot_init(struct arena *a, uint32_t me)
{
    struct slot *s = slot_at(a, me);
    s->tx.list = arena_offset(a, s->tx.own);
    atom_store(&s->ring, self_first_ring(a, me));
}
