#include "store/accumulator.h"

#include <string.h>

#include "memory/self.h"
#include "memory/chunk.h"
#include "memory/sums.h"

enum { LOG_CHUNK_MAX = 1 << 20 };

/* An entry of the log, followed by its bytes, padded to 8. */
struct log_entry {
    uint32_t id;
    uint32_t len;
};

static double
combine(enum accumulator_kind kind, double a, double b)
{
    switch (kind) {
    case ACCUMULATOR_MAX:
        return b > a ? b : a;
    case ACCUMULATOR_MIN:
        return b < a ? b : a;
    case ACCUMULATOR_SUM:
        break;
    }
    return a + b;
}

void
accumulator_add(struct self *self, enum accumulator_kind kind, uint32_t id, double v)
{
    struct accumulator_pending *p = &self->pending;
    if (p->kinds[id]) {
        p->values[id] = combine(kind, p->values[id], v);
        return;
    }
    p->kinds[id] = (uint8_t)kind;
    p->values[id] = v;
    p->ids[p->n++] = (uint16_t)id;
}

bool
accumulator_get(struct self *self, enum accumulator_kind kind, uint32_t id, double *out)
{
    bool any = self->pending.kinds[id] != 0;
    double v = any ? self->pending.values[id] : 0;
    for (uint32_t k = 0, n = arena_workers(self->arena); k <= n; k++) {
        struct accumulator_cell *c = &slot_at(self->arena, k)->accs[id];
        /* acquire: pairs with the release in accumulator_apply(); `value` is written. */
        if (!atom_load(&c->set))
            continue;
        double cell;
        __atomic_load(&c->value, &cell, __ATOMIC_RELAXED);
        v = any ? combine(kind, v, cell) : cell;
        any = true;
    }
    if (any)
        *out = v;
    return any;
}

void
accumulator_nothing(struct slot *s)
{
    s->intent.naccumulators = 0;
    s->intent.more = 1;
    s->intent.log_end = s->log_end;
}

void
accumulator_stage(struct self *self)
{
    struct accumulator_pending *p = &self->pending;
    struct slot *s = self->slot;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t id = p->ids[i];
        struct accumulator_cell *c = &s->accs[id];
        double v = p->values[id];
        s->accumulator_log[i].id = id;
        s->accumulator_log[i].value = c->set ? combine(p->kinds[id], c->value, v) : v;
        p->kinds[id] = 0;
    }
    s->intent.naccumulators = p->n;
    s->intent.more = 1;
    s->intent.log_end = p->log_end ? p->log_end : s->log_end;
    p->n = 0;
    p->log_end = 0;
}

void
accumulator_sum(struct self *self)
{
    struct slot *s = self->slot;
    bool collected = s->intent.log_end != s->log_end;
    s->intent.log_hash = collected ? self->pending.log_hash : s->log_hash;
    s->intent.accs_sum = s->accs_sum;
    for (uint32_t i = 0; i < s->intent.naccumulators; i++) {
        const struct accumulator_change *to = &s->accumulator_log[i];
        const struct accumulator_cell *c = &s->accs[to->id];
        s->intent.accs_sum -= c->set ? sums_accumulator(to->id, c->value) : 0;
        s->intent.accs_sum += sums_accumulator(to->id, to->value);
    }
}

void
accumulator_apply(struct slot *s)
{
    for (uint32_t i = 0; i < s->intent.naccumulators; i++) {
        struct accumulator_cell *c = &s->accs[s->accumulator_log[i].id];
        __atomic_store(&c->value, &s->accumulator_log[i].value, __ATOMIC_RELAXED);
        atom_store(&c->set, 1);
    }
    /* release: pairs with the acquire in accumulator_each(): the entries are written. */
    atom_store(&s->log_end, s->intent.log_end);
}

void
accumulator_drop(struct self *self)
{
    struct accumulator_pending *p = &self->pending;
    for (uint32_t i = 0; i < p->n; i++)
        p->kinds[p->ids[i]] = 0;
    p->n = 0;
    p->log_end = 0;
}

/* The chunk behind the log's end with room for `need`: one that a rolled-back
 * task had begun, or a new one. Chunks are linked newest first. */
static int
next_chunk(struct self *self, uint32_t end_unit, size_t need, uint32_t *out)
{
    struct arena *a = self->arena;
    uint32_t u = self->slot->chunks[SLAB_LOG];
    while (u && chunk_at(a, u - 1)->next != end_unit && u != end_unit)
        u = chunk_at(a, u - 1)->next;
    if (u && u != end_unit) {
        struct chunk *c = chunk_at(a, u - 1);
        c->used = 0;
        if (c->bytes - ARENA_GRAIN >= need) {
            *out = u;
            return 0;
        }
        /* Too small: it stays in the log, empty, and is passed over. */
        return next_chunk(self, u, need, out);
    }
    size_t bytes = end_unit ? chunk_at(a, end_unit - 1)->bytes * 2 : ARENA_UNIT;
    if (bytes > LOG_CHUNK_MAX)
        bytes = LOG_CHUNK_MAX;
    if (bytes < need + ARENA_GRAIN)
        bytes = need + ARENA_GRAIN;
    uint32_t unit;
    int err = chunk_claim(self, SLAB_LOG, bytes, &unit);
    if (!err)
        *out = unit + 1;
    return err;
}

uint64_t
accumulator_log_hash(uint64_t h, uint32_t id, const void *bytes, size_t len)
{
    return hash_more(sums_mix(h, (uint64_t)id << 32 | (uint32_t)len), bytes, len);
}

int
accumulator_collect(struct self *self, uint32_t id, const void *bytes, size_t len)
{
    struct arena *a = self->arena;
    struct accumulator_pending *p = &self->pending;
    uint64_t end = p->log_end ? p->log_end : self->slot->log_end;
    uint32_t unit = log_end_unit(end), used = log_end_used(end);
    size_t need = sizeof(struct log_entry) + (len + 7) / 8 * 8;

    if (!unit || used + need > chunk_at(a, unit - 1)->bytes - ARENA_GRAIN) {
        uint32_t next;
        int err = next_chunk(self, unit, need, &next);
        if (err)
            return err;
        if (unit)
            chunk_at(a, unit - 1)->used = used;
        unit = next;
        used = 0;
    }
    struct log_entry *e =
        (struct log_entry *)((char *)chunk_at(a, unit - 1) + ARENA_GRAIN + used);
    e->id = id;
    e->len = (uint32_t)len;
    memcpy(e + 1, bytes, len);
    if (unlikely(p->sums)) {
        uint64_t h = p->log_end ? p->log_hash : self->slot->log_hash;
        p->log_hash = accumulator_log_hash(h, id, bytes, len);
    }
    p->log_end = log_end_word(unit, used + (uint32_t)need);
    return 0;
}

static void
each_in(struct chunk *c, uint64_t used, uint32_t id,
        void (*fn)(void *, const void *, size_t), void *arg)
{
    char *at = (char *)c + ARENA_GRAIN, *end = at + used;
    while (at < end) {
        struct log_entry *e = (struct log_entry *)at;
        if (e->id == id)
            fn(arg, e + 1, e->len);
        at += sizeof *e + (e->len + 7) / 8 * 8;
    }
}

/* The log's chunks are linked newest first: the one behind `before` (0: the oldest).
 * They grow to 1 MiB, so looking from the end each time costs little. */
static uint32_t
chunk_behind(const struct arena *a, uint32_t end, uint32_t before)
{
    uint32_t u = end;
    while (chunk_at(a, u - 1)->next != before)
        u = chunk_at(a, u - 1)->next;
    return u;
}

void
accumulator_each(struct self *self, uint32_t id,
                 void (*fn)(void *arg, const void *bytes, size_t len), void *arg)
{
    for (uint32_t k = 0, n = arena_workers(self->arena); k <= n; k++) {
        uint64_t end = atom_load(&slot_at(self->arena, k)->log_end);
        if (k == self->me && self->pending.log_end)
            end = self->pending.log_end;
        for (uint32_t u = 0; u != log_end_unit(end);) {
            u = chunk_behind(self->arena, log_end_unit(end), u);
            struct chunk *c = chunk_at(self->arena, u - 1);
            each_in(c, u == log_end_unit(end) ? log_end_used(end) : c->used, id, fn, arg);
        }
    }
}

/* From the committed end of the log to the uncommitted one. */
void
accumulator_each_pending(struct self *self,
                         void (*fn)(void *arg, uint32_t id, const void *bytes, size_t len),
                         void *arg)
{
    uint64_t from = self->slot->log_end, end = self->pending.log_end;
    uint32_t last = log_end_unit(end), used = log_end_used(from);
    if (!end)
        return;
    for (uint32_t u = log_end_unit(from); u != last || used < log_end_used(end);) {
        struct chunk *c = u ? chunk_at(self->arena, u - 1) : NULL;
        uint32_t to = !c ? 0 : u == last ? log_end_used(end)
                                         : c->used;
        while (used < to) {
            struct log_entry *e = (struct log_entry *)((char *)c + ARENA_GRAIN + used);
            fn(arg, e->id, e + 1, e->len);
            used += (uint32_t)(sizeof *e + (e->len + 7) / 8 * 8);
        }
        if (u == last)
            return;
        u = chunk_behind(self->arena, last, u);
        used = 0;
    }
}
