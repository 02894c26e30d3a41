#include "store/names.h"

#include <errno.h>
#include <string.h>

#include "memory/self.h"
#include "store/dict.h"
#include "base/hash.h"
#include "store/lock.h"

static bool
is_acc(enum name_kind kind)
{
    return kind >= NAMED_SUM && kind <= NAMED_COLLECT;
}

/* Finds the entry or the free place where it belongs. -ENFILE: neither. */
static int
find(struct arena *a, enum name_kind kind, const char *text, size_t len,
     uint32_t hash, uint32_t *index)
{
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        struct name *n = name_at(a, (hash + i) % ARENA_NAMES);
        /* acquire: pairs with the release in create(). */
        uint32_t k = atom_load(&n->kind);
        *index = (hash + i) % ARENA_NAMES;
        if (!k)
            return -ENOENT;
        if (k == (uint32_t)kind && n->hash == hash && n->len == len &&
            memcmp(n->text, text, len) == 0)
            return 0;
    }
    return -ENFILE;
}

struct name *
names_next(const struct arena *a, uint32_t *i)
{
    const uint64_t *used = a->header->names_used;
    while (*i < ARENA_NAMES) {
        uint64_t bits = atom_peek(&used[*i / 64]) >> *i % 64;
        if (!bits) {
            *i = (*i / 64 + 1) * 64;
            continue;
        }
        *i += (uint32_t)__builtin_ctzll(bits);
        struct name *n = name_at(a, (*i)++);
        /* acquire: pairs with the release in create(). */
        if (atom_load(&n->kind))
            return n;
    }
    return NULL;
}

/* How many entries of this kind, or of kinds that are numbered with it, there are. */
static uint32_t
count(struct arena *a, enum name_kind kind)
{
    uint32_t n = 0, i = 0;
    for (const struct name *other; (other = names_next(a, &i));) {
        uint32_t k = atom_peek(&other->kind);
        n += k == (uint32_t)kind || (is_acc(kind) && is_acc((enum name_kind)k));
    }
    return n;
}

static uint32_t
count_all(const struct arena *a)
{
    uint32_t n = 0, i = 0;
    while (names_next(a, &i))
        n++;
    return n;
}

static int
next_number(struct arena *a, enum name_kind kind, uint32_t *number)
{
    uint32_t n = count(a, kind);
    if (is_acc(kind) && n >= SLOT_ACCUMULATORS)
        return -ENFILE;
    *number = is_acc(kind) ? n : n + 1;
    return 0;
}

/* Under names_lock. */
static void
mark_used(struct arena *a, uint32_t index)
{
    uint64_t *word = &a->header->names_used[index / 64];
    atom_set(word, atom_peek(word) | (uint64_t)1 << index % 64);
}

uint32_t
names_check(const struct name *n, enum name_kind kind)
{
    uint64_t h = hash_mix(hash_mix(kind, n->hash), n->number);
    h = hash_more(h, n->text, n->len <= NAME_BYTES ? n->len : 0);
    return (uint32_t)(hash_mix(h, n->len) >> 32);
}

/* Under names_lock. */
static int
create(struct self *self, enum name_kind kind, const char *text, size_t len,
       uint32_t hash, uint32_t index)
{
    struct name *n = name_at(self->arena, index);
    int err = 0;
    n->lock = 0;
    n->number = 0;
    n->object = 0;
    if (is_acc(kind) || name_is_place(kind))
        err = next_number(self->arena, kind, &n->number);
    else if (name_is_dict(kind))
        err = dict_create(self, &n->object);
    if (err)
        return err;
    n->hash = hash;
    n->len = (uint32_t)len;
    memcpy(n->text, text, len);
    n->check = names_check(n, kind);
    mark_used(self->arena, index);
    /* release: pairs with the acquires in find() and names_next(). */
    atom_store(&n->kind, (uint32_t)kind);
    atom_set(&self->arena->header->names_count, count_all(self->arena));
    if (name_is_dict(kind))
        block_published(self);
    return 0;
}

int
names_get(struct self *self, enum name_kind kind, const char *text, size_t len,
          uint32_t *index)
{
    if (len > NAME_BYTES)
        return -ENAMETOOLONG;
    uint32_t hash = (uint32_t)hash_bytes(text, len) + (uint32_t)kind * 0x9E3779B1u;
    int err = find(self->arena, kind, text, len, hash, index);
    if (err != -ENOENT)
        return err;
    uint32_t *lock = &self->arena->header->names_lock;
    err = lock_take(self, lock, -1);
    if (err)
        return err;
    err = find(self->arena, kind, text, len, hash, index);
    if (err == -ENOENT)
        err = create(self, kind, text, len, hash, *index);
    lock_release(self, lock);
    return err;
}

void
names_each_lock(struct arena *a, void (*fn)(void *arg, uint32_t *word), void *arg)
{
    uint32_t i = 0;
    for (struct name *n; (n = names_next(a, &i));) {
        if (n->kind == NAMED_LOCK)
            fn(arg, &n->lock);
    }
}
