#include "task/record.h"

#include <string.h>

#include "memory/self.h"
#include "memory/block.h"
#include "task/task.h"

enum { RECORD_BYTES = 512 - 16 }; /* a new record's block, without its head */

static struct task_record *
at(struct actor *x, uint32_t index)
{
    return index ? (struct task_record *)block_at(x->arena, index)->bytes : NULL;
}

/* The running task, or NULL in begin(). */
static struct task *
running(struct actor *x)
{
    return x->slot->cur ? task_at(x->arena, x->slot->cur) : NULL;
}

static uint32_t
current_index(struct actor *x)
{
    struct task *t = running(x);
    return t && t->record ? t->record : x->slot->record;
}

struct task_record *
record_current(struct actor *x)
{
    return at(x, current_index(x));
}

void
record_adopt(struct actor *x)
{
    struct task_record *r = record_current(x);
    x->published = x->skip = r->published;
    x->slot->journal_len = r->journal_len;
    /* release: never on with an old length, for who comes after our death. */
    atom_store(&x->slot->journal_on, 1);
}

/* A fresh block for a record with `bytes` of journal; empty. */
static int
new_record(struct actor *x, size_t bytes, uint32_t *index)
{
    int err = block_new(x, sizeof(struct task_record) + bytes, SERVES_SLOT, index);
    if (!err)
        memset(at(x, *index), 0, sizeof(struct task_record));
    return err;
}

int
record_need(struct actor *x)
{
    uint32_t index;
    if (current_index(x))
        return 0;
    int err = new_record(x, RECORD_BYTES - sizeof(struct task_record), &index);
    if (err)
        return err;
    atom_store(&x->slot->record, index);
    block_linked(x);
    return 0;
}

/* Makes the spare record the running task's own. Idempotent. */
static void
give_to_task(struct actor *x)
{
    struct slot *s = x->slot;
    struct task *t = running(x);
    if (!t || !s->record)
        return;
    if (!t->record) {
        block_at(x->arena, s->record)->serves =
            serves_task(s->cur, task_generation(s->expect));
        atom_store(&t->record, s->record);
    }
    if (t->record == s->record)
        atom_store(&s->record, 0);
}

int
record_room(struct actor *x, size_t bytes)
{
    struct slot *s = x->slot;
    int err = record_need(x);
    if (err)
        return err;
    uint32_t old = current_index(x), index;
    size_t used = sizeof(struct task_record) + (s->journal_on ? s->journal_len : 0);
    if (used + bytes <= block_room(x->arena, old))
        return 0;

    /* Copy first, then switch by one store, then free the old one (R5). Until that
     * is done slot->loose names the new one: see record_settle(). */
    err = new_record(x, 2 * (used + bytes), &index);
    if (err)
        return err;
    memcpy(at(x, index), at(x, old), used);
    at(x, index)->replaces = old;
    block_at(x->arena, index)->serves = block_at(x->arena, old)->serves;
    struct task *t = running(x);
    if (t && t->record == old)
        atom_store(&t->record, index);
    else
        atom_store(&s->record, index);
    block_free(x, old, atom_peek(&block_at(x->arena, old)->word));
    block_linked(x);
    return 0;
}

bool
record_settle(struct actor *x, uint32_t loose)
{
    struct slot *s = x->slot;
    uint32_t of_task = s->phase != PHASE_IDLE && s->cur
                           ? atom_load(&task_at(x->arena, s->cur)->record)
                           : 0;
    bool about_to = s->phase == PHASE_COMMIT && s->outcome == OUTCOME_POINT &&
                    loose == s->new_cursor;
    if (about_to || (of_task && at(x, of_task)->cursor == loose))
        return true;
    if (loose != s->record && loose != of_task)
        return false;
    uint32_t old = at(x, loose)->replaces;
    if (!old)
        return true;
    /* Had it been freed and taken again, it would serve something else. */
    uint64_t word = atom_load(&block_at(x->arena, old)->word);
    if (block_at(x->arena, old)->serves == block_at(x->arena, loose)->serves)
        block_free(x, old, word);
    return true;
}

void
record_publish(struct actor *x)
{
    struct slot *s = x->slot;
    give_to_task(x);
    struct task_record *r = record_current(x);
    r->post_hash = s->new_hash;
    r->published = s->new_published;
}

void
record_point(struct actor *x)
{
    struct slot *s = x->slot;
    give_to_task(x);
    struct task_record *r = record_current(x);
    atom_store(&r->cursor, s->new_cursor);
    if (s->old_cursor)
        block_free(x, s->old_cursor, s->old_cursor_word);
    r->published = 0;
    r->post_hash = 0;
    r->journal_len = 0;
    s->journal_len = 0;
    s->journal_on = 1;
}

int
record_set_until(struct actor *x, uint64_t until_ns)
{
    int err = record_need(x);
    if (err)
        return err;
    give_to_task(x);
    record_current(x)->until_ns = until_ns;
    return 0;
}

void
record_forget_journal(struct actor *x, struct task *t)
{
    struct task_record *r = task_record_of(x->arena, t);
    if (r)
        r->journal_len = 0;
}

void
record_keep(struct actor *x)
{
    struct slot *s = x->slot;
    /* Died while it gave its record: half a gift would serve two tasks. */
    if (running(x) && s->record && running(x)->record == s->record)
        atom_store(&s->record, 0);
    if (!s->journal_on)
        return;
    if (s->journal_len)
        give_to_task(x);
    struct task_record *r = running(x) ? at(x, running(x)->record) : NULL;
    if (r)
        r->journal_len = s->journal_len;
}
