#include "task/queue.h"

#include <errno.h>
#include <string.h>

#include "memory/self.h"
#include "memory/chunk.h"
#include "task/task.h"

enum {
    STEAL_COPIES = 64, /* further hints taken along at a steal, at most */
    /* A claim begins with a miss on the task's own line: those of the next few tasks are
     * fetched meanwhile, for writing. Four are on their way for about as long as a miss. */
    PREFETCH_AHEAD = 4,
};

struct ring {
    uint32_t *hints;
    uint64_t mask;
};

/* acquire: pairs with the release in grow(): the copied hints are there. */
static struct ring
ring_of(const struct arena *a, const struct slot *s)
{
    uint64_t word = atom_load(&s->ring);
    struct ring r = {arena_at(a, ring_offset(word)), ((uint64_t)1 << ring_log2(word)) - 1};
    return r;
}

/* The old ring stays what it is: a thief that still reads it sees stale hints. */
static int
grow(struct self *self, uint64_t need)
{
    struct slot *s = self->slot;
    struct ring old = ring_of(self->arena, s);
    uint32_t log2 = ring_log2(atom_peek(&s->ring));
    do
        log2++;
    while (((uint64_t)1 << log2) < need);

    uint32_t unit;
    size_t bytes = ((size_t)1 << log2) * sizeof(uint32_t);
    /* The chunk's head takes a grain of it. */
    int err = chunk_claim(self, SLAB_RING, bytes + ARENA_GRAIN, &unit);
    if (err)
        return err;
    char *at = (char *)chunk_at(self->arena, unit) + ARENA_GRAIN;
    struct ring grown = {(uint32_t *)at, ((uint64_t)1 << log2) - 1};
    for (uint64_t p = s->head; p < s->tail; p++)
        grown.hints[p & grown.mask] = old.hints[p & old.mask];
    atom_store(&s->ring, ring_word(arena_offset(self->arena, at), log2));
    return 0;
}

static bool
is_stale(const struct self *self, uint32_t index)
{
    return task_state(atom_peek(&task_at(self->arena, index)->word)) != TASK_READY;
}

/* What thieves have taken from the low end. Nobody else does that for a LIFO ring,
 * nor for the supervisor's, from which its owner never takes. */
static void
drop_stale(struct self *self)
{
    struct slot *s = self->slot;
    struct ring r = ring_of(self->arena, s);
    uint64_t h = s->head;
    while (h < s->tail && is_stale(self, atom_peek(&r.hints[h & r.mask])))
        h++;
    atom_set(&s->head, h);
}

int
queue_reserve(struct self *self, uint32_t n)
{
    struct slot *s = self->slot;
    uint64_t room = (uint64_t)1 << ring_log2(atom_peek(&s->ring));
    n += self->suspended; /* each may come back */
    if (likely(s->tail - s->head + n <= room))
        return 0;
    drop_stale(self);
    uint64_t need = s->tail - s->head + n;
    return need <= room ? 0 : grow(self, need);
}

void
queue_put(struct self *self, uint64_t at, uint32_t index)
{
    struct ring r = ring_of(self->arena, self->slot);
    atom_set(&r.hints[at & r.mask], index);
    /* release: pairs with the acquire of `tail` by thieves. */
    atom_store(&self->slot->tail, at + 1);
}

int
queue_push(struct self *self, uint32_t index)
{
    int err = queue_reserve(self, 1);
    if (!err)
        queue_put(self, self->slot->tail, index);
    return err;
}

static bool
take_first(struct self *self)
{
    struct slot *s = self->slot;
    struct ring r = ring_of(self->arena, s);
    for (uint64_t h = s->head; h < s->tail; h++) {
        uint32_t index = atom_peek(&r.hints[h & r.mask]);
        __builtin_prefetch(arena_grain(self->arena, r.hints[(h + PREFETCH_AHEAD) & r.mask]), 1);
        bool claimed = task_claim(self, index);
        atom_set(&s->head, h + 1); /* only now: claimed or stale */
        if (claimed)
            return true;
    }
    return false;
}

static bool
take_last(struct self *self)
{
    struct slot *s = self->slot;
    struct ring r = ring_of(self->arena, s);
    while (s->tail > s->head) {
        uint64_t t = s->tail - 1;
        bool claimed = task_claim(self, atom_peek(&r.hints[t & r.mask]));
        atom_set(&s->tail, t);
        if (claimed)
            return true;
    }
    return false;
}

bool
queue_take(struct self *self)
{
    return self->lifo ? take_last(self) : take_first(self);
}

/* Copies n hints from position p on into the own ring. Best effort. */
static void
copy_hints(struct self *self, struct ring r, uint64_t p, uint64_t n)
{
    if (n == 0 || queue_reserve(self, (uint32_t)n + 1)) /* the claimed one may come back */
        return;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t index = atom_peek(&r.hints[(p + i) & r.mask]);
        if (index && !is_stale(self, index))
            queue_put(self, self->slot->tail, index);
    }
}

/* Claims the first ready task at positions [from, end) of the ring. */
static bool
claim_in(struct self *self, struct ring r, uint64_t from, uint64_t end, uint64_t *at)
{
    for (uint64_t p = from; p < end; p++) {
        uint32_t index = atom_peek(&r.hints[p & r.mask]);
        if (index && task_claim(self, index)) {
            *at = p;
            return true;
        }
    }
    return false;
}

/* The first position of slot s's ring that may be of use, given its head. Not below what some
 * thief has seen stale: positions of a FIFO ring only grow.
 * acquire: pairs with the release in seen_stale(). */
static uint64_t
low_of(const struct self *self, const struct slot *s, uint64_t head)
{
    uint64_t stale_to = self->lifo ? 0 : atom_load(&s->stale_to);
    return stale_to > head ? stale_to : head;
}

/* All hints below p are stale, and those from `from` on were just seen to be. Of two thieves the
 * lower may win: then somebody looks once more. release: pairs with low_of(); a thief that skips
 * them knows what we knew. */
static void
seen_stale(const struct self *self, struct slot *s, uint64_t from, uint64_t low, uint64_t p)
{
    if (from != low)
        return;
    if (!self->lifo && atom_peek(&s->stale_to) < p)
        atom_store(&s->stale_to, p);
}

/* Where to look first: behind what the last thief took; where the owner is not. */
static uint64_t
look_from(const struct self *self, const struct slot *s, uint64_t low, uint64_t end)
{
    uint64_t at = atom_peek(&s->steal_at);
    if (at > low && at <= end)
        return at;
    return self->lifo ? low : low + (end - low) / 2;
}

/* Takes from one victim; `all`: from everything not known stale. */
static bool
steal_from(struct self *self, uint32_t v, bool all)
{
    struct slot *s = slot_at(self->arena, v);
    /* acquire: pairs with queue_put(): the hints below tail are written. The ring
     * is read after the tail: a newer ring holds all that an older one held. */
    uint64_t end = atom_load(&s->tail), low = low_of(self, s, atom_load(&s->head)), at;
    struct ring r = ring_of(self->arena, s);
    if (low >= end)
        return false;

    uint64_t from = all ? low : look_from(self, s, low, end);
    if (!claim_in(self, r, from, end, &at)) {
        if (atom_peek(&s->steal_at) != end)
            atom_set(&s->steal_at, end);
        seen_stale(self, s, from, low, end);
        return false;
    }
    uint64_t copies = (end - at - 1) / 2;
    if (copies > STEAL_COPIES)
        copies = STEAL_COPIES;
    atom_set(&s->steal_at, at + 1 + copies); /* before: others take what is behind */
    seen_stale(self, s, from, low, at + 1);  /* this one is ours */
    copy_hints(self, r, at + 1, copies);
    self->next_victim = v;
    self->slot->steals++;
    return true;
}

static bool
steal(struct self *self, bool all)
{
    uint32_t v = self->next_victim;
    for (uint32_t i = 0; i < self->nvictims; i++) {
        if (v != self->me && steal_from(self, v, all))
            return true;
        v = v + 1 < self->nvictims ? v + 1 : 0;
    }
    self->random = self->random * 1664525u + 1013904223u;
    self->next_victim = (uint32_t)(((uint64_t)self->random * self->nvictims) >> 32);
    return false;
}

bool
queue_steal(struct self *self)
{
    return steal(self, false);
}

bool
queue_look(struct self *self)
{
    self_follow(self);
    return queue_take(self) || steal(self, true);
}

bool
queue_more(const struct self *self)
{
    const struct slot *s = self->slot;
    if (s->tail > s->head)
        return true;
    for (uint32_t k = 0; k < self->nvictims; k++) {
        const struct slot *of = slot_at(self->arena, k);
        if (k != self->me && atom_peek(&of->tail) > low_of(self, of, atom_load(&of->head)))
            return true;
    }
    return false;
}

static bool
any_in(const struct self *self, uint32_t k)
{
    const struct slot *s = slot_at(self->arena, k);
    /* acquire, and the ring after the tail: as in steal_from(). */
    uint64_t end = atom_load(&s->tail), p = low_of(self, s, atom_load(&s->head));
    struct ring r = ring_of(self->arena, s);
    for (; p < end; p++) {
        uint32_t index = atom_peek(&r.hints[p & r.mask]);
        if (index && !is_stale(self, index))
            return true;
    }
    return false;
}

bool
queue_any(struct self *self)
{
    self_follow(self);
    for (uint32_t k = 0; k < self->nvictims; k++) {
        if (any_in(self, k))
            return true;
    }
    return false;
}

int
queue_deal(struct self *self, uint32_t nworkers)
{
    struct slot *s = self->slot;
    struct ring r = ring_of(self->arena, s);
    uint64_t n = s->tail - s->head;
    struct self to;
    for (uint32_t k = 1; k <= nworkers; k++) {
        int err = self_open(&to, self->arena, k, 1);
        if (err)
            return err;
        err = queue_reserve(&to, (uint32_t)(n / nworkers + 1));
        for (uint64_t i = k - 1; !err && i < n; i += nworkers)
            queue_put(&to, to.slot->tail, r.hints[(s->head + i) & r.mask]);
        self_close(&to);
        if (err)
            return err;
    }
    atom_store(&s->head, s->tail);
    return 0;
}
