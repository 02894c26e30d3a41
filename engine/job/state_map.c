#include "job/state_map.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "memory/slab.h"

uint64_t
check_unit_offset(const struct check *c, uint32_t unit)
{
    return arena_unit_offset(c->a, unit);
}

struct extent *
check_extent(const struct check *c, uint64_t offset)
{
    if (offset < c->a->heap_at)
        return NULL;
    uint64_t unit = (offset - c->a->heap_at) / ARENA_UNIT;
    size_t low = 0, high = c->nextents;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct extent *e = &c->extents[mid];
        if (unit < e->unit)
            high = mid;
        else if (unit >= (uint64_t)e->unit + e->units)
            low = mid + 1;
        else
            return e;
    }
    return NULL;
}

struct extent *
check_list_entry(const struct check *c, uint32_t u)
{
    struct extent *e = u - 1 < c->used_units ? check_extent(c, check_unit_offset(c, u - 1)) : NULL;
    return e && e->unit == u - 1 ? e : NULL;
}

/* The chunk in which an item starts there; NULL: none does. */
static struct extent *
item_at(const struct check *c, uint32_t index)
{
    uint64_t offset = (uint64_t)index * ARENA_GRAIN;
    struct extent *e = check_extent(c, offset);
    if (!e || !e->linked || e->size_class > SLAB_LARGE)
        return NULL;
    uint64_t from = check_unit_offset(c, e->unit) + ARENA_GRAIN;
    if (offset < from)
        return NULL;
    if (e->size_class == SLAB_LARGE)
        return offset == from ? e : NULL;
    uint64_t size = slab_item_bytes(e->size_class);
    uint64_t room = (uint64_t)e->units * ARENA_UNIT - ARENA_GRAIN;
    return (offset - from) % size == 0 && (offset - from) / size < room / size ? e : NULL;
}

bool
check_is_task(const struct check *c, uint32_t index)
{
    const struct extent *e = item_at(c, index);
    return e && e->size_class == SLAB_TASK;
}

bool
check_is_block(const struct check *c, uint32_t index)
{
    const struct extent *e = item_at(c, index);
    return e && e->size_class != SLAB_TASK;
}

bool
check_used(const struct check *c, uint32_t index, uint64_t bytes)
{
    return check_is_block(c, index) &&
           block_state(atom_peek(&block_at(c->a, index)->word)) == BLOCK_USED &&
           block_capacity(c->a, index) >= bytes;
}

/* Of a bitmap with a bit for each grain of the heap. */
static uint64_t *
mark_of(const struct check *c, uint64_t *marks, uint32_t index, uint64_t *bit)
{
    uint64_t grain = index - c->a->heap_at / ARENA_GRAIN;
    *bit = (uint64_t)1 << grain % 64;
    return &marks[grain / 64];
}

static bool
is_marked(const struct check *c, uint64_t *marks, uint32_t index)
{
    uint64_t bit, *word = mark_of(c, marks, index, &bit);
    return *word & bit;
}

static bool
mark(const struct check *c, uint64_t *marks, uint32_t index)
{
    uint64_t bit, *word = mark_of(c, marks, index, &bit);
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

bool
check_marked(const struct check *c, uint32_t index)
{
    return is_marked(c, c->marks, index);
}

bool
check_mark(struct check *c, uint32_t index)
{
    return mark(c, c->marks, index);
}

bool
check_named(const struct check *c, uint32_t index)
{
    return is_marked(c, c->named, index);
}

bool
check_name_task(struct check *c, uint32_t index)
{
    return mark(c, c->named, index);
}

bool
check_runs(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    if (s->phase == PHASE_IDLE || !s->cur)
        return false;
    uint64_t word = atom_peek(&task_at(c->a, s->cur)->word);
    return task_state(word) == TASK_RUN && task_worker(word) == k &&
           task_generation(word) == task_generation(s->expect);
}

bool
check_zero_bytes(const char *p, size_t n)
{
    return !n || (!p[0] && memcmp(p, p + 1, n - 1) == 0); /* each is like the next */
}

/* Holes of the file are passed over: most of it is. */
bool
check_zero(const struct check *c, uint64_t from, uint64_t to)
{
    while (from < to) {
        off_t data = lseek(c->a->fd, (off_t)from, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return true;
        uint64_t at = data < 0 ? from : (uint64_t)data;
        off_t hole = data < 0 ? -1 : lseek(c->a->fd, data, SEEK_HOLE);
        uint64_t end = hole < 0 || (uint64_t)hole > to ? to : (uint64_t)hole;
        if (at < end && !check_zero_bytes(c->a->base + at, end - at))
            return false;
        from = end > at ? end : to;
    }
    return true;
}
