#include "chunk.h"

#include <errno.h>

#include "actor.h"
#include "ensure.h"

/* Table word: units (32) | owner (16) | flags (8) | class + 1 (8). */
#define WORD_FREE ((uint64_t)1 << 8)

static uint64_t
word_of(uint32_t units, uint32_t owner, uint32_t class)
{
    return (uint64_t)units << 32 | (uint64_t)owner << 16 | (class + 1);
}

static bool
same_kind(uint64_t word, uint32_t units, uint32_t class)
{
    return word >> 32 == units && (word & 0xff) == class + 1;
}

/* The last steps of a claim, for the claimer and for who inherits it. */
static void
link_chunk(struct actor *x, uint32_t class, uint32_t unit, uint32_t units)
{
    struct chunk *c = chunk_at(x->arena, unit);
    if (atom_peek(&x->slot->chunks[class]) != unit + 1) {
        c->class = class;
        c->owner = x->me;
        c->bytes = (uint64_t)units * ARENA_UNIT;
        c->next = x->slot->chunks[class];
        /* release: pairs with the acquire of who walks the list after our death. */
        atom_store(&x->slot->chunks[class], unit + 1);
    }
    atom_store(&x->slot->chunk_intent, 0);
}

/* Walks the log from the hint to the first unit that can be had and takes it.
 * Returns the unit, or a->units (none left). */
static uint32_t
take_unit(struct actor *x, uint32_t class, uint32_t units)
{
    struct arena *a = x->arena;
    uint32_t u = atom_peek(&a->head->unit_hint); /* a hint: any old value is a boundary */
    bool passed_free = false;
    while ((uint64_t)u + units <= a->units) {
        uint64_t word = atom_load(&a->table[u]);
        bool again = (word & WORD_FREE) && same_kind(word, units, class);
        if (word && !again) {
            passed_free |= (word & WORD_FREE) != 0;
            u += (uint32_t)(word >> 32);
            if (!passed_free)
                atom_set(&a->head->unit_hint, u);
            continue;
        }
        /* The intent first (R3), then the word that names the winner (R2). */
        atom_set(&x->slot->chunk_class, class);
        atom_store(&x->slot->chunk_intent, u + 1);
        if (atom_cas(&a->table[u], &word, word_of(units, x->me, class)))
            return u;
        atom_store(&x->slot->chunk_intent, 0);
    }
    return a->units;
}

int
chunk_claim(struct actor *x, uint32_t class, size_t bytes, uint32_t *unit)
{
    struct arena *a = x->arena;
    uint32_t units = (uint32_t)((bytes + ARENA_UNIT - 1) / ARENA_UNIT);
    uint32_t u = take_unit(x, class, units);
    if (u == a->units)
        return -ENOSPC;

    size_t at = arena_unit_offset(a, u), len = (size_t)units * ARENA_UNIT;
    int err = arena_reserve(a, at, len);
    if (err) {
        atom_store(&a->table[u], word_of(units, x->me, class) | WORD_FREE);
        if (atom_peek(&a->head->unit_hint) > u)
            atom_set(&a->head->unit_hint, u); /* what is free must be found */
        atom_store(&x->slot->chunk_intent, 0);
        return err;
    }
    arena_populate(a, at, len);
    link_chunk(x, class, u, units);
    *unit = u;
    return 0;
}

void
chunk_recover(struct actor *x)
{
    uint32_t intent = atom_load(&x->slot->chunk_intent);
    if (!intent)
        return;
    struct arena *a = x->arena;
    uint32_t class = x->slot->chunk_class, u = intent - 1;
    ENSURE(class < SLOT_CLASSES && u < a->units);

    uint64_t word = atom_load(&a->table[u]);
    bool mine = !(word & WORD_FREE) && (word & 0xff) == class + 1 &&
                (uint16_t)(word >> 16) == x->me;
    if (!mine) {
        atom_store(&x->slot->chunk_intent, 0);
        return;
    }
    uint32_t units = (uint32_t)(word >> 32);
    if (arena_reserve(a, arena_unit_offset(a, u), (size_t)units * ARENA_UNIT)) {
        atom_store(&a->table[u], word | WORD_FREE);
        atom_store(&x->slot->chunk_intent, 0);
        return;
    }
    link_chunk(x, class, u, units);
}
