#include "store/dict_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "codec/scalar.h"
#include "base/hash.h"
#include "store/lock.h"

static struct tx_entry *
entries(const struct self *self)
{
    return arena_at(self->arena, self->slot->tx.list);
}

static struct shard *
shard_of(const struct self *self, const struct tx_entry *e)
{
    return arena_at(self->arena, e->shard);
}

/* ---- apply: also what recovery does ---- */

/* The shard's sum (sums.h) once the entry is applied. */
static uint64_t
sum_afterwards(struct self *self, const struct tx_entry *e, uint64_t sum)
{
    if (e->kind == TX_CELL) /* its record begins with the cell */
        return sum + dict_entry_sum_change(arena_at(self->arena, e->at), e->word);
    if (e->victim)
        sum -= dict_entry_sum(dict_entry_at(self->arena, e->victim));
    if (e->kind == TX_PUT)
        sum += dict_entry_sum(dict_entry_at(self->arena, e->record));
    return sum;
}

/* Where and what, written down before it is done; once. */
static void
plan(struct self *self, struct tx_entry *e)
{
    struct shard *s = shard_of(self, e);
    if (self->arena->sums)
        e->sum = sum_afterwards(self, e, s->sum);
    e->live = s->live;
    e->used = s->used;
    if (e->kind == TX_DELETE) {
        e->live--;
    } else if (e->kind == TX_PUT && !e->victim) {
        /* A new key; `at` may be left from a try that died. */
        struct dict_entry *r = dict_entry_at(self->arena, e->record);
        bool was_used;
        uint64_t hash = hash_bytes(r->bytes, r->key_len);
        uint64_t *word = dict_free_word(self->arena, s, hash, &was_used);
        e->at = arena_offset(self->arena, word);
        e->live++;
        e->used += !was_used;
    }
    atom_store(&e->planned, 1);
}

static void
apply_entry(struct self *self, struct tx_entry *e)
{
    if (e->kind == TX_NONE)
        return;
    if (!e->planned)
        plan(self, e);
    /* release: the record behind it is written; pairs with readers' acquire. */
    atom_store((uint64_t *)arena_at(self->arena, e->at), e->word);
    if (e->kind == TX_CELL && !self->arena->sums)
        return;
    struct shard *s = shard_of(self, e);
    s->sum = e->sum;
    if (e->kind == TX_CELL)
        return;
    atom_set(&s->live, e->live);
    atom_set(&s->used, e->used);
    if (e->victim)
        block_free(self, e->victim, e->victim_word);
}

static void
unlock_shards(struct self *self)
{
    struct tx_entry *e = entries(self);
    for (uint32_t i = 0; i < self->slot->tx.n; i++) {
        struct shard *s = shard_of(self, &e[i]);
        if (lock_held(self, &s->lock))
            lock_release(self, &s->lock);
    }
}

static void
apply(struct self *self)
{
    struct slot *s = self->slot;
    struct tx_entry *e = entries(self);
    for (uint32_t i = 0; i < s->tx.n; i++)
        apply_entry(self, &e[i]);
    if (s->tx.journal_len) {
        s->journal_len = s->tx.journal_len;
        atom_store(&s->journal_on, 1);
    }
    /* Before the first shard is unlocked: what others do to it from then on must
     * not be undone by doing ours again. */
    atom_store(&s->tx.state, TX_APPLIED);
    unlock_shards(self);
    atom_store(&s->tx.state, TX_IDLE);
}

static void
free_new_records(struct self *self)
{
    struct tx_entry *e = entries(self);
    for (uint32_t i = 0; i < self->slot->tx.n; i++) {
        if (e[i].record)
            block_free(self, e[i].record, atom_load(&block_at(self->arena, e[i].record)->word));
    }
}

static void
call_off(struct self *self)
{
    free_new_records(self);
    unlock_shards(self);
    atom_store(&self->slot->tx.state, TX_IDLE);
}

void
dict_tx_recover(struct self *self)
{
    uint32_t state = atom_load(&self->slot->tx.state);
    if (state == TX_COMMIT)
        apply(self);
    else if (state == TX_OPEN)
        call_off(self);
    else if (state == TX_APPLIED)
        unlock_shards(self);
    atom_store(&self->slot->tx.state, TX_IDLE);
}

bool
dict_tx_uses(const struct self *self, uint32_t block)
{
    const struct tx *tx = &self->slot->tx;
    uint64_t bytes = arena_offset(self->arena, block_at(self->arena, block)->bytes);
    if (tx->list == bytes)
        return true;
    if (tx->state == TX_IDLE)
        return false;
    struct tx_entry *e = entries(self);
    for (uint32_t i = 0; i < tx->n; i++) {
        if (e[i].record == block || index_offset(shard_of(self, &e[i])->index) == bytes)
            return true;
    }
    return false;
}

/* ---- prepare ---- */

/* A list with room for n entries. The old one stays until the new one is named. */
static int
list_room(struct self *self, size_t n)
{
    struct slot *s = self->slot;
    struct arena *a = self->arena;
    bool own = s->tx.list == arena_offset(a, s->tx.own);
    uint32_t old = own ? 0 : arena_index(a, (char *)entries(self) - sizeof(struct block));
    size_t room = own ? SLOT_TX : block_capacity(a, old) / sizeof(struct tx_entry);
    if (n <= room)
        return 0;
    uint32_t block;
    int err = block_new(self, n * 2 * sizeof(struct tx_entry), SERVES_LIST, &block);
    if (err)
        return err;
    atom_store(&s->tx.list, arena_offset(a, block_at(a, block)->bytes));
    if (old)
        atom_store(&s->unlinked_block, old);
    if (old)
        block_free(self, old, atom_load(&block_at(a, old)->word));
    block_published(self);
    return 0;
}

/* A block with key and value, named in the entry before it counts as linked. */
static int
new_record(struct self *self, struct tx_entry *e, const struct dict_key *k, enum entry_kind kind,
           double number, size_t value_len)
{
    uint32_t block;
    size_t extra = kind == ENTRY_NUMBER ? 0 : value_len;
    int err = block_new(self, sizeof(struct dict_entry) + k->len + extra, OWNER_TAG_DICT, &block);
    if (err)
        return err;
    atom_store(&e->record, block);
    block_published(self);
    /* The block's new word before its bytes: a reader that still copies what was
     * here before and sees one of them sees that too. Pairs with the acquire fence
     * in copy_record(). */
    atom_fence_release();
    struct dict_entry *r = dict_entry_at(self->arena, block);
    r->number = number;
    r->kind = (uint16_t)kind;
    r->key_len = (uint16_t)k->len;
    r->value_len = (uint32_t)extra;
    memcpy(r->bytes, k->bytes, k->len);
    e->kind = TX_PUT;
    e->word = dict_word(self->arena, k->hash, block);
    return 0;
}

/* The one change in place: of 8 aligned bytes, to e->word. */
static void
cell(struct self *self, struct tx_entry *e, const void *at)
{
    e->kind = TX_CELL;
    e->planned = !self->arena->sums; /* nothing else changes with it */
    e->at = arena_offset(self->arena, at);
    e->victim = 0;
}

static int
put(struct self *self, struct tx_entry *e, const struct dict_op *op,
    const struct dict_entry *now, double number)
{
    const struct dict_value *v = &op->value;
    if (v->is_number && now && now->kind == ENTRY_NUMBER) {
        memcpy(&e->word, &number, sizeof number);
        cell(self, e, &now->number);
        return 0;
    }
    enum entry_kind kind = v->is_number ? ENTRY_NUMBER : ENTRY_VALUE;
    int err = new_record(self, e, &op->key, kind, number, v->len);
    if (!err && !v->is_number)
        memcpy(dict_entry_at(self->arena, e->record)->bytes + op->key.len, v->bytes, v->len);
    return err;
}

/* A text with `length` bytes and room for as many again; less if there is no memory for that. */
static int
new_text(struct self *self, struct tx_entry *e, const struct dict_key *k, size_t length)
{
    size_t room = length * 2 < CODEC_BYTES_MAX ? length * 2 : CODEC_BYTES_MAX;
    int err = new_record(self, e, k, ENTRY_TEXT, 0, room);
    if (err && room > length)
        err = new_record(self, e, k, ENTRY_TEXT, 0, room = length);
    if (err)
        return err;
    struct dict_entry *r = dict_entry_at(self->arena, e->record);
    r->value_len = (uint32_t)(block_capacity(self->arena, e->record) - sizeof *r - k->len);
    if (r->value_len > CODEC_BYTES_MAX)
        r->value_len = CODEC_BYTES_MAX;
    r->length = length;
    return 0;
}

/* Appends value's string to that of now: within its record if there is room, which is then made
 * true by its new length; else in a new record that has some. */
static int
append(struct self *self, struct tx_entry *e, const struct dict_op *op, struct dict_entry *now)
{
    const struct dict_value *v = &op->value;
    const char *old = now->bytes + now->key_len;
    size_t old_len = now->length, head = 0, more = v->len - op->head;
    if (now->kind == ENTRY_VALUE)
        head = codec_get_string_head((const unsigned char *)old, now->value_len, &old_len);
    if (now->kind == ENTRY_NUMBER || (now->kind == ENTRY_VALUE && !head))
        return -EINVAL;
    if (old_len + more > CODEC_BYTES_MAX)
        return -EFBIG;
    char *to = now->bytes + now->key_len;
    if (now->kind == ENTRY_TEXT && old_len + more <= now->value_len) {
        e->word = old_len + more;
        cell(self, e, &now->length);
    } else {
        int err = new_text(self, e, &op->key, old_len + more);
        if (err)
            return err;
        to = dict_entry_at(self->arena, e->record)->bytes + op->key.len;
        memcpy(to, old + head, old_len);
    }
    memcpy(to + old_len, (const char *)v->bytes + op->head, more);
    return 0;
}

static bool
is_old(const struct dict_entry *now, const struct dict_value *old)
{
    if (!now || !old->present)
        return !now && !old->present;
    if (now->kind == ENTRY_NUMBER || old->is_number)
        return now->kind == ENTRY_NUMBER && old->is_number &&
               memcmp(&now->number, &old->number, sizeof now->number) == 0;
    size_t len = now->value_len, head = 0;
    if (now->kind == ENTRY_TEXT && (head = codec_get_string_head(old->bytes, old->len, &len)) == 0)
        return false;
    return (now->kind == ENTRY_TEXT ? now->length : now->value_len) == len &&
           head + len == old->len &&
           memcmp(now->bytes + now->key_len, (const char *)old->bytes + head, len) == 0;
}

static int
prepare_kind(struct self *self, struct tx_entry *e, const struct dict_op *op,
             struct dict_entry *now, struct dict_result *result)
{
    switch (op->kind) {
    case DICT_ADD:
        result->changed = !now;
        return now ? 0 : put(self, e, op, now, op->value.number);
    case DICT_CAS:
        result->changed = is_old(now, &op->old);
        if (!result->changed)
            return 0;
        if (op->value.present)
            return put(self, e, op, now, op->value.number);
        e->kind = now ? TX_DELETE : TX_NONE;
        return 0;
    case DICT_SET:
        return put(self, e, op, now, op->value.number);
    case DICT_INCR:
        if (now && now->kind != ENTRY_NUMBER)
            return -EINVAL;
        result->number = (now ? now->number : 0) + op->value.number;
        return put(self, e, op, now, result->number);
    case DICT_APPEND:
        return now ? append(self, e, op, now) : put(self, e, op, now, 0);
    case DICT_DELETE:
        result->changed = now != NULL;
        e->kind = now ? TX_DELETE : TX_NONE;
        return 0;
    }
    return -EINVAL;
}

/* Under the shard's lock. */
static int
prepare(struct self *self, struct tx_entry *e, const struct dict_op *op,
        struct dict_result *result)
{
    struct dict_place p = dict_find(self->arena, shard_of(self, e), &op->key);
    *result = (struct dict_result){.changed = true};
    if (p.word) {
        e->at = arena_offset(self->arena, p.word);
        e->victim = p.record;
        e->victim_word = atom_peek(&block_at(self->arena, p.record)->word);
        e->word = DICT_DELETED;
    }
    return prepare_kind(self, e, op, p.word ? dict_entry_at(self->arena, p.record) : NULL, result);
}

/* Takes the shards' locks; the operations come sorted by shard. */
static int
lock_shards(struct self *self, const struct dict_op *ops, size_t n)
{
    struct tx_entry *e = entries(self);
    for (size_t i = 0, next; i < n; i = next) {
        uint32_t new_keys = 0; /* at most: what deletes needs no room */
        for (next = i; next < n && e[next].shard == e[i].shard; next++)
            new_keys += ops[next].kind != DICT_DELETE;
        struct shard *s = shard_of(self, &e[i]);
        int err = lock_take(self, &s->lock, -1);
        if (!err && new_keys)
            err = dict_room(self, s, new_keys);
        if (err)
            return err;
    }
    return 0;
}

static void
open_tx(struct self *self, const struct dict_op *ops, size_t n)
{
    struct tx *tx = &self->slot->tx;
    struct tx_entry *e = entries(self);
    for (size_t i = 0; i < n; i++) {
        e[i] = (struct tx_entry){
            .shard = arena_offset(self->arena, dict_shard(ops[i].dict, ops[i].key.hash)),
        };
    }
    tx->n = (uint32_t)n;
    tx->journal_len = 0;
    /* release: the entries name every lock that may be taken from here on (R3). */
    atom_store(&tx->state, TX_OPEN);
}

int
dict_tx_run(struct self *self, const struct dict_op *ops, size_t n,
            struct dict_result *results, size_t *bad, dict_tx_note note, void *arg)
{
    int err = list_room(self, n);
    if (err)
        return err;
    open_tx(self, ops, n);
    err = lock_shards(self, ops, n);
    struct tx_entry *e = entries(self);
    for (size_t i = 0; !err && i < n; i++) {
        err = prepare(self, &e[i], &ops[i], &results[i]);
        if (err)
            *bad = i;
    }
    int64_t journal = !err && note ? note(arg, results, n) : 0;
    if (journal < 0)
        err = (int)journal;
    if (err) {
        call_off(self);
        return err;
    }
    self->slot->tx.journal_len = (uint64_t)journal;
    /* release: the whole change is written down; this store makes it true. */
    atom_store(&self->slot->tx.state, TX_COMMIT);
    apply(self);
    return 0;
}

int
dict_tx_snapshot(struct self *self, struct dict *d, uint32_t shard,
                 void (*fn)(void *arg, const struct dict_entry *r), void *arg)
{
    struct arena *a = self->arena;
    struct tx *tx = &self->slot->tx;
    struct shard *s = &d->shards[shard];
    entries(self)[0] = (struct tx_entry){.shard = arena_offset(a, s)};
    tx->n = 1;
    tx->journal_len = 0;
    atom_store(&tx->state, TX_OPEN); /* as in open_tx() */
    int err = lock_take(self, &s->lock, -1);
    if (!err) {
        uint64_t index = atom_peek(&s->index), n = (uint64_t)1 << index_log2(index);
        uint64_t *words = arena_at(a, index_offset(index));
        for (uint64_t i = 0; i < n; i++) {
            uint32_t record = (uint32_t)atom_peek(&words[i]);
            if (record)
                fn(arg, dict_entry_at(a, record));
        }
    }
    call_off(self);
    return err;
}
