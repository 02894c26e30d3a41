/* The part of state_check that looks at names, dicts, and their transactions.
 * docs/internals/dict.md tells which states death leaves behind. */
#include <stdlib.h>

#include "store/dict_tx.h"
#include "base/array.h"
#include "base/hash.h"
#include "store/lock.h"
#include "store/names.h"
#include "job/state_map.h"

/* ---- names ---- */

/* Locks are broken in their dead holders' names: of slots that are looked at. */
static bool
lock_fits(const struct check *c, uint32_t word)
{
    return !word || ((word & ~LOCK_WAITERS) - 1) <= c->n;
}

/* This one the printer may have held, too. */
static bool
output_lock_fits(const struct check *c, uint32_t word)
{
    return lock_fits(c, word) || (word & ~LOCK_WAITERS) - 1 == ARENA_PRINTER;
}

static int
by_offset(const void *a, const void *b)
{
    const struct dict_seen *p = a, *q = b;
    return p->at < q->at ? -1 : p->at > q->at;
}

static const char *
check_name(struct check *c, const struct name *n, size_t *cap)
{
    bool is_acc = n->kind >= NAMED_SUM && n->kind <= NAMED_COLLECT;
    if (n->kind > NAMED_KEYS || n->len > NAME_BYTES ||
        (is_acc && n->number >= SLOT_ACCUMULATORS) ||
        (name_is_place(n->kind) && (!n->number || n->number > ARENA_NAMES)))
        return DAMAGED("its table of names");
    if (n->kind && n->check != names_check(n, (enum name_kind)n->kind))
        return DAMAGED("its table of names");
    c->nnames += n->kind != 0;
    if (n->kind == NAMED_LOCK && !lock_fits(c, n->lock))
        return DAMAGED("a lock");
    if (!name_is_dict(n->kind))
        return NULL;
    if (!array_reserve(&c->dicts, cap, c->ndicts + 1, sizeof *c->dicts))
        return check_no_memory;
    c->dicts[c->ndicts++] = (struct dict_seen){.at = n->object};
    return NULL;
}

static struct dict *
dict_at(const struct check *c, const struct dict_seen *d)
{
    return arena_at(c->a, d->at);
}

/* ---- records and indexes ---- */

static bool
record_fits(const struct check *c, uint32_t record)
{
    if (!check_used(c, record, sizeof(struct dict_entry)) ||
        block_at(c->a, record)->owner_tag != OWNER_TAG_DICT)
        return false;
    const struct dict_entry *r = dict_entry_at(c->a, record);
    uint64_t value = r->kind == ENTRY_NUMBER ? 0 : r->value_len;
    return r->kind <= ENTRY_TEXT && (r->kind != ENTRY_TEXT || r->length <= r->value_len) &&
           sizeof *r + (uint64_t)r->key_len + value <= block_capacity(c->a, record);
}

/* A reader compares generations: one that never matches would be looked at for ever. */
static bool
word_fits(const struct check *c, uint64_t word)
{
    uint32_t record = dict_word_record(word);
    return record_fits(c, record) &&
           dict_word_is_of(word, block_at(c->a, record)->word);
}

struct index_seen {
    uint64_t at, size; /* offset; words */
};

/* A shard's index: part of the dict, or a larger one in a block, published whole. */
static bool
find_index(const struct check *c, const struct shard *s, const uint64_t *first,
           struct index_seen *out)
{
    uint64_t log2 = index_log2(s->index), at = index_offset(s->index);
    *out = (struct index_seen){at, (uint64_t)1 << (log2 & 63)};
    if (log2 == (uint64_t)__builtin_ctz(DICT_FIRST))
        return at == arena_offset(c->a, first);
    uint64_t block = at - sizeof(struct block);
    return log2 > (uint64_t)__builtin_ctz(DICT_FIRST) && log2 < 40 && block % ARENA_GRAIN == 0 &&
           block / ARENA_GRAIN <= UINT32_MAX &&
           check_used(c, (uint32_t)(block / ARENA_GRAIN), sizeof(uint64_t) << log2) &&
           block_at(c->a, (uint32_t)(block / ARENA_GRAIN))->owner_tag == SERVES_LIST;
}

/* Does a search for its key come to word i, in this shard? */
static bool
is_found(const struct check *c, const uint64_t *words, uint64_t size, uint64_t i, uint32_t shard)
{
    const struct dict_entry *r = dict_entry_at(c->a, (uint32_t)words[i]);
    uint64_t hash = hash_bytes(r->bytes, r->key_len), at = hash & (size - 1);
    if (hash >> 58 != shard || words[i] != dict_word(c->a, hash, (uint32_t)words[i]))
        return false;
    while (at != i && words[at])
        at = (at + 1) & (size - 1);
    return at == i;
}

static const char *
check_index(struct check *c, struct dict_seen *d, uint32_t shard)
{
    struct dict *dict = dict_at(c, d);
    struct shard_seen *seen = &d->shards[shard];
    struct index_seen ix;
    if (!find_index(c, &dict->shards[shard], dict->first[shard], &ix) ||
        (ix.size > DICT_FIRST &&
         !check_mark(c, (uint32_t)((ix.at - sizeof(struct block)) / ARENA_GRAIN))))
        return DAMAGED("the index of a dict");
    const uint64_t *words = arena_at(c->a, ix.at);
    for (uint64_t i = 0; i < ix.size; i++) {
        if (!words[i])
            continue;
        seen->words++;
        if (words[i] == DICT_DELETED)
            continue;
        seen->live++;
        if (!word_fits(c, words[i]) || !check_mark(c, (uint32_t)words[i]))
            return DAMAGED("a record of a dict");
        if (!c->a->sums)
            continue;
        if (!is_found(c, words, ix.size, i, shard))
            return DAMAGED("the index of a dict");
        seen->sum += dict_entry_sum(dict_entry_at(c->a, (uint32_t)words[i]));
    }
    return NULL;
}

/* The block before the name's `object`, the name's kind last. */
static const char *
check_dict(struct check *c, struct dict_seen *d)
{
    uint64_t block = d->at - ARENA_GRAIN;
    if (d->at % ARENA_GRAIN || d->at < c->a->heap_at || d->at >= c->a->bytes ||
        !check_used(c, (uint32_t)(block / ARENA_GRAIN),
                    ARENA_GRAIN - sizeof(struct block) + sizeof(struct dict)) ||
        block_at(c->a, (uint32_t)(block / ARENA_GRAIN))->owner_tag != OWNER_TAG_DICT ||
        !check_mark(c, (uint32_t)(block / ARENA_GRAIN)))
        return DAMAGED("a dict");
    return NULL;
}

const char *
check_names(struct check *c)
{
    const struct arena_header *h = c->a->header;
    const char *wrong = NULL;
    size_t cap = 0;
    if (!lock_fits(c, h->names_lock) || !output_lock_fits(c, h->output_lock[0]) ||
        !lock_fits(c, h->output_lock[1]) || !lock_fits(c, h->order_lock))
        return DAMAGED("a lock");
    for (uint32_t i = 0; !wrong && i < ARENA_NAMES; i++) {
        const struct name *n = name_at(c->a, i);
        bool used = h->names_used[i / 64] >> i % 64 & 1;
        wrong = n->kind && !used ? DAMAGED("its table of names") : check_name(c, n, &cap);
    }
    if (!wrong && c->nnames < h->names_count)
        wrong = DAMAGED("its table of names");
    if (!wrong && c->ndicts)
        qsort(c->dicts, c->ndicts, sizeof *c->dicts, by_offset);
    for (size_t i = 0; !wrong && i < c->ndicts; i++)
        wrong = check_dict(c, &c->dicts[i]);
    for (size_t i = 0; !wrong && i < c->ndicts; i++) {
        for (uint32_t s = 0; !wrong && s < DICT_SHARDS; s++)
            wrong = check_index(c, &c->dicts[i], s);
    }
    return wrong;
}

/* ---- transactions ---- */

/* The shard at this offset; NULL: there is none. */
static struct shard_seen *
find_shard(const struct check *c, uint64_t at, struct dict_seen **in)
{
    size_t low = 0, high = c->ndicts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct dict_seen *d = &c->dicts[mid];
        if (at < d->at) {
            high = mid;
        } else if (at - d->at >= DICT_SHARDS * sizeof(struct shard)) {
            low = mid + 1;
        } else {
            uint64_t in_dict = at - d->at;
            *in = d;
            return in_dict % sizeof(struct shard) ? NULL
                                                  : &d->shards[in_dict / sizeof(struct shard)];
        }
    }
    return NULL;
}

/* What is freed once the entry is applied: named by its word, or by nobody. */
static bool
victim_fits(struct check *c, const struct tx_entry *e, uint64_t now)
{
    if (!check_is_block(c, e->victim))
        return false;
    bool frees = block_at(c->a, e->victim)->word == e->victim_word &&
                 block_state(e->victim_word) == BLOCK_USED;
    return !frees || (uint32_t)now == e->victim || check_mark(c, e->victim);
}

/* A number changes in place, or the length of a text. */
static bool
cell_fits(const struct check *c, const struct tx_entry *e)
{
    uint64_t block = e->at - sizeof(struct block);
    if (block % ARENA_GRAIN || block / ARENA_GRAIN > UINT32_MAX ||
        !record_fits(c, (uint32_t)(block / ARENA_GRAIN)) ||
        !check_marked(c, (uint32_t)(block / ARENA_GRAIN)))
        return false;
    const struct dict_entry *r = dict_entry_at(c->a, (uint32_t)(block / ARENA_GRAIN));
    return r->kind == ENTRY_NUMBER || (r->kind == ENTRY_TEXT && e->word <= r->value_len);
}

/* An entry that will be applied, perhaps again: each step of apply_entry() may have
 * been the last one. */
static bool
change_fits(struct check *c, const struct tx_entry *e, struct shard_seen *seen,
            const struct index_seen *ix)
{
    bool put = e->kind == TX_PUT, placed = e->victim || e->planned;
    uint64_t now = 0;
    if (put ? !word_fits(c, e->word) || (uint32_t)e->word != e->record
            : e->word != DICT_DELETED || !e->victim)
        return false;
    if (placed) {
        if (e->at < ix->at || e->at % 8 || e->at - ix->at >= ix->size * 8)
            return false;
        now = *(uint64_t *)arena_at(c->a, e->at);
        bool before = e->victim ? (uint32_t)now == e->victim : !now || now == DICT_DELETED;
        if (!before && now != e->word)
            return false;
    }
    if (e->victim && !victim_fits(c, e, now))
        return false;
    bool stored = placed && now == e->word;
    if (put && !stored && !check_mark(c, e->record))
        return false;
    if (!e->planned) {
        seen->unplanned += put && !e->victim;
        return true;
    }
    seen->planned = true;
    seen->planned_live = e->live;
    seen->planned_used = e->used;
    if (!stored) {
        seen->more_words += !now;
        seen->more_live += put && !e->victim ? 1 : put ? 0
                                                       : -1;
    }
    return true;
}

static const char *
check_entry(struct check *c, uint32_t k, const struct tx_entry *e)
{
    const struct slot *s = slot_at(c->a, k);
    struct dict_seen *d;
    struct shard_seen *seen = find_shard(c, e->shard, &d);
    if (!seen)
        return DAMAGED("a change of a dict");
    const struct shard *shard = arena_at(c->a, e->shard);
    bool locked = shard->lock && (shard->lock & ~LOCK_WAITERS) - 1 == k;
    seen->explained |= locked;
    if (s->tx.state == TX_OPEN) { /* its record is freed */
        if (e->record && (!check_is_block(c, e->record) ||
                          (check_used(c, e->record, 0) && !check_mark(c, e->record))))
            return DAMAGED("a change of a dict");
        return NULL;
    }
    if (s->tx.state != TX_COMMIT || e->kind == TX_NONE)
        return s->tx.state != TX_COMMIT || locked ? NULL : DAMAGED("a change of a dict");
    seen->changing = true;
    struct index_seen ix;
    struct dict *dict = dict_at(c, d);
    if (!find_index(c, shard, dict->first[seen - d->shards], &ix) || !locked ||
        e->kind > TX_DELETE ||
        !(e->kind == TX_CELL ? cell_fits(c, e) : change_fits(c, e, seen, &ix)))
        return DAMAGED("a change of a dict");
    return NULL;
}

const char *
check_tx(struct check *c, uint32_t k)
{
    const struct tx *tx = &slot_at(c->a, k)->tx;
    uint64_t room = SLOT_TX * sizeof(struct tx_entry);
    if (tx->list != arena_offset(c->a, tx->own)) {
        uint64_t block = tx->list - sizeof(struct block);
        if (block % ARENA_GRAIN || block / ARENA_GRAIN > UINT32_MAX ||
            !check_used(c, (uint32_t)(block / ARENA_GRAIN), sizeof(struct tx_entry)) ||
            block_at(c->a, (uint32_t)(block / ARENA_GRAIN))->owner_tag != SERVES_LIST ||
            !check_mark(c, (uint32_t)(block / ARENA_GRAIN)))
            return DAMAGED("a list of changes");
        room = block_capacity(c->a, (uint32_t)(block / ARENA_GRAIN));
    }
    if (tx->state > TX_APPLIED)
        return DAMAGED("a list of changes");
    if (tx->state == TX_IDLE)
        return NULL;
    if (tx->n > room / sizeof(struct tx_entry))
        return DAMAGED("a list of changes");
    const struct tx_entry *e = arena_at(c->a, tx->list);
    const char *wrong = NULL;
    for (uint32_t i = 0; !wrong && i < tx->n; i++)
        wrong = check_entry(c, k, &e[i]);
    return wrong;
}

/* ---- shards ---- */

/* A search ends at a word that is 0: counters that promise one too many would let
 * the index fill up. `used` may be too high, after death while it grew. */
static bool
shard_fits(const struct shard *s, const struct shard_seen *seen)
{
    uint64_t size = (uint64_t)1 << index_log2(s->index);
    uint32_t live = seen->planned ? seen->planned_live : s->live;
    uint32_t used = seen->planned ? seen->planned_used : s->used;
    return (int64_t)live >= (int64_t)seen->live + seen->more_live &&
           used >= (uint64_t)seen->words + seen->more_words &&
           (uint64_t)seen->words + seen->more_words + seen->unplanned < size;
}

const char *
check_shards(struct check *c)
{
    for (size_t i = 0; i < c->ndicts; i++) {
        const struct dict *dict = dict_at(c, &c->dicts[i]);
        for (uint32_t k = 0; k < DICT_SHARDS; k++) {
            const struct shard *s = &dict->shards[k];
            const struct shard_seen *seen = &c->dicts[i].shards[k];
            if (s->lock && !seen->explained)
                return DAMAGED("a lock");
            if (!shard_fits(s, seen))
                return DAMAGED("the counters of a dict");
            /* A change that was under way is looked at for what is possible only. */
            if (c->a->sums && !seen->changing && (s->live != seen->live || s->sum != seen->sum))
                return DAMAGED("the sum of a dict");
        }
    }
    return NULL;
}
