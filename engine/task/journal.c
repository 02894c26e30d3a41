#include "task/journal.h"

#include <string.h>

#include "memory/self.h"
#include "task/record.h"
#include "task/task.h"

static uint64_t
length(const struct actor *x)
{
    return x->slot->journal_on ? x->slot->journal_len : 0;
}

static size_t
entry_bytes(size_t payload)
{
    return sizeof(struct journal_entry) + (payload + 7) / 8 * 8;
}

const struct journal_entry *
journal_peek(struct actor *x)
{
    if (likely(x->journal_pos >= length(x)) || !x->journaling)
        return NULL;
    return (const struct journal_entry *)(record_current(x)->journal + x->journal_pos);
}

void
journal_pass(struct actor *x, const struct journal_entry *e)
{
    x->journal_pos += entry_bytes(e->bytes);
}

bool
journal_drop(struct actor *x)
{
    x->slot->journal_len = x->journal_pos;
    atom_store(&x->slot->journal_on, 1); /* release: as in record_adopt() */
    bool first = !x->journal_warned;
    x->journal_warned = true;
    return first;
}

int64_t
journal_write(struct actor *x, enum journal_kind kind, uint64_t hash, const void *payload,
              size_t bytes)
{
    uint64_t end = length(x);
    int err = record_room(x, entry_bytes(bytes));
    if (err)
        return err;
    struct journal_entry *e =
        (struct journal_entry *)(record_current(x)->journal + end);
    e->kind = kind;
    e->bytes = (uint32_t)bytes;
    e->hash = hash;
    if (bytes)
        memcpy(e->payload, payload, bytes);
    return (int64_t)(end + entry_bytes(bytes));
}

void
journal_written(struct actor *x)
{
    x->journal_pos = length(x);
}

bool
journal_sound(const char *bytes, uint64_t len)
{
    while (len) {
        const struct journal_entry *e = (const struct journal_entry *)bytes;
        if (len < sizeof *e || entry_bytes(e->bytes) > len)
            return false;
        bytes += entry_bytes(e->bytes);
        len -= entry_bytes(e->bytes);
    }
    return true;
}
