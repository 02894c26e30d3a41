#include "task/counts.h"

#include "memory/layout.h"

static uint64_t
at_most(uint64_t n, uint64_t limit)
{
    return n < limit ? n : limit;
}

static void
add_ended(struct counts *c, const struct slot *s)
{
    /* acquire: pairs with the release in apply_own() of commit.c; failed and quarantined of what is
     * among these are there, and what it took to post them. First of all. */
    uint64_t finished = atom_load(&s->finished);
    uint64_t failed = at_most(atom_peek(&s->failed), finished);
    c->finished += finished;
    c->failed += failed;
    uint64_t quarantined = at_most(atom_peek(&s->quarantined), finished - failed);
    c->quarantined += quarantined;
    c->duplicates += at_most(atom_peek(&s->duplicates), finished - failed - quarantined);
    c->retried += atom_peek(&s->retried);
}

static void
add_posted(struct counts *c, const struct arena *a)
{
    /* Asked again: whatever `finished` holds was finished after its poster's slot had come. */
    for (uint32_t k = 0, n = arena_workers(a); k <= n; k++)
        c->posted += atom_load(&slot_at(a, k)->posted);
}

void
counts_sum(const struct arena *a, struct counts *c)
{
    *c = (struct counts){0};
    for (uint32_t k = 0, n = arena_workers(a); k <= n; k++)
        add_ended(c, slot_at(a, k));
    add_posted(c, a);
}
