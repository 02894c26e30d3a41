#include "store/dict_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "codec/codec.h"
#include "base/hash.h"
#include "store/lock.h"

static struct tx_entry *
entries(const struct actor *x)
{
    return arena_at(x->arena, x->slot->tx.list);
}

static struct shard *
shard_of(const struct actor *x, const struct tx_entry *e)
{
    return arena_at(x->arena, e->shard);
}

/* ---- apply: also what recovery does ---- */

/* Where and what, written down before it is done; once. */
static void
plan(struct actor *x, struct tx_entry *e)
{
    struct shard *s = shard_of(x, e);
    e->live = s->live;
    e->used = s->used;
    if (e->kind == TX_DELETE) {
        e->live--;
    } else if (!e->victim) { /* a new key; `at` may be left from a try that died */
        struct dict_record *r = dict_record_at(x->arena, e->record);
        bool was_used;
        uint64_t *word = dict_free_word(x->arena, s, hash_bytes(r->bytes, r->key_len), &was_used);
        e->at = arena_offset(x->arena, word);
        e->live++;
        e->used += !was_used;
    }
#ifndef PRN_BUG_PLAN_AGAIN
    atom_store(&e->planned, 1);
#endif
}

static void
apply_entry(struct actor *x, struct tx_entry *e)
{
    if (e->kind == TX_NONE)
        return;
    if (e->kind != TX_CELL && !e->planned)
        plan(x, e);
    /* release: the record behind it is written; pairs with readers' acquire. */
    atom_store((uint64_t *)arena_at(x->arena, e->at), e->word);
    if (e->kind == TX_CELL)
        return;
    struct shard *s = shard_of(x, e);
    atom_set(&s->live, e->live);
    atom_set(&s->used, e->used);
    if (e->victim)
        block_free(x, e->victim, e->victim_word);
}

static void
unlock_shards(struct actor *x)
{
    struct tx_entry *e = entries(x);
    for (uint32_t i = 0; i < x->slot->tx.n; i++) {
        struct shard *s = shard_of(x, &e[i]);
        if (lock_held(x, &s->lock))
            lock_release(x, &s->lock);
    }
}

static void
apply(struct actor *x)
{
    struct slot *s = x->slot;
    struct tx_entry *e = entries(x);
    for (uint32_t i = 0; i < s->tx.n; i++)
        apply_entry(x, &e[i]);
    if (s->tx.journal_len) {
        s->journal_len = s->tx.journal_len;
        atom_store(&s->journal_on, 1);
    }
#ifdef PRN_BUG_UNLOCK_FIRST
    unlock_shards(x);
#endif
#ifdef PRN_BUG_TX_IDLE_FIRST
    atom_store(&s->tx.state, TX_IDLE);
#else
    /* Before the first shard is unlocked: what others do to it from then on must
     * not be undone by doing ours again. */
    atom_store(&s->tx.state, TX_APPLIED);
#endif
    unlock_shards(x);
    atom_store(&s->tx.state, TX_IDLE);
}

static void
free_new_records(struct actor *x)
{
    struct tx_entry *e = entries(x);
    for (uint32_t i = 0; i < x->slot->tx.n; i++) {
        if (e[i].record)
            block_free(x, e[i].record, atom_load(&block_at(x->arena, e[i].record)->word));
    }
}

static void
call_off(struct actor *x)
{
    free_new_records(x);
    unlock_shards(x);
    atom_store(&x->slot->tx.state, TX_IDLE);
}

void
dict_tx_recover(struct actor *x)
{
    uint32_t state = atom_load(&x->slot->tx.state);
    if (state == TX_COMMIT)
        apply(x);
    else if (state == TX_OPEN)
        call_off(x);
    else if (state == TX_APPLIED)
        unlock_shards(x);
    atom_store(&x->slot->tx.state, TX_IDLE);
}

bool
dict_tx_uses(const struct actor *x, uint32_t block)
{
    const struct tx *tx = &x->slot->tx;
    uint64_t bytes = arena_offset(x->arena, block_at(x->arena, block)->bytes);
    if (tx->list == bytes)
        return true;
    if (tx->state == TX_IDLE)
        return false;
    struct tx_entry *e = entries(x);
    for (uint32_t i = 0; i < tx->n; i++) {
        if (e[i].record == block || shard_of(x, &e[i])->index >> 24 == bytes)
            return true;
    }
    return false;
}

/* ---- prepare ---- */

/* A list with room for n entries. The old one stays until the new one is named. */
static int
list_room(struct actor *x, size_t n)
{
    struct slot *s = x->slot;
    struct arena *a = x->arena;
    bool own = s->tx.list == arena_offset(a, s->tx.own);
    uint32_t old = own ? 0 : arena_index(a, (char *)entries(x) - sizeof(struct block));
    size_t room = own ? SLOT_TX : block_room(a, old) / sizeof(struct tx_entry);
    if (n <= room)
        return 0;
    uint32_t block;
    int err = block_new(x, n * 2 * sizeof(struct tx_entry), SERVES_LIST, &block);
    if (err)
        return err;
    atom_store(&s->tx.list, arena_offset(a, block_at(a, block)->bytes));
    if (old)
        atom_store(&s->loose, old);
    if (old)
        block_free(x, old, atom_load(&block_at(a, old)->word));
    block_linked(x);
    return 0;
}

/* A block with key and value, named in the entry before it counts as linked. */
static int
new_record(struct actor *x, struct tx_entry *e, const struct dict_key *k, bool is_number,
           double number, size_t value_len)
{
    uint32_t block;
    size_t extra = is_number ? 0 : value_len;
    int err = block_new(x, sizeof(struct dict_record) + k->len + extra, SERVES_DICT, &block);
    if (err)
        return err;
    atom_store(&e->record, block);
    block_linked(x);
    /* The block's new word before its bytes: a reader that still copies what was
     * here before and sees one of them sees that too. Pairs with the acquire fence
     * in copy_record(). */
    atom_fence_release();
    struct dict_record *r = dict_record_at(x->arena, block);
    r->number = number;
    r->is_number = is_number;
    r->key_len = (uint16_t)k->len;
    r->value_len = (uint32_t)extra;
    memcpy(r->bytes, k->bytes, k->len);
    e->kind = TX_PUT;
    e->word = dict_word(x->arena, k->hash, block);
    return 0;
}

static int
put(struct actor *x, struct tx_entry *e, const struct dict_op *op,
    const struct dict_record *now, double number)
{
    const struct dict_value *v = &op->value;
    if (v->is_number && now && now->is_number) {
        /* The one in-place change: 8 aligned bytes. */
        e->kind = TX_CELL;
        e->at = arena_offset(x->arena, &now->number);
        e->victim = 0;
        memcpy(&e->word, &number, sizeof number);
        return 0;
    }
    int err = new_record(x, e, &op->key, v->is_number, number, v->len);
    if (!err && !v->is_number)
        memcpy(dict_record_at(x->arena, e->record)->bytes + op->key.len, v->bytes, v->len);
    return err;
}

/* The record of now's string and value's appended, encoded as one string. */
static int
append(struct actor *x, struct tx_entry *e, const struct dict_op *op,
       const struct dict_record *now)
{
    const struct dict_value *v = &op->value;
    const unsigned char *old = (const unsigned char *)now->bytes + now->key_len;
    size_t old_len, head = codec_get_string_head(old, now->value_len, &old_len);
    if (now->is_number || !head)
        return -EINVAL;
    unsigned char new_head[CODEC_SCALAR_MAX];
    size_t more = v->len - op->head;
    if (old_len + more > CODEC_BYTES_MAX)
        return -EFBIG;
    size_t new_head_len = codec_put_string_head(new_head, old_len + more);
    int err = new_record(x, e, &op->key, false, 0, new_head_len + old_len + more);
    if (err)
        return err;
    char *to = dict_record_at(x->arena, e->record)->bytes + op->key.len;
    memcpy(to, new_head, new_head_len);
    memcpy(to + new_head_len, old + head, old_len);
    memcpy(to + new_head_len + old_len, (const char *)v->bytes + op->head, more);
    return 0;
}

static bool
is_old(const struct dict_record *now, const struct dict_value *old)
{
    if (!now || !old->present)
        return !now && !old->present;
    if (now->is_number || old->is_number)
        return now->is_number && old->is_number &&
               memcmp(&now->number, &old->number, sizeof now->number) == 0;
    return now->value_len == old->len &&
           memcmp(now->bytes + now->key_len, old->bytes, old->len) == 0;
}

static int
prepare_kind(struct actor *x, struct tx_entry *e, const struct dict_op *op,
             const struct dict_record *now, struct dict_result *result)
{
    switch (op->kind) {
    case DICT_ADD:
        result->changed = !now;
        return now ? 0 : put(x, e, op, now, op->value.number);
    case DICT_CAS:
        result->changed = is_old(now, &op->old);
        if (!result->changed)
            return 0;
        if (op->value.present)
            return put(x, e, op, now, op->value.number);
        e->kind = now ? TX_DELETE : TX_NONE;
        return 0;
    case DICT_SET:
        return put(x, e, op, now, op->value.number);
    case DICT_INCR:
        if (now && !now->is_number)
            return -EINVAL;
        result->number = (now ? now->number : 0) + op->value.number;
        return put(x, e, op, now, result->number);
    case DICT_APPEND:
        return now ? append(x, e, op, now) : put(x, e, op, now, 0);
    case DICT_DELETE:
        result->changed = now != NULL;
        e->kind = now ? TX_DELETE : TX_NONE;
        return 0;
    }
    return -EINVAL;
}

/* Under the shard's lock. */
static int
prepare(struct actor *x, struct tx_entry *e, const struct dict_op *op,
        struct dict_result *result)
{
    struct dict_place p = dict_find(x->arena, shard_of(x, e), &op->key);
    *result = (struct dict_result){.changed = true};
    if (p.word) {
        e->at = arena_offset(x->arena, p.word);
        e->victim = p.record;
        e->victim_word = atom_peek(&block_at(x->arena, p.record)->word);
        e->word = DICT_DELETED;
    }
    return prepare_kind(x, e, op, p.word ? dict_record_at(x->arena, p.record) : NULL, result);
}

/* Takes the shards' locks; the operations come sorted by shard. */
static int
lock_shards(struct actor *x, const struct dict_op *ops, size_t n)
{
    struct tx_entry *e = entries(x);
    for (size_t i = 0, next; i < n; i = next) {
        uint32_t new_keys = 0; /* at most: what deletes needs no room */
        for (next = i; next < n && e[next].shard == e[i].shard; next++)
            new_keys += ops[next].kind != DICT_DELETE;
        struct shard *s = shard_of(x, &e[i]);
        int err = lock_take(x, &s->lock, -1);
        if (!err && new_keys)
            err = dict_room(x, s, new_keys);
        if (err)
            return err;
    }
    return 0;
}

static void
open_tx(struct actor *x, const struct dict_op *ops, size_t n)
{
    struct tx *tx = &x->slot->tx;
    struct tx_entry *e = entries(x);
    for (size_t i = 0; i < n; i++) {
        e[i] = (struct tx_entry){
            .shard = arena_offset(x->arena, dict_shard(ops[i].dict, ops[i].key.hash)),
        };
    }
    tx->n = (uint32_t)n;
    tx->journal_len = 0;
#ifndef PRN_BUG_NO_SHARD_NAMED
    /* release: the entries name every lock that may be taken from here on (R3). */
    atom_store(&tx->state, TX_OPEN);
#endif
}

int
dict_tx_run(struct actor *x, const struct dict_op *ops, size_t n,
            struct dict_result *results, size_t *bad, dict_tx_note note, void *arg)
{
    int err = list_room(x, n);
    if (err)
        return err;
    open_tx(x, ops, n);
    err = lock_shards(x, ops, n);
    struct tx_entry *e = entries(x);
    for (size_t i = 0; !err && i < n; i++) {
        err = prepare(x, &e[i], &ops[i], &results[i]);
        if (err)
            *bad = i;
    }
    int64_t journal = !err && note ? note(arg, results, n) : 0;
    if (journal < 0)
        err = (int)journal;
    if (err) {
        call_off(x);
        return err;
    }
    x->slot->tx.journal_len = (uint64_t)journal;
#ifdef PRN_BUG_JOURNAL_EARLY
    if (journal) {
        x->slot->journal_len = (uint64_t)journal;
        atom_store(&x->slot->journal_on, 1);
    }
#endif
    /* release: the whole change is written down; this store makes it true. */
    atom_store(&x->slot->tx.state, TX_COMMIT);
    apply(x);
    return 0;
}

int
dict_tx_snapshot(struct actor *x, struct dict *d, uint32_t shard,
                 void (*fn)(void *arg, const struct dict_record *r), void *arg)
{
    struct arena *a = x->arena;
    struct tx *tx = &x->slot->tx;
    struct shard *s = &d->shards[shard];
    entries(x)[0] = (struct tx_entry){.shard = arena_offset(a, s)};
    tx->n = 1;
    tx->journal_len = 0;
    atom_store(&tx->state, TX_OPEN); /* as in open_tx() */
    int err = lock_take(x, &s->lock, -1);
    if (!err) {
        uint64_t index = atom_peek(&s->index), n = (uint64_t)1 << (index & 0xff);
        uint64_t *words = arena_at(a, index >> 24);
        for (uint64_t i = 0; i < n; i++) {
            uint32_t record = (uint32_t)atom_peek(&words[i]);
            if (record)
                fn(arg, dict_record_at(a, record));
        }
    }
    call_off(x);
    return err;
}
