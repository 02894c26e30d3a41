#include "task/record.h"

#include <string.h>

#include "memory/self.h"
#include "memory/block.h"
#include "memory/sums.h"
#include "task/task.h"

enum { RECORD_BYTES = 512 - 16 }; /* a new record's block, without its head */

_Static_assert(sizeof(struct block) + sizeof(struct task_record) <= 64,
               "any number of tasks may wait, each with a record");

static uint64_t
length(const struct self *self)
{
    return self->slot->journal_on ? journal_bytes(self->slot->journal_len) : 0;
}

static size_t
entry_bytes(size_t payload)
{
    return sizeof(struct journal_entry) + (payload + 7) / 8 * 8;
}

static struct task_record *
at(struct self *self, uint32_t index)
{
    return index ? (struct task_record *)block_at(self->arena, index)->bytes : NULL;
}

/* The running task, or NULL in begin(). */
static struct task *
running(struct self *self)
{
    return self->slot->cur ? task_at(self->arena, self->slot->cur) : NULL;
}

static uint32_t
current_index(struct self *self)
{
    struct task *t = running(self);
    return t && t->record ? t->record : self->slot->record;
}

struct task_record *
record_current(struct self *self)
{
    return at(self, current_index(self));
}

void
record_adopt(struct self *self)
{
    struct task_record *r = record_current(self);
    self->published = self->skip = r->published;
    self->slot->journal_len = r->journal_len;
    /* release: never on with an old length, for a successor after our death. */
    atom_store(&self->slot->journal_on, 1);
}

/* Without a sum it would look like one that zeros have made of another. */
static void
make_empty(struct self *self, struct task_record *r)
{
    memset(r, 0, sizeof *r);
    if (!self->arena->sums)
        return;
    r->check = record_check(r);
    r->until_check = record_check_until(r);
}

/* A fresh block for a record with `bytes` of journal; empty. */
static int
new_record(struct self *self, size_t bytes, uint32_t *index)
{
    int err = block_new(self, sizeof(struct task_record) + bytes, SERVES_SLOT, index);
    if (!err)
        make_empty(self, at(self, *index));
    return err;
}

int
record_need(struct self *self)
{
    uint32_t index;
    if (current_index(self))
        return 0;
    int err = new_record(self, RECORD_BYTES - sizeof(struct task_record), &index);
    if (err)
        return err;
    atom_store(&self->slot->record, index);
    block_published(self);
    return 0;
}

/* Makes the spare record the running task's own. Idempotent. */
static void
give_to_task(struct self *self)
{
    struct slot *s = self->slot;
    struct task *t = running(self);
    if (!t || !s->record)
        return;
    if (!t->record) {
        block_at(self->arena, s->record)->owner_tag =
            serves_task(s->cur, task_generation(s->expect));
        atom_store(&t->record, s->record);
    }
    if (t->record == s->record)
        atom_store(&s->record, 0);
}

int
record_reserve(struct self *self, size_t bytes)
{
    struct slot *s = self->slot;
    int err = record_need(self);
    if (err)
        return err;
    uint32_t old = current_index(self), index;
    size_t used = sizeof(struct task_record) + length(self);
    if (used + bytes <= block_capacity(self->arena, old))
        return 0;

    /* Copy first, then switch by one store, then free the old one (R5). Until that
     * is done slot->unlinked_block names the new one: see record_settle(). */
    err = new_record(self, 2 * (used + bytes), &index);
    if (err)
        return err;
    memcpy(at(self, index), at(self, old), used);
    at(self, index)->replaces = old;
    block_at(self->arena, index)->owner_tag = block_at(self->arena, old)->owner_tag;
    struct task *t = running(self);
    if (t && t->record == old)
        atom_store(&t->record, index);
    else
        atom_store(&s->record, index);
    block_free(self, old, atom_peek(&block_at(self->arena, old)->word));
    block_published(self);
    return 0;
}

bool
record_settle(struct self *self, uint32_t unlinked_block)
{
    struct slot *s = self->slot;
    uint32_t of_task = s->phase != PHASE_IDLE && s->cur
                           ? atom_load(&task_at(self->arena, s->cur)->record)
                           : 0;
    bool about_to = s->phase == PHASE_COMMIT &&
                    ((s->outcome == OUTCOME_CHECKPOINT && unlinked_block == s->intent.cursor) ||
                     (s->outcome == OUTCOME_WAIT && unlinked_block == s->intent.wait_record));
    if (about_to || (of_task && at(self, of_task)->cursor == unlinked_block))
        return true;
    if (unlinked_block != s->record && unlinked_block != of_task)
        return false;
    uint32_t old = at(self, unlinked_block)->replaces;
    if (!old)
        return true;
    /* Had it been freed and taken again, it would serve something else. */
    uint64_t word = atom_load(&block_at(self->arena, old)->word);
    if (block_at(self->arena, old)->owner_tag == block_at(self->arena, unlinked_block)->owner_tag)
        block_free(self, old, word);
    return true;
}

/* Never 0, which zeros would make of any. */
static uint32_t
not_zero(uint64_t sum)
{
    return (uint32_t)sum | 1;
}

uint32_t
record_check(const struct task_record *r)
{
    return not_zero(sums_mix(sums_mix(r->published, r->post_hash), r->cursor));
}

uint32_t
record_check_until(const struct task_record *r)
{
    return not_zero(sums_mix(UINT32_MAX, r->until_ns));
}

uint32_t
record_check_cursor(const struct task_cursor *c)
{
    return (uint32_t)(hash_more(c->bytes + 1, c->text, c->bytes) >> 32);
}

void
record_publish(struct self *self)
{
    struct slot *s = self->slot;
    give_to_task(self);
    struct task_record *r = record_current(self);
    r->post_hash = s->intent.hash;
    r->published = s->intent.published;
    if (self->arena->sums)
        r->check = record_check(r);
}

void
record_checkpoint(struct self *self)
{
    struct slot *s = self->slot;
    give_to_task(self);
    struct task_record *r = record_current(self);
    atom_store(&r->cursor, s->intent.cursor);
    if (s->intent.old_cursor)
        block_free(self, s->intent.old_cursor, s->intent.old_cursor_word);
    r->published = 0;
    r->post_hash = 0;
    if (self->arena->sums)
        r->check = record_check(r);
    r->journal_len = 0;
    s->journal_len = 0;
    s->journal_on = 1;
}

int
record_stage_wait(struct self *self, uint64_t until_ns)
{
    struct slot *s = self->slot;
    struct task *t = running(self);
    uint32_t index = t->record;
    s->intent.wait_record = 0;
    if (!index) {
        /* Not the slot's spare one: many tasks may wait, and few have a journal. */
        int err = block_new(self, sizeof(struct task_record),
                            serves_task(s->cur, task_generation(s->expect)), &index);
        if (err)
            return err;
        make_empty(self, at(self, index));
        s->intent.wait_record = index;
    }
    struct task_record *r = at(self, index);
    r->until_ns = until_ns;
    if (self->arena->sums)
        r->until_check = record_check_until(r);
    return 0;
}

void
record_forget_wait(struct self *self, struct task *t)
{
    struct task_record *r = task_record_of(self->arena, t);
    if (!r)
        return;
    r->until_ns = 0;
    r->until_check = self->arena->sums ? record_check_until(r) : 0;
}

void
record_link_wait(struct self *self)
{
    struct slot *s = self->slot;
    if (!s->intent.wait_record)
        return;
    atom_store(&running(self)->record, s->intent.wait_record);
    block_published(self);
}

void
record_forget_journal(struct self *self, struct task *t)
{
    struct task_record *r = task_record_of(self->arena, t);
    if (r)
        r->journal_len = 0;
}

void
record_mend(struct self *self)
{
    struct slot *s = self->slot;
    if (running(self) && s->record && running(self)->record == s->record)
        atom_store(&s->record, 0);
}

void
record_keep(struct self *self)
{
    struct slot *s = self->slot;
    record_mend(self);
    if (!s->journal_on)
        return;
    if (s->journal_len)
        give_to_task(self);
    struct task_record *r = running(self) ? at(self, running(self)->record) : NULL;
    if (r)
        r->journal_len = s->journal_len;
}

/* ---- the journal ---- */

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

/* The word once the entry behind those of `word` is true. */
static uint64_t
word_behind(uint64_t word, const struct journal_entry *e)
{
    uint64_t h = hash_more(sums_mix(word, e->hash), e->payload, e->bytes);
    h = sums_mix(h, (uint64_t)e->kind << 32 | e->bytes) & INT32_MAX; /* as an int64_t >= 0 */
    return h << 32 | (journal_bytes(word) + entry_bytes(e->bytes));
}

uint64_t
journal_word(const char *journal, uint64_t len)
{
    uint64_t word = 0;
    while (journal_bytes(word) < len)
        word = word_behind(word, (const struct journal_entry *)(journal + journal_bytes(word)));
    return word;
}

void
journal_drop(struct self *self)
{
    bool sums = self->arena->sums && self->journal_pos;
    self->slot->journal_len =
        sums ? journal_word(record_current(self)->journal, self->journal_pos) : self->journal_pos;
    atom_store(&self->slot->journal_on, 1); /* release: as in record_adopt() */
    self->diverged = self->diverged || !self->journal_warned;
    self->journal_warned = true;
}

bool
journal_diverged(const struct self *self)
{
    return self->diverged;
}

bool
journal_take_warning(struct self *self)
{
    bool was = self->diverged;
    self->diverged = false;
    return was;
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
    return (int64_t)(self->arena->sums
                         ? word_behind(end ? self->slot->journal_len : 0, e)
                         : end + entry_bytes(bytes));
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
