#include "memory/chunk.h"

#include <errno.h>

#include "memory/self.h"
#include "base/ensure.h"

enum { POPULATE_FIRST = 2 * ARENA_UNIT };

static bool
same_kind(uint64_t word, uint32_t units, uint32_t size_class)
{
    return chunk_word_units(word) == units && chunk_word_class(word) == size_class;
}

/* The last steps of a claim, for the claimer and for its heir. */
static void
link_chunk(struct self *self, uint32_t size_class, uint32_t unit, uint32_t units)
{
    struct chunk *c = chunk_at(self->arena, unit);
    if (atom_peek(&self->slot->chunks[size_class]) != unit + 1) {
        c->size_class = size_class;
        c->owner = self->me;
        c->bytes = (uint64_t)units * ARENA_UNIT;
        c->next = self->slot->chunks[size_class];
        /* release: pairs with the acquire of who walks the list after our death. */
        atom_store(&self->slot->chunks[size_class], unit + 1);
    }
    atom_store(&self->slot->chunk_intent, 0);
}

/* Part of the heap: memory, or the spill. */
struct part {
    uint32_t end;   /* first unit behind it */
    uint32_t *hint; /* in the arena's head */
};

static struct part
memory_part(const struct arena *a)
{
    return (struct part){a->header->budget_units, &a->header->unit_hint};
}

static struct part
spill_part(const struct arena *a)
{
    return (struct part){a->units, &a->header->spill_hint};
}

/* The unit's memory is not available: somebody may claim it again later. */
static void
give_back(struct self *self, uint32_t unit, uint64_t word)
{
    struct arena *a = self->arena;
    struct part p = unit < a->spill_unit ? memory_part(a) : spill_part(a);
    atom_store(&a->table[unit], word | CHUNK_WORD_FREE);
    if (atom_peek(p.hint) > unit)
        atom_set(p.hint, unit); /* what is free must be found */
    atom_store(&self->slot->chunk_intent, 0);
}

/* Walks the log from the hint to the first unit that is available and takes it.
 * Returns the unit, or part.end: none. */
static uint32_t
take_unit(struct self *self, uint32_t size_class, uint32_t units, struct part part)
{
    struct arena *a = self->arena;
    uint32_t u = atom_peek(part.hint); /* a hint: any old value is a boundary */
    bool passed_free = false;
    while ((uint64_t)u + units <= part.end) {
        uint64_t word = atom_load(&a->table[u]);
        bool again = (word & CHUNK_WORD_FREE) && same_kind(word, units, size_class);
        if (word && !again) {
            passed_free |= (word & CHUNK_WORD_FREE) != 0;
            u += chunk_word_units(word);
            if (!passed_free)
                atom_set(part.hint, u);
            continue;
        }
        if (unlikely(arena_reserve_table(a, u)))
            return part.end;
        /* The intent first (R3), then the word that names the winner (R2). */
        atom_set(&self->slot->chunk_class, size_class);
        atom_store(&self->slot->chunk_intent, u + 1);
        if (atom_cas(&a->table[u], &word, chunk_word(units, self->me, size_class)))
            return u;
        atom_store(&self->slot->chunk_intent, 0);
    }
    return part.end;
}

static int
claim_in(struct self *self, uint32_t size_class, uint32_t units, struct part part,
         uint32_t *unit)
{
    struct arena *a = self->arena;
    uint32_t u = take_unit(self, size_class, units, part);
    if (u == part.end)
        return -ENOSPC;

    size_t at = arena_unit_offset(a, u), len = (size_t)units * ARENA_UNIT;
    int err = arena_reserve(a, at, len);
    if (err) {
        give_back(self, u, chunk_word(units, self->me, size_class));
        return err;
    }
    /* A class's first small chunk may stay nearly empty: each page when it is touched. */
    if (len > POPULATE_FIRST || atom_peek(&self->slot->chunks[size_class]))
        arena_populate(a, at, len);
    link_chunk(self, size_class, u, units);
    *unit = u;
    return 0;
}

int
chunk_claim(struct self *self, uint32_t size_class, size_t bytes, uint32_t *unit)
{
    struct arena *a = self->arena;
    uint32_t units = (uint32_t)((bytes + ARENA_UNIT - 1) / ARENA_UNIT);
    int err = claim_in(self, size_class, units, memory_part(a), unit);
    if (err && a->spill_fd >= 0)
        err = claim_in(self, size_class, units, spill_part(a), unit);
    return err;
}

void
chunk_recover(struct self *self)
{
    uint32_t intent = atom_load(&self->slot->chunk_intent);
    if (!intent)
        return;
    struct arena *a = self->arena;
    uint32_t size_class = self->slot->chunk_class, u = intent - 1;
    ENSURE(size_class < SLOT_CLASSES && u < a->units);

    uint64_t word = atom_load(&a->table[u]);
    bool mine = !(word & CHUNK_WORD_FREE) && chunk_word_class(word) == size_class &&
                chunk_word_owner(word) == self->me;
    if (!mine) {
        atom_store(&self->slot->chunk_intent, 0);
        return;
    }
    uint32_t units = chunk_word_units(word);
    /* In use: never given back. */
    bool linked = atom_peek(&self->slot->chunks[size_class]) == u + 1;
    if (!linked && arena_reserve(a, arena_unit_offset(a, u), (size_t)units * ARENA_UNIT)) {
        give_back(self, u, word);
        return;
    }
    link_chunk(self, size_class, u, units);
}
