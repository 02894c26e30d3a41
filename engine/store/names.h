/* names: what has a name in a job: dicts, locks, accumulators, queues. A table of
 * fixed size in the arena, open addressing by hash of kind and name; an entry
 * never moves and never goes away, so its number may travel in a task.
 *
 * Entries are created under names_lock and published by one store of `kind`, after
 * their bit in head->names_used: who wants all of them looks at those bits, not at the
 * 2 MiB of the table. Died halfway: kind is 0, the next to create overwrites the entry. */
#ifndef PRN_NAMES_H
#define PRN_NAMES_H

#include "memory/layout.h"

struct self;

enum name_kind {
    NAMED_LOCK = 1,
    NAMED_DICT = 2,
    NAMED_SUM = 3,
    NAMED_MAX = 4,
    NAMED_MIN = 5,
    NAMED_COLLECT = 6,
    NAMED_FUNCTION = 7, /* --state: a function's or class's place in the program */
    NAMED_CLASS = 8,
    NAMED_FILE = 9,  /* --state: a file of Lua in which functions are defined */
    NAMED_KEYS = 10, /* the job's dict of keys (task/once.h); has no name */
};

static inline bool
name_is_dict(uint32_t kind)
{
    return kind == NAMED_DICT || kind == NAMED_KEYS;
}

/* Numbered from 1, each kind for itself. */
static inline bool
name_is_place(uint32_t kind)
{
    return kind == NAMED_FUNCTION || kind == NAMED_CLASS || kind == NAMED_FILE;
}

/* names_get finds the entry (kind, text), creating it if need be. 0 and *index;
 * -ENAMETOOLONG; -ENFILE: table full, or more than SLOT_ACCUMULATORS accumulators;
 * -ENOSPC. May wait for names_lock. */
int names_get(struct self *self, enum name_kind kind, const char *text, size_t len,
              uint32_t *index);
/* names_check returns what `check` of the entry has to be if it is of this kind. */
uint32_t names_check(const struct name *n, enum name_kind kind);
/* names_next returns the first entry in use from *i on and moves *i behind it; NULL: there
 * is none. Begin with *i = 0. */
struct name *names_next(const struct arena *a, uint32_t *i);
/* names_each_lock calls fn with the word of every named lock. */
void names_each_lock(struct arena *a, void (*fn)(void *arg, uint32_t *word), void *arg);

static inline struct name *
name_at(const struct arena *a, uint32_t index)
{
    return (struct name *)(a->base + a->names_at) + index;
}

#endif
