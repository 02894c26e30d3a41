#include "task/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "base/array.h"
#include "base/hash.h"
#include "codec/scalar.h"
#include "store/lock.h"
#include "task/record.h"
#include "task/replay.h"
#include "task/write_set.h"

enum { HELD_MAX = 64 };

struct section {
    struct {
        uint32_t *word;
        size_t mark;  /* of the write set when it was taken */
    } held[HELD_MAX]; /* in the order taken */
    uint32_t nheld;
    struct write_set writes;
    struct replay replay;
};

/* The section of the running task; NULL: it holds no lock. */
static inline struct section *
open_section(const struct self *self)
{
    struct section *s = self->section;
    return s && s->nheld ? s : NULL;
}

static void
clear_writes(struct section *s)
{
    write_set_clear(&s->writes);
    for (uint32_t i = 0; i < s->nheld; i++)
        s->held[i].mark = 0;
}

static void
clear_section(struct section *s)
{
    clear_writes(s);
    replay_clear(&s->replay);
}

/* Takes back what was written since the lock held[i] was taken. */
static void
drop_writes_since(struct section *s, uint32_t i)
{
    if (i == 0) {
        clear_writes(s);
        return;
    }
    write_set_undo_to(&s->writes, s->held[i].mark);
    for (uint32_t k = i; k < s->nheld; k++)
        s->held[k].mark = write_set_mark(&s->writes);
}

/* The section writes this. Under one lock nothing can be taken back but all of it. */
static int
write_key(struct section *s, enum dict_op_kind kind, const struct dict_op *op,
          const struct dict_value *v)
{
    return write_set_put(&s->writes, kind, op->dict, &op->key, v, s->nheld >= 2);
}

/* ---- reading ---- */

int
section_get(struct self *self, struct dict *d, const struct dict_key *k, struct dict_value *out)
{
    struct section *s = open_section(self);
    if (!s)
        return dict_get(self, d, k, out);
    const struct write *w = write_set_find(&s->writes, d, k);
    if (w && w->kind != DICT_INCR) {
        write_set_value(&s->writes, w, out);
        return 0;
    }
    int err = replay_read(&s->replay, self, d, k, out);
    if (w && !err) {
        out->number = (out->present && out->is_number ? out->number : 0) + w->number;
        out->present = out->is_number = true;
    }
    return err;
}

/* ---- changes under a lock ---- */

static int
append_to(struct section *s, const struct dict_value *now, const struct dict_op *op)
{
    const struct dict_value *v = &op->value;
    size_t old_len, head = now->is_number ? 0
                                          : codec_get_string_head(now->bytes, now->len, &old_len);
    if (!head)
        return -EINVAL;
    size_t more = v->len - op->head;
    if (old_len + more > CODEC_BYTES_MAX)
        return -EFBIG;
    return write_set_append(&s->writes, op->dict, &op->key, (const char *)now->bytes + head,
                            old_len, (const char *)v->bytes + op->head, more, s->nheld >= 2);
}

static bool
same_value(const struct dict_value *a, const struct dict_value *b)
{
    if (!a->present || !b->present)
        return a->present == b->present;
    if (a->is_number || b->is_number)
        return a->is_number && b->is_number &&
               memcmp(&a->number, &b->number, sizeof a->number) == 0;
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int
increment(struct section *s, const struct dict_value *now, const struct dict_op *op,
          struct dict_result *result)
{
    if (now->present && !now->is_number)
        return -EINVAL;
    const struct write *w = write_set_find(&s->writes, op->dict, &op->key);
    struct dict_value v = {.present = true, .is_number = true};
    result->number = (now->present ? now->number : 0) + op->value.number;
    /* Not yet written here: only the difference is, so that an incr outside the
     * lock that comes in between still counts. */
    bool whole = w && w->kind != DICT_INCR;
    v.number = whole ? result->number : op->value.number + (w ? w->number : 0);
    return write_key(s, whole ? DICT_SET : DICT_INCR, op, &v);
}

static int
change_in_section(struct section *s, struct self *self, const struct dict_op *op,
                  struct dict_result *result)
{
    struct dict_value now = {0};
    bool stale = s->replay.stale;
    int err = 0;
    if (self->journaling)
        replay_did(&s->replay, replay_hash_op(self, op));
    result->changed = true;
    if (op->kind != DICT_SET)
        err = section_get(self, op->dict, &op->key, &now);
    if (err)
        return err;
    switch (op->kind) {
    case DICT_SET:
        break;
    case DICT_ADD:
        result->changed = !now.present;
        break;
    case DICT_CAS:
        result->changed = same_value(&now, &op->old);
        if (result->changed && !op->value.present)
            return write_key(s, DICT_DELETE, op, NULL);
        break;
    case DICT_INCR:
        s->replay.stale = stale; /* what it publishes does not depend on what it saw */
        return increment(s, &now, op, result);
    case DICT_APPEND:
        if (now.present)
            return append_to(s, &now, op);
        break;
    case DICT_DELETE:
        result->changed = now.present;
        return write_key(s, DICT_DELETE, op, NULL);
    }
    return result->changed ? write_key(s, DICT_SET, op, &op->value) : 0;
}

/* ---- changes outside locks ---- */

struct note {
    struct self *self;
    uint64_t hash;
    int err;
};

/* What an operation's journal entry says. */
struct outcome_of_op {
    struct dict_result result;
    int64_t err;
};

static int64_t
note_op(void *arg, const struct dict_result *results, size_t n)
{
    struct note *note = arg;
    struct outcome_of_op o = {.err = note->err};
    if (n)
        o.result = results[0];
    return journal_write(note->self, JOURNAL_OP, note->hash, &o, sizeof o);
}

/* Does the operation and records it. An operation refused for the type of a value
 * is recorded too, with a transaction that changes nothing: the second run may
 * find another value there. */
static int
change_and_note(struct self *self, const struct dict_op *op, struct dict_result *result,
                struct note *note)
{
    size_t bad;
    int err = dict_tx_run(self, op, 1, result, &bad, note_op, note);
    if (!err) {
        journal_written(self);
    } else if (err == -EINVAL || err == -EFBIG) {
        note->err = err;
        if (!dict_tx_note_only(self, note_op, note))
            journal_written(self);
    }
    return err;
}

int
section_change(struct self *self, const struct dict_op *op, struct dict_result *result)
{
    size_t bad;
    struct section *s = open_section(self);
    if (s)
        return change_in_section(s, self, op, result);
    if (!self->journaling)
        return dict_tx_run(self, op, 1, result, &bad, NULL, NULL);

    struct note note = {self, replay_hash_op(self, op), 0};
    const struct journal_entry *e = journal_peek(self);
    if (unlikely(e)) {
        struct outcome_of_op o;
        if (e->kind == JOURNAL_OP && e->hash == note.hash && e->bytes >= sizeof o) {
            memcpy(&o, e->payload, sizeof o);
            *result = o.result;
            journal_pass(self, e);
            return (int)o.err;
        }
        journal_drop(self);
    }
    return change_and_note(self, op, result, &note);
}

/* ---- locks ---- */

static int
find_held(const struct section *s, const uint32_t *word)
{
    for (uint32_t i = 0; s && i < s->nheld; i++) {
        if (s->held[i].word == word)
            return (int)i;
    }
    return -1;
}

bool
section_held(const struct self *self, const uint32_t *word)
{
    return find_held(self->section, word) >= 0;
}

bool
section_any_held(const struct self *self)
{
    return open_section(self) != NULL;
}

int
section_lock(struct self *self, uint32_t *word, double seconds)
{
    if (unlikely(!self->section) && !(self->section = calloc(1, sizeof *self->section)))
        return -ENOMEM;
    struct section *s = self->section;
    if (unlikely(find_held(s, word) >= 0))
        return -EDEADLK;
    if (unlikely(s->nheld == HELD_MAX))
        return -EUSERS;
    /* A section that is repeated from the journal takes its lock as well: what
     * else it does (a file, a terminal) still excludes others. */
    int err = lock_take(self, word, seconds);
    if (err)
        return err;
    if (!s->nheld) {
        clear_section(s);
        replay_begin(&s->replay, self);
    }
    s->held[s->nheld].word = word;
    s->held[s->nheld].mark = write_set_mark(&s->writes);
    s->nheld++;
    return 0;
}

/* ---- publishing ---- */

static int64_t
note_section(void *arg, const struct dict_result *results, size_t n)
{
    struct note *note = arg;
    const struct replay *r = &note->self->section->replay;
    (void)results;
    (void)n;
    return journal_write(note->self, JOURNAL_SECTION, note->hash, r->reads, r->reads_len);
}

static int
by_shard(const void *a, const void *b)
{
    const struct dict_op *p = a, *q = b;
    const struct shard *s = dict_shard(p->dict, p->key.hash);
    const struct shard *t = dict_shard(q->dict, q->key.hash);
    return s < t ? -1 : s > t;
}

/* Publishes the write set and its journal entry by one commit. */
static int
publish(struct section *s, struct self *self)
{
    size_t n = s->writes.n, bad;
    if (!n && !self->journaling)
        return 0;
    if (n && s->replay.stale)
        return -ESTALE;
    if (self->journaling && journal_peek(self))
        journal_drop(self); /* the first run did something else here */
    struct dict_op one = {0}, *ops = n > 1 ? calloc(n, sizeof *ops) : &one;
    struct dict_result result = {0}, *results = n > 1 ? calloc(n, sizeof *results) : &result;
    int err = ops && results ? 0 : -ENOMEM;
    for (size_t i = 0; !err && i < n; i++)
        ops[i] = write_set_op(&s->writes, i);
    if (!err && n > 1)
        qsort(ops, n, sizeof *ops, by_shard);
    struct note note = {self, s->replay.did, 0};
    if (!err)
        err = dict_tx_run(self, ops, n, results, &bad, self->journaling ? note_section : NULL,
                          &note);
    if (!err && self->journaling)
        journal_written(self);
    if (n > 1) {
        free(ops);
        free(results);
    }
    return err;
}

/* The lock held[i] is about to be released: what was done so far becomes true, or
 * what was done since it was taken was not done. One that did nothing leaves no
 * trace; one that failed is recorded for what it read. */
static int
end_of_section(struct section *s, struct self *self, uint32_t i, bool keep)
{
    if (!keep)
        drop_writes_since(s, i);
    if (!s->writes.n && !s->replay.did)
        return 0;
    if (self->journaling)
        replay_did(&s->replay, arena_offset(self->arena, s->held[i].word) << 1 | keep);
    if (!keep && s->nheld > 1)
        return 0;
    if (replay_is_same(&s->replay, self)) {
        bool stale = s->replay.stale && s->nheld > 1;
        clear_section(s);
        s->replay.stale = stale;        /* an outer section continues with what it saw */
        replay_begin(&s->replay, self); /* what follows under further locks */
        return 0;
    }
    int err = publish(s, self);
    if (err)
        drop_writes_since(s, i);
    if (!err || s->nheld == 1)
        clear_section(s);
    return err;
}

int
section_unlock(struct self *self, uint32_t *word, bool keep)
{
    struct section *s = self->section;
    int i = find_held(s, word);
    if (i < 0)
        return -EPERM;
    bool own = lock_held(self, word);
    int err = end_of_section(s, self, (uint32_t)i, keep && own);
    if (!own || !lock_release(self, word))
        err = -EPERM;
    s->nheld--;
    memmove(&s->held[i], &s->held[i + 1], (s->nheld - (uint32_t)i) * sizeof s->held[0]);
    return keep || !own ? err : 0;
}

uint32_t
section_end(struct self *self, bool keep, uint32_t **words, uint32_t max, int *err)
{
    struct section *s;
    uint32_t n = 0;
    *err = 0;
    while ((s = open_section(self))) {
        uint32_t *word = s->held[s->nheld - 1].word;
        if (n < max)
            words[n] = word;
        n++;
        int lost = section_unlock(self, word, keep);
        *err = *err ? *err : lost;
    }
    if (self->section)
        self->section->replay.repeating = false;
    return n;
}

void
section_close(struct self *self)
{
    struct section *s = self->section;
    if (!s)
        return;
    write_set_free(&s->writes);
    replay_free(&s->replay);
    free(s);
    self->section = NULL;
}
