#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/chunk.h"
#include "store/names.h"

enum { MARGIN = 1024,
       FIXED = 5 };

struct piece {
    size_t at, bytes;
};

/* Units in use of one part of the heap: memory, or the spill. */
struct heap {
    uint32_t first;          /* its first unit */
    uint32_t n;              /* units in use */
    size_t live[STEP_UNITS]; /* of each: bytes up to the last that is not 0, and some */
    char *bytes;             /* STEP_UNITS units */
};

struct image {
    struct piece fixed[FIXED];
    char *copies[FIXED];
    struct heap heaps[2];
    bool taken;
};

static void
give_up(const char *why)
{
    fprintf(stderr, "step: %s\n", why);
    exit(2);
}

static void *
need(void *p)
{
    if (!p)
        give_up("out of memory");
    return p;
}

struct image *
image_new(void)
{
    struct image *i = need(calloc(1, sizeof *i));
    for (int h = 0; h < 2; h++)
        i->heaps[h].bytes = need(calloc(STEP_UNITS, ARENA_UNIT));
    return i;
}

void
image_arena(struct arena *a, bool spill)
{
    if (arena_open(a, ARENA_BYTES_MIN))
        give_up("no memory for an arena");
    a->sums = true; /* as under --state: what there is more of it can go wrong, too */
    /* A budget of one unit, which the first chunk takes. */
    if (spill && arena_spill(a, "/tmp", ARENA_UNIT))
        give_up("no room for a spill file in /tmp");
    a->header->nworkers = STEP_WORKERS;
    for (uint32_t k = 0; k <= STEP_WORKERS; k++)
        self_slot_init(a, k);
}

/* The parts that have a fixed place. */
static void
find_pieces(const struct arena *a, struct piece *p)
{
    p[0] = (struct piece){0, sizeof(struct arena_header)};
    p[1] = (struct piece){a->slots_at, (STEP_WORKERS + 1) * sizeof(struct slot)};
    p[2] = (struct piece){a->names_at, ARENA_NAMES * sizeof(struct name)};
    p[3] = (struct piece){a->table_at, STEP_UNITS * sizeof(uint64_t)};
    /* The spill's part of the table, if there is a spill. */
    bool spill = a->spill_unit < a->units;
    p[4] = (struct piece){a->table_at + a->spill_unit * sizeof(uint64_t),
                          spill ? STEP_UNITS * sizeof(uint64_t) : 0};
}

/* The table is a log: see chunk.h. */
static uint32_t
units_in_use(const struct arena *a, uint32_t first, uint32_t end)
{
    uint32_t u = first;
    while (u < end && atom_load(&a->table[u]))
        u += (uint32_t)(a->table[u] >> 32);
    if (u - first > STEP_UNITS)
        give_up("the scenario uses too much memory");
    return u - first;
}

static uint32_t
heap_first(const struct arena *a, int h)
{
    return h ? a->spill_unit : 0;
}

static uint32_t
heap_used(const struct arena *a, int h)
{
    uint32_t first = heap_first(a, h);
    return first < a->units ? units_in_use(a, first, h ? a->units : a->spill_unit) : 0;
}

static char *
unit_at(const struct arena *a, uint32_t unit)
{
    return (char *)chunk_at(a, unit);
}

static bool
heap_changed(const struct heap *h, const struct arena *a)
{
    if (heap_used(a, h->first != 0) != h->n)
        return true;
    for (uint32_t u = 0; u < h->n; u++) {
        if (memcmp(h->bytes + (size_t)u * ARENA_UNIT, unit_at(a, h->first + u), h->live[u]))
            return true;
    }
    return false;
}

bool
image_changed(const struct image *i, const struct arena *a)
{
    if (!i->taken)
        return true;
    for (int k = 0; k < FIXED; k++) {
        if (memcmp(i->copies[k], a->base + i->fixed[k].at, i->fixed[k].bytes))
            return true;
    }
    return heap_changed(&i->heaps[0], a) || (i->heaps[1].first && heap_changed(&i->heaps[1], a));
}

static size_t
live_bytes(const char *unit)
{
    const uint64_t *w = (const uint64_t *)unit;
    size_t n = ARENA_UNIT / sizeof *w;
    while (n && !w[n - 1])
        n--;
    n = n * sizeof *w + MARGIN;
    return n < ARENA_UNIT ? n : ARENA_UNIT;
}

static void
take_heap(struct heap *h, const struct arena *a, int which)
{
    h->first = heap_first(a, which);
    h->n = heap_used(a, which);
    for (uint32_t u = 0; u < h->n; u++) {
        char *to = h->bytes + (size_t)u * ARENA_UNIT;
        memcpy(to, unit_at(a, h->first + u), ARENA_UNIT);
        h->live[u] = live_bytes(to);
    }
}

void
image_take(struct image *i, const struct arena *a)
{
    find_pieces(a, i->fixed);
    for (int k = 0; k < FIXED; k++) {
        if (!i->copies[k]) /* STEP_UNITS words at most where the size varies */
            i->copies[k] = need(malloc(i->fixed[k].bytes + STEP_UNITS * sizeof(uint64_t)));
        memcpy(i->copies[k], a->base + i->fixed[k].at, i->fixed[k].bytes);
    }
    take_heap(&i->heaps[0], a, 0);
    if (a->spill_unit < a->units)
        take_heap(&i->heaps[1], a, 1);
    else
        i->heaps[1].first = i->heaps[1].n = 0;
    i->taken = true;
}

/* Before the table is overwritten: what the arena has used and the image has not. */
static void
put_heap(const struct heap *h, struct arena *a, int which)
{
    uint32_t used = heap_used(a, which);
    for (uint32_t u = 0; u < h->n; u++)
        memcpy(unit_at(a, h->first + u), h->bytes + (size_t)u * ARENA_UNIT, ARENA_UNIT);
    for (uint32_t u = h->n; u < used; u++)
        memset(unit_at(a, h->first + u), 0, ARENA_UNIT);
}

void
image_put(const struct image *i, struct arena *a)
{
    put_heap(&i->heaps[0], a, 0);
    if (i->heaps[1].first)
        put_heap(&i->heaps[1], a, 1);
    for (int k = 0; k < FIXED; k++)
        memcpy(a->base + i->fixed[k].at, i->copies[k], i->fixed[k].bytes);
}
