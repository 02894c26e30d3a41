#include "task/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "codec/scalar.h"
#include "base/hash.h"
#include "task/journal.h"
#include "store/lock.h"

enum { HELD_MAX = 64 };

/* Growing private bytes. */
struct bytes {
    char *at;
    size_t len, cap;
};

/* One key written under a lock. Offsets into `text`, which may move. */
struct write {
    enum dict_op_kind kind; /* SET, DELETE or INCR */
    struct dict *dict;
    uint64_t hash;
    size_t key, key_len;
    bool is_number;
    double number;
    size_t value, value_len;
};

/* A read under a lock, as recorded: then its bytes, padded to 8. */
struct read {
    uint64_t hash;
    double number;
    uint32_t len;
    uint8_t present, is_number, pad[2];
};

/* A write of an inner section, to be taken back if that section fails. */
struct undo {
    uint32_t number;  /* of the write, from 1 */
    struct write was; /* kind 0: there was none */
};

/* The section of the running task. One a process: it runs one task at a time. */
static struct {
    struct {
        uint32_t *word;
        size_t mark;  /* length of `undo` when it was taken */
    } held[HELD_MAX]; /* in the order taken */
    uint32_t nheld;

    struct write *writes;
    size_t nwrites, writes_cap;
    uint32_t *table; /* write + 1 by hash, open addressing */
    size_t table_size;
    struct undo *undo; /* only of writes under two locks or more */
    size_t nundo, undo_cap;
    struct bytes text;  /* keys and values of the writes */
    struct bytes reads; /* struct read ... since the section began */
    uint64_t did;       /* hash of all that the section did; 0: nothing */

    bool repeating;   /* from the journal */
    size_t repeat_at; /* next read in the entry's payload */
    bool stale;       /* it has seen values of an earlier run */
    bool warned;
} section;

static int
room(struct bytes *b, size_t more)
{
    if (b->len + more <= b->cap)
        return 0;
    size_t cap = (b->len + more) * 2;
    char *grown = realloc(b->at, cap);
    if (!grown)
        return -ENOMEM;
    b->at = grown;
    b->cap = cap;
    return 0;
}

static size_t
put_bytes(struct bytes *b, const void *from, size_t n)
{
    size_t at = b->len;
    if (n)
        memcpy(b->at + at, from, n);
    b->len += n;
    return at;
}

/* ---- the write-set ---- */

static bool
same_key(const struct write *w, const struct dict *d, const struct dict_key *k)
{
    return w->hash == k->hash && w->dict == d && w->key_len == k->len &&
           memcmp(section.text.at + w->key, k->bytes, k->len) == 0;
}

static struct write *
find_write(const struct dict *d, const struct dict_key *k)
{
    if (!section.nwrites)
        return NULL;
    size_t mask = section.table_size - 1;
    for (size_t i = k->hash & mask; section.table[i]; i = (i + 1) & mask) {
        struct write *w = &section.writes[section.table[i] - 1];
        if (same_key(w, d, k))
            return w;
    }
    return NULL;
}

static void
enter_write(uint32_t number)
{
    size_t mask = section.table_size - 1, i = section.writes[number - 1].hash & mask;
    while (section.table[i])
        i = (i + 1) & mask;
    section.table[i] = number;
}

static int
grow_writes(void)
{
    size_t cap = section.writes_cap ? section.writes_cap * 2 : 16;
    struct write *w = realloc(section.writes, cap * sizeof *w);
    if (!w)
        return -ENOMEM;
    section.writes = w;
    uint32_t *t = calloc(cap * 2, sizeof *t);
    if (!t)
        return -ENOMEM;
    free(section.table);
    section.table = t;
    section.table_size = cap * 2;
    section.writes_cap = cap;
    for (uint32_t i = 1; i <= section.nwrites; i++)
        enter_write(i);
    return 0;
}

static void
clear_writes(void)
{
    if (section.nwrites)
        memset(section.table, 0, section.table_size * sizeof *section.table);
    section.nwrites = 0;
    section.text.len = 0;
    section.nundo = 0;
    for (uint32_t i = 0; i < section.nheld; i++)
        section.held[i].mark = 0;
}

static void
clear_section(void)
{
    clear_writes();
    section.reads.len = 0;
    section.did = 0;
    section.repeat_at = 0;
    section.stale = false;
}

/* Remembers what write `number` was before an inner section changes it. */
static int
note_undo(uint32_t number, const struct write *was)
{
    if (section.nheld < 2)
        return 0;
    if (section.nundo == section.undo_cap) {
        size_t cap = section.undo_cap ? section.undo_cap * 2 : 16;
        struct undo *grown = realloc(section.undo, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        section.undo = grown;
        section.undo_cap = cap;
    }
    section.undo[section.nundo++] =
        (struct undo){number, was ? *was : (struct write){.kind = 0}};
    return 0;
}

/* The newest write was not made: nothing that came later depends on its place. */
static void
forget_newest(void)
{
    size_t mask = section.table_size - 1;
    size_t i = section.writes[section.nwrites - 1].hash & mask;
    while (section.table[i] != section.nwrites)
        i = (i + 1) & mask;
    section.table[i] = 0;
    section.nwrites--;
}

/* Takes back what was written since the lock held[i] was taken. */
static void
drop_writes_since(uint32_t i)
{
    if (i == 0) {
        clear_writes();
        return;
    }
    while (section.nundo > section.held[i].mark) {
        struct undo *u = &section.undo[--section.nundo];
        if (u->was.kind)
            section.writes[u->number - 1] = u->was;
        else
            forget_newest();
    }
    for (uint32_t k = i; k < section.nheld; k++)
        section.held[k].mark = section.nundo;
}

/* The write-set says `kind` of this key from now on. */
static int
note_write(enum dict_op_kind kind, struct dict *d, const struct dict_key *k,
           const struct dict_value *v)
{
    struct write *w = find_write(d, k);
    size_t bytes = v && !v->is_number ? v->len : 0;
    if (room(&section.text, bytes + k->len))
        return -ENOMEM;
    if (!w && section.nwrites == section.writes_cap && grow_writes())
        return -ENOMEM;
    uint32_t number = (uint32_t)(w ? (size_t)(w - section.writes) + 1 : section.nwrites + 1);
    if (note_undo(number, w))
        return -ENOMEM;
    if (!w) {
        w = &section.writes[section.nwrites++];
        *w = (struct write){.dict = d, .hash = k->hash, .key_len = k->len};
        w->key = put_bytes(&section.text, k->bytes, k->len);
        enter_write(number);
    }
    w->kind = kind;
    w->is_number = v && v->is_number;
    w->number = v ? v->number : 0;
    w->value = put_bytes(&section.text, v ? v->bytes : NULL, bytes);
    w->value_len = bytes;
    return 0;
}

/* ---- hashes: what an operation says ---- */

static uint64_t
hash_value(uint64_t h, const struct dict_value *v)
{
    uint64_t bits;
    h = hash_mix(h, (uint64_t)v->present << 1 | v->is_number);
    if (!v->present)
        return h;
    if (!v->is_number) {
        size_t len;
        bool text = codec_get_string_head(v->bytes, v->len, &len) != 0;
        return text ? hash_more(hash_mix(h, v->len), v->bytes, v->len)
                    : hash_unordered(h, v->bytes, v->len);
    }
    memcpy(&bits, &v->number, sizeof bits);
    return hash_mix(h, bits);
}

static uint64_t
hash_op(const struct self *self, const struct dict_op *op)
{
    uint64_t h = hash_mix(op->key.hash, arena_offset(self->arena, op->dict) << 8 | op->kind);
    if (op->update)
        return hash_mix(h, 1);
    return hash_value(hash_value(h, &op->value), &op->old);
}

static uint64_t
hash_read(const struct self *self, const struct dict *d, const struct dict_key *k)
{
    return hash_mix(k->hash, arena_offset(self->arena, d) << 8);
}

/* ---- repeating a section from the journal ---- */

static void
drop_journal(struct self *self)
{
    if (journal_drop(self))
        section.warned = true;
}

/* The rest of the section is for real. */
static void
diverge(struct self *self)
{
    drop_journal(self);
    section.repeating = false;
}

static const struct journal_entry *
section_entry(struct self *self)
{
    const struct journal_entry *e = journal_peek(self);
    return e && e->kind == JOURNAL_SECTION ? e : NULL;
}

static void
begin_repeating(struct self *self)
{
    section.repeating = section_entry(self) != NULL;
}

static size_t
read_bytes(const struct read *r)
{
    return sizeof *r + (r->len + 7) / 8 * 8;
}

static void
value_of_read(const struct read *r, struct dict_value *out)
{
    out->present = r->present;
    out->is_number = r->is_number;
    out->number = r->number;
    out->bytes = r + 1;
    out->len = r->len;
}

/* The recorded result of this read. false: the first run did something else. */
static bool
repeat_read(struct self *self, uint64_t hash, struct dict_value *out)
{
    const struct journal_entry *e = section_entry(self);
    const struct read *r = (const struct read *)(e->payload + section.repeat_at);
    if (section.repeat_at + sizeof *r > e->bytes || r->hash != hash ||
        section.repeat_at + read_bytes(r) > e->bytes)
        return false;
    section.repeat_at += read_bytes(r);
    section.stale = true;
    value_of_read(r, out);
    return true;
}

static int
record_read(uint64_t hash, const struct dict_value *v)
{
    struct read r = {.hash = hash, .present = v->present};
    if (v->present) {
        r.is_number = v->is_number;
        r.number = v->number;
        r.len = v->is_number ? 0 : (uint32_t)v->len;
    }
    if (room(&section.reads, read_bytes(&r)))
        return -ENOMEM;
    size_t end = section.reads.len + read_bytes(&r);
    put_bytes(&section.reads, &r, sizeof r);
    put_bytes(&section.reads, v->bytes, r.len);
    section.reads.len = end;
    return 0;
}

/* A read of the shared dict under a lock. */
static int
section_read(struct self *self, struct dict *d, const struct dict_key *k,
             struct dict_value *out)
{
    uint64_t hash = self->journaling ? hash_read(self, d, k) : 0;
    int err = 0;
    if (section.repeating && !repeat_read(self, hash, out))
        diverge(self);
    if (!section.repeating)
        err = dict_get(self, d, k, out);
    if (err || !self->journaling)
        return err;
    section.did = hash_mix(section.did, hash);
    return record_read(hash, out);
}

int
section_get(struct self *self, struct dict *d, const struct dict_key *k, struct dict_value *out)
{
    if (!section.nheld)
        return dict_get(self, d, k, out);
    struct write *w = find_write(d, k);
    if (!w || w->kind == DICT_INCR) {
        int err = section_read(self, d, k, out);
        if (w && !err) {
            out->number = (out->present && out->is_number ? out->number : 0) + w->number;
            out->present = out->is_number = true;
        }
        return err;
    }
    out->present = w->kind == DICT_SET;
    out->is_number = w->is_number;
    out->number = w->number;
    out->bytes = section.text.at + w->value;
    out->len = w->value_len;
    return 0;
}

/* ---- changes under a lock ---- */

static int
section_append(struct dict_value *now, const struct dict_op *op)
{
    static struct bytes joined;
    const struct dict_value *v = &op->value;
    size_t old_len, head = now->is_number ? 0
                                          : codec_get_string_head(now->bytes, now->len, &old_len);
    if (!head)
        return -EINVAL;
    size_t more = v->len - op->head;
    if (old_len + more > CODEC_BYTES_MAX)
        return -EFBIG;
    joined.len = 0;
    if (room(&joined, CODEC_SCALAR_MAX + old_len + more))
        return -ENOMEM;
    joined.len = codec_put_string_head((unsigned char *)joined.at, old_len + more);
    put_bytes(&joined, (const char *)now->bytes + head, old_len);
    put_bytes(&joined, (const char *)v->bytes + op->head, more);
    struct dict_value whole = {.present = true, .bytes = joined.at, .len = joined.len};
    return note_write(DICT_SET, op->dict, &op->key, &whole);
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
section_incr(const struct dict_value *now, const struct dict_op *op,
             struct dict_result *result)
{
    if (now->present && !now->is_number)
        return -EINVAL;
    struct write *w = find_write(op->dict, &op->key);
    struct dict_value v = {.present = true, .is_number = true};
    result->number = (now->present ? now->number : 0) + op->value.number;
    /* Not yet written here: only the difference is, so that an incr outside the
     * lock that comes in between still counts. */
    bool whole = w && w->kind != DICT_INCR;
    v.number = whole ? result->number : op->value.number + (w ? w->number : 0);
    return note_write(whole ? DICT_SET : DICT_INCR, op->dict, &op->key, &v);
}

static int
change_in_section(struct self *self, const struct dict_op *op, struct dict_result *result)
{
    struct dict_value now = {0};
    bool stale = section.stale;
    int err = 0;
    if (self->journaling)
        section.did = hash_mix(section.did, hash_op(self, op));
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
            return note_write(DICT_DELETE, op->dict, &op->key, NULL);
        break;
    case DICT_INCR:
        section.stale = stale; /* what it publishes does not depend on what it saw */
        return section_incr(&now, op, result);
    case DICT_APPEND:
        if (now.present)
            return section_append(&now, op);
        break;
    case DICT_DELETE:
        result->changed = now.present;
        return note_write(DICT_DELETE, op->dict, &op->key, NULL);
    }
    return result->changed ? note_write(DICT_SET, op->dict, &op->key, &op->value) : 0;
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
        if (!dict_tx_run(self, NULL, 0, NULL, &bad, note_op, note))
            journal_written(self);
    }
    return err;
}

int
section_change(struct self *self, const struct dict_op *op, struct dict_result *result)
{
    size_t bad;
    if (section.nheld)
        return change_in_section(self, op, result);
    if (!self->journaling)
        return dict_tx_run(self, op, 1, result, &bad, NULL, NULL);

    struct note note = {self, hash_op(self, op), 0};
    const struct journal_entry *e = journal_peek(self);
    if (unlikely(e)) {
        struct outcome_of_op o;
        if (e->kind == JOURNAL_OP && e->hash == note.hash && e->bytes >= sizeof o) {
            memcpy(&o, e->payload, sizeof o);
            *result = o.result;
            journal_pass(self, e);
            return (int)o.err;
        }
        drop_journal(self);
    }
    return change_and_note(self, op, result, &note);
}

/* ---- locks ---- */

static int
find_held(const uint32_t *word)
{
    for (uint32_t i = 0; i < section.nheld; i++) {
        if (section.held[i].word == word)
            return (int)i;
    }
    return -1;
}

bool
section_held(struct self *self, const uint32_t *word)
{
    (void)self;
    return find_held(word) >= 0;
}

bool
section_any_held(void)
{
    return section.nheld != 0;
}

int
section_lock(struct self *self, uint32_t *word, double seconds)
{
    if (unlikely(find_held(word) >= 0))
        return -EDEADLK;
    if (unlikely(section.nheld == HELD_MAX))
        return -EUSERS;
    /* A section that is repeated from the journal takes its lock as well: what
     * else it does (a file, a terminal) still excludes others. */
    int err = lock_take(self, word, seconds);
    if (err)
        return err;
    if (!section.nheld) {
        clear_section();
        begin_repeating(self);
    }
    section.held[section.nheld].word = word;
    section.held[section.nheld].mark = section.nundo;
    section.nheld++;
    return 0;
}

static int64_t
note_section(void *arg, const struct dict_result *results, size_t n)
{
    struct note *note = arg;
    (void)results;
    (void)n;
    return journal_write(note->self, JOURNAL_SECTION, note->hash, section.reads.at,
                         section.reads.len);
}

static int
by_shard(const void *a, const void *b)
{
    const struct dict_op *p = a, *q = b;
    const struct shard *s = dict_shard(p->dict, p->key.hash);
    const struct shard *t = dict_shard(q->dict, q->key.hash);
    return s < t ? -1 : s > t;
}

static struct dict_op
op_of_write(const struct write *w)
{
    return (struct dict_op){
        .kind = w->kind,
        .dict = w->dict,
        .key = {section.text.at + w->key, w->key_len, w->hash},
        .value = {w->kind != DICT_DELETE, w->is_number, w->number,
                  section.text.at + w->value, w->value_len},
    };
}

/* Publishes the write-set and its journal entry by one commit. */
static int
publish(struct self *self)
{
    size_t n = section.nwrites, bad;
    if (!n && !self->journaling)
        return 0;
    if (n && section.stale)
        return -ESTALE;
    if (self->journaling && journal_peek(self))
        drop_journal(self); /* the first run did something else here */
    struct dict_op one = {0}, *ops = n > 1 ? calloc(n, sizeof *ops) : &one;
    struct dict_result result = {0}, *results = n > 1 ? calloc(n, sizeof *results) : &result;
    int err = ops && results ? 0 : -ENOMEM;
    for (size_t i = 0; !err && i < n; i++)
        ops[i] = op_of_write(&section.writes[i]);
    if (!err && n > 1)
        qsort(ops, n, sizeof *ops, by_shard);
    struct note note = {self, section.did, 0};
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

/* true: an earlier run has published exactly this. */
static bool
repeated(struct self *self)
{
    const struct journal_entry *e = section_entry(self);
    if (e->hash != section.did || section.repeat_at != e->bytes)
        return false;
    journal_pass(self, e);
    return true;
}

/* The lock held[i] is about to be released: what was done so far becomes true, or
 * what was done since it was taken was not done. One that did nothing leaves no
 * trace; one that failed is recorded for what it read. */
static int
end_of_section(struct self *self, uint32_t i, bool keep)
{
    if (!keep)
        drop_writes_since(i);
    if (!section.nwrites && !section.did)
        return 0;
    if (self->journaling)
        section.did = hash_mix(section.did,
                               arena_offset(self->arena, section.held[i].word) << 1 | keep);
    if (!keep && section.nheld > 1)
        return 0;
    if (section.repeating) {
        if (repeated(self)) {
            bool stale = section.stale && section.nheld > 1;
            clear_section();
            section.stale = stale; /* an outer section goes on with what it saw */
            begin_repeating(self); /* what follows under further locks */
            return 0;
        }
        diverge(self);
    }
    int err = publish(self);
    if (err)
        drop_writes_since(i);
    if (!err || section.nheld == 1)
        clear_section();
    return err;
}

int
section_unlock(struct self *self, uint32_t *word, bool keep)
{
    int i = find_held(word);
    if (i < 0)
        return -EPERM;
    int err = end_of_section(self, (uint32_t)i, keep);
    lock_release(self, word);
    section.nheld--;
    memmove(&section.held[i], &section.held[i + 1],
            (section.nheld - (uint32_t)i) * sizeof section.held[0]);
    return keep ? err : 0;
}

uint32_t
section_end(struct self *self, bool keep, uint32_t **words, uint32_t max, int *err)
{
    uint32_t n = 0;
    *err = 0;
    while (section.nheld) {
        uint32_t *word = section.held[section.nheld - 1].word;
        if (n < max)
            words[n] = word;
        n++;
        int lost = section_unlock(self, word, keep);
        *err = *err ? *err : lost;
    }
    section.repeating = false;
    return n;
}

bool
section_warning(void)
{
    return section.warned;
}

bool
section_take_warning(void)
{
    bool w = section.warned;
    section.warned = false;
    return w;
}
