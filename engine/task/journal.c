#include "task/journal.h"

#include <string.h>

#include "memory/self.h"
#include "task/record.h"
#include "task/task.h"

static uint64_t
length(const struct self *self)
{
    return self->slot->journal_on ? self->slot->journal_len : 0;
}

static size_t
entry_bytes(size_t payload)
{
    return sizeof(struct journal_entry) + (payload + 7) / 8 * 8;
}

const struct journal_entry *
journal_peek(struct self *self)
{
    if (likely(self->journal_pos >= length(self)) || !self->journaling)
        return NULL;
    return (const struct journal_entry *)(record_current(self)->journal + self->journal_pos);
}

void
journal_pass(struct self *self, const struct journal_entry *e)
{
    self->journal_pos += entry_bytes(e->bytes);
}

bool
journal_drop(struct self *self)
{
    self->slot->journal_len = self->journal_pos;
    atom_store(&self->slot->journal_on, 1); /* release: as in record_adopt() */
    bool first = !self->journal_warned;
    self->journal_warned = true;
    return first;
}

int64_t
journal_write(struct self *self, enum journal_kind kind, uint64_t hash, const void *payload,
              size_t bytes)
{
    uint64_t end = length(self);
    int err = record_reserve(self, entry_bytes(bytes));
    if (err)
        return err;
    struct journal_entry *e =
        (struct journal_entry *)(record_current(self)->journal + end);
    e->kind = kind;
    e->bytes = (uint32_t)bytes;
    e->hash = hash;
    if (bytes)
        memcpy(e->payload, payload, bytes);
    return (int64_t)(end + entry_bytes(bytes));
}

void
journal_written(struct self *self)
{
    self->journal_pos = length(self);
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
