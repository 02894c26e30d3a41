#include "store/dict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "codec/scalar.h"
#include "memory/self.h"
#include "memory/sums.h"

/* What readers copy may be overwritten meanwhile; the block's word tells them.
 * ThreadSanitizer cannot know that, nor may it see memcpy() and memcmp() do it. */
#if defined(__SANITIZE_THREAD__)
#define NO_TSAN __attribute__((no_sanitize("thread"), noinline))
#define racy_load(p) (*(const volatile __typeof__(*(p)) *)(p))
NO_TSAN static bool
racy_same(const volatile char *a, const char *b, size_t n)
{
    while (n && *a == *b)
        a++, b++, n--;
    return n == 0;
}
NO_TSAN static void
racy_copy(volatile char *to, const volatile char *from, size_t n)
{
    while (n--)
        *to++ = *from++;
}
#else
#define NO_TSAN
#define racy_load(p)                                       \
    ({                                                     \
        __typeof__(*(p)) racy_value;                       \
        ATOM_POINT();                                      \
        __atomic_load((p), &racy_value, __ATOMIC_ACQUIRE); \
        racy_value;                                        \
    })
#define racy_same(a, b, n) (memcmp((a), (b), (n)) == 0)
#ifdef PRN_SIM
static void
racy_copy(char *to, const char *from, size_t n)
{
    memcpy(to, from, n / 2);
    ATOM_POINT(); /* somebody else may run in the middle of it */
    memcpy(to + n / 2, from + n / 2, n - n / 2);
}
#else
#define racy_copy(to, from, n) memcpy((to), (from), (n))
#endif
#endif

struct index {
    uint64_t *words;
    uint64_t mask;
    uint64_t seen; /* the shard's index word */
};

/* acquire: pairs with the release in grow_index(). */
static struct index
index_of(const struct arena *a, const struct shard *s)
{
    uint64_t seen = atom_load(&s->index);
    struct index i = {arena_at(a, index_offset(seen)), ((uint64_t)1 << index_log2(seen)) - 1, seen};
    return i;
}

static bool
same_tag(uint64_t word, uint64_t hash)
{
    return word >> 48 == (((hash >> 32) & 0xffff) | 2) && dict_word_record(word);
}

uint64_t
dict_word(const struct arena *a, uint64_t hash, uint32_t record)
{
    uint64_t gen = block_generation(atom_peek(&block_at(a, record)->word)) & 0xffff;
    /* Bit 1 of the tag keeps it apart from DICT_DELETED. */
    return (((hash >> 32) & 0xffff) | 2) << 48 | gen << 32 | record;
}

int
dict_create(struct self *self, uint64_t *offset)
{
    uint32_t block;
    int err = block_new(self, sizeof(struct dict) + CACHE_LINE, OWNER_TAG_DICT, &block);
    if (err)
        return err;
    size_t at = arena_offset(self->arena, block_at(self->arena, block)->bytes);
    at = (at + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct dict *d = arena_at(self->arena, at);
    memset(d, 0, sizeof *d);
    for (int i = 0; i < DICT_SHARDS; i++) {
        uint64_t at_first = arena_offset(self->arena, d->first[i]);
        d->shards[i].index = index_word(at_first, 0, __builtin_ctz(DICT_FIRST));
    }
    *offset = at;
    return 0;
}

struct dict_place
dict_find(struct arena *a, struct shard *s, const struct dict_key *k)
{
    struct index ix = index_of(a, s);
    for (uint64_t i = k->hash & ix.mask;; i = (i + 1) & ix.mask) {
        uint64_t word = atom_peek(&ix.words[i]);
        if (!word)
            return (struct dict_place){NULL, 0};
        if (!same_tag(word, k->hash))
            continue;
        struct dict_entry *r = dict_entry_at(a, dict_word_record(word));
        if (r->key_len == k->len && memcmp(r->bytes, k->bytes, k->len) == 0)
            return (struct dict_place){ix.words + i, dict_word_record(word)};
    }
}

uint64_t *
dict_free_word(struct arena *a, struct shard *s, uint64_t hash, bool *was_used)
{
    struct index ix = index_of(a, s);
    uint64_t i = hash & ix.mask;
    while (atom_peek(&ix.words[i]) && atom_peek(&ix.words[i]) != DICT_DELETED)
        i = (i + 1) & ix.mask;
    *was_used = atom_peek(&ix.words[i]) != 0;
    return ix.words + i;
}

/* A new index that `need` words fill to three eighths at most; larger than the
 * first one, so that its size tells the two apart. Died between the two stores:
 * `used` is too high, and the next growth comes early. */
static int
grow_index(struct self *self, struct shard *s, uint64_t need)
{
    struct arena *a = self->arena;
    struct index old = index_of(a, s);
    uint64_t log2 = (uint64_t)__builtin_ctz(DICT_FIRST) + 1;
    while (((uint64_t)3 << log2) / 4 < need * 2)
        log2++;
    uint32_t block;
    size_t bytes = sizeof(uint64_t) << log2;
    int err = block_new(self, bytes, SERVES_LIST, &block);
    if (err)
        return err;
    uint64_t *words = (uint64_t *)block_at(a, block)->bytes;
    uint64_t mask = ((uint64_t)1 << log2) - 1;
    memset(words, 0, bytes);
    for (uint64_t i = 0; i <= old.mask; i++) {
        uint64_t word = atom_peek(&old.words[i]);
        if (!word || word == DICT_DELETED)
            continue;
        struct dict_entry *r = dict_entry_at(a, dict_word_record(word));
        uint64_t at = hash_bytes(r->bytes, r->key_len) & mask;
        while (words[at])
            at = (at + 1) & mask;
        words[at] = word;
    }
    /* release: the new words; pairs with index_of(). */
    atom_store(&s->index, index_word(arena_offset(a, words), index_version(old.seen) + 1, log2));
    atom_store(&s->used, s->live);
    block_published(self);

    /* Free the old one, unless it is part of the dict itself. Not by way of
     * slot->unlinked_block: it may be of another slot's slab, and in use again by the time
     * somebody cleans up after us. Died before: one index is lost. */
    if (old.mask + 1 > DICT_FIRST) {
        uint32_t b = arena_index(a, (char *)old.words - sizeof(struct block));
        block_free(self, b, atom_load(&block_at(a, b)->word));
    }
    return 0;
}

int
dict_room(struct self *self, struct shard *s, uint32_t n)
{
    uint64_t size = (uint64_t)1 << index_log2(atom_peek(&s->index));
    if ((uint64_t)s->used + n <= size * 3 / 4)
        return 0;
    int err = grow_index(self, s, (uint64_t)s->live + n);
    /* Slow is better than no; one word must stay 0 to end every search. */
    return err && (uint64_t)s->used + n < size ? 0 : err;
}

static int
copy_room(struct self *self, size_t bytes)
{
    return array_reserve(&self->copy, &self->copy_room, bytes, 1) ? 0 : -ENOMEM;
}

size_t
dict_entry_value_bytes(const struct dict_entry *r)
{
    unsigned char head[CODEC_SCALAR_MAX];
    if (r->kind != ENTRY_TEXT)
        return r->kind == ENTRY_NUMBER ? 0 : r->value_len;
    return codec_put_string_head(head, r->length) + r->length;
}

void
dict_entry_copy_value(const struct dict_entry *r, void *to)
{
    size_t head = 0, len = r->value_len;
    if (r->kind == ENTRY_TEXT) {
        len = r->length;
        head = codec_put_string_head(to, len);
    }
    memcpy((char *)to + head, r->bytes + r->key_len, len);
}

/* An index word. acquire: the record behind it; pairs with apply_entry(). */
NO_TSAN static uint64_t
load_word(uint64_t *word)
{
    return racy_load(word);
}

/* What a racing reader takes a record for. Each field is read once: it may change
 * between two looks. */
struct look {
    struct block *block;
    uint64_t before; /* the block's word */
    struct dict_entry *record;
    size_t key_len, value_len; /* if sound: those of the record, so within its block */
    uint16_t kind;
    bool sound; /* the index word means this use of the block */
};

/* Is the block's word what it was before the copies? */
NO_TSAN static bool
still(const struct look *l)
{
    /* The copies first: pairs with the fence in new_record() of dict_tx.c. */
    atom_fence_acquire();
    return atom_peek(&l->block->word) == l->before;
}

NO_TSAN static struct look
look_at(const struct arena *a, uint64_t word)
{
    struct look l = {.block = block_at(a, dict_word_record(word))};
    /* acquire: pairs with the release in block_new(). */
    l.before = atom_load(&l.block->word);
    l.record = (struct dict_entry *)l.block->bytes;
    l.key_len = racy_load(&l.record->key_len);
    l.kind = racy_load(&l.record->kind);
    l.value_len = l.kind == ENTRY_NUMBER ? 0 : racy_load(&l.record->value_len);
    l.sound = block_state(l.before) == BLOCK_USED && dict_word_is_of(word, l.before) &&
              still(&l);
    return l;
}

enum found { FOUND,
             OTHER_KEY,
             CHANGED,
             NO_MEMORY };

/* Copies the value of the record that `word` names if its key is `only`. CHANGED:
 * the record went away under our hands. */
NO_TSAN static enum found
copy_record(struct self *self, uint64_t word, const struct dict_key *only,
            struct dict_value *value)
{
    struct look l = look_at(self->arena, word);
    if (!l.sound)
        return CHANGED;
    if (l.key_len != only->len || !racy_same(l.record->bytes, only->bytes, l.key_len))
        return still(&l) ? OTHER_KEY : CHANGED;
    size_t len = l.value_len, head = 0;
    /* acquire: these bytes are there; pairs with the release in apply_entry(). */
    uint64_t length = racy_load(&l.record->length);
    if (l.kind == ENTRY_TEXT && length > len)
        return CHANGED; /* the block is something else by now */
    if (copy_room(self, len + CODEC_SCALAR_MAX))
        return NO_MEMORY;
    if (l.kind == ENTRY_TEXT) {
        len = length;
        head = codec_put_string_head((unsigned char *)self->copy, len);
    }
    if (len)
        racy_copy(self->copy + head, l.record->bytes + l.key_len, len);
    value->present = true;
    value->is_number = l.kind == ENTRY_NUMBER;
    memcpy(&value->number, &length, sizeof length);
    value->bytes = self->copy;
    value->len = head + len;
    return still(&l) ? FOUND : CHANGED;
}

int
dict_get(struct self *self, struct dict *d, const struct dict_key *k, struct dict_value *out)
{
    struct shard *s = dict_shard(d, k->hash);
again:;
    struct index ix = index_of(self->arena, s);
    for (uint64_t i = k->hash & ix.mask, n = 0; n <= ix.mask; i = (i + 1) & ix.mask, n++) {
        uint64_t word = load_word(&ix.words[i]);
        /* The index was replaced: its memory may be something else by now. */
        if (unlikely(atom_load(&s->index) != ix.seen))
            goto again;
        if (!word)
            break;
        if (!same_tag(word, k->hash))
            continue;
        switch (copy_record(self, word, k, out)) {
        case FOUND:
            return 0;
        case OTHER_KEY:
            continue;
        case NO_MEMORY:
            return -ENOMEM;
        case CHANGED:
            cpu_relax();
            goto again;
        }
    }
    *out = (struct dict_value){0};
    return 0;
}

/* ---- sums ---- */

/* The words of a text, each with its place, so that a longer text only adds some: from the one
 * that byte `from` is in up to `to`, as if nothing came behind it. */
static uint64_t
sum_words(uint64_t key, const char *text, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    for (uint64_t at = from / sizeof at * sizeof at; at < to; at += sizeof at) {
        uint64_t word = 0;
        memcpy(&word, text + at, to - at < sizeof word ? to - at : sizeof word);
        sum += sums_mix(key + at, word);
    }
    return sum;
}

/* All but the words of a text. `cell`: the bits of the number, or the length of the text. */
static uint64_t
sum_head(const struct dict_entry *r, uint64_t key, uint64_t cell)
{
    if (r->kind == ENTRY_VALUE)
        return hash_more(sums_mix(key, r->value_len), r->bytes + r->key_len, r->value_len);
    return sums_mix(r->kind, sums_mix(key, cell));
}

uint64_t
dict_entry_sum(const struct dict_entry *r)
{
    uint64_t key = hash_bytes(r->bytes, r->key_len), sum = sum_head(r, key, r->length);
    return r->kind == ENTRY_TEXT ? sum + sum_words(key, r->bytes + r->key_len, 0, r->length) : sum;
}

uint64_t
dict_entry_sum_change(const struct dict_entry *r, uint64_t cell)
{
    uint64_t key = hash_bytes(r->bytes, r->key_len);
    uint64_t more = sum_head(r, key, cell) - sum_head(r, key, r->length);
    if (r->kind != ENTRY_TEXT)
        return more;
    /* The last word of before has more bytes now. */
    const char *text = r->bytes + r->key_len;
    return more + sum_words(key, text, r->length, cell) -
           sum_words(key, text, r->length, r->length);
}

uint64_t
dict_len(struct dict *d)
{
    uint64_t n = 0;
    for (int i = 0; i < DICT_SHARDS; i++)
        n += atom_peek(&d->shards[i].live);
    return n;
}
