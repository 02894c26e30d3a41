/* dict: the shared dictionary. docs/internals/dict.md is its page.
 *
 *   dict -> 64 shards -> index (open addressing) -> records (blocks)
 *
 * An index word holds 16 bits of the hash, 16 bits of the record's generation and
 * the record's index. A record is immutable once published, but for the number of
 * a numeric one, or the length of a text, which is one aligned 8-byte word. Readers take
 * no lock: they copy and then look whether the record's block still has the same word;
 * if not, they look again. A reader that dies leaves nothing behind. A text grows within
 * its record: whoever has read its length finds that many bytes.
 *
 * Writers hold the shard's lock and change it by a transaction (dict_tx.h). An
 * index grows by copying its words into a new one, published by one store.
 *
 * Iterating copies one shard after the other under its lock (dict_tx_snapshot).
 *
 * Keys are encoded scalars (codec/scalar.h); values are one encoded value, or a number
 * kept as a double. */
#ifndef PRN_DICT_H
#define PRN_DICT_H

#include "memory/arena.h"
#include "memory/block.h"

struct self;

enum {
    DICT_SHARDS = 64,
    DICT_FIRST = 16,         /* words of a shard's first index */
    DICT_KEY_MAX = 32 << 10, /* bytes of an encoded key */
};

struct shard {
    _Alignas(CACHE_LINE) uint32_t lock; /* lock.h */
    uint32_t live;                      /* keys. writer: holder of lock */
    uint32_t used;                      /* words of the index that are not 0. under: lock */
    uint32_t pad;
    /* see index_word(). writer: holder of lock; read by everybody. */
    uint64_t index;
    uint64_t sum; /* of dict_entry_sum() of its records: see sums.h. writer: holder of lock */
};

/* Where an index is: offset of uint64_t[] (40) | version (16) | log2 of its length (8). The version
 * tells a reader that an index which lies where an older one lay is another one. */
static inline uint64_t
index_word(uint64_t offset, uint32_t version, uint32_t log2)
{
    return offset << 24 | (uint64_t)(version & 0xffff) << 8 | log2;
}

static inline uint64_t
index_offset(uint64_t word)
{
    return word >> 24;
}

static inline uint32_t
index_version(uint64_t word)
{
    return (word >> 8) & 0xffff;
}

static inline uint32_t
index_log2(uint64_t word)
{
    return word & 0xff;
}

struct dict {
    struct shard shards[DICT_SHARDS];
    uint64_t first[DICT_SHARDS][DICT_FIRST];
};

/* What a record has for a value. A text is a string that was appended to: its bytes without the
 * head of the encoding, and room for more behind them. */
enum entry_kind { ENTRY_VALUE = 0,
                  ENTRY_NUMBER = 1,
                  ENTRY_TEXT = 2 };

/* The bytes of a record's block. */
struct dict_entry {
    union {
        double number;   /* a number. writer: holder of the shard's lock */
        uint64_t length; /* a text: how many bytes are its value. writer: the same; only grows */
    };
    uint32_t value_len; /* a value: bytes; a text: room for bytes; fixed */
    uint16_t key_len;   /* fixed */
    uint16_t kind;      /* enum entry_kind; fixed */
    /* Key, then value; fixed. Of a text what lies behind `length` belongs to the holder of the
     * shard's lock: bytes are written before `length` says that they are there. */
    char bytes[];
};

struct dict_key {
    const void *bytes;
    size_t len;
    uint64_t hash; /* hash_bytes() of them */
};

/* A value on its way in or out. Going out, `bytes` is a private copy that lives
 * until the next call. */
struct dict_value {
    bool present;
    bool is_number;
    double number;
    const void *bytes;
    size_t len;
};

/* Where a key is in its shard. */
struct dict_place {
    uint64_t *word;  /* its index word; NULL: the key is not there */
    uint32_t record; /* index of its block */
};

/* dict_create makes an empty dict; self->slot->unlinked_block names it until it is linked. */
int dict_create(struct self *self, uint64_t *offset);
/* dict_get copies the value of a key. Takes no lock, may retry. 0 (absent keys
 * too: out->present), -ENOMEM. */
int dict_get(struct self *self, struct dict *d, const struct dict_key *k,
             struct dict_value *out);
/* dict_len counts the keys; other writers make it approximate. */
uint64_t dict_len(struct dict *d);
/* dict_entry_sum returns what a record adds to its shard's sum: over key and value. Under the
 * shard's lock. dict_entry_sum_change: how much more that is once its number has these bits, or
 * its text, the bytes of which are there, this length; takes time for what is new only. */
uint64_t dict_entry_sum(const struct dict_entry *r);
uint64_t dict_entry_sum_change(const struct dict_entry *r, uint64_t cell);
/* For the transaction; the caller holds the shard's lock. */
static inline struct shard *
dict_shard(struct dict *d, uint64_t hash)
{
    return &d->shards[hash >> 58];
}
struct dict_place dict_find(struct arena *a, struct shard *s, const struct dict_key *k);
/* dict_free_word finds a word that a new key with this hash can have. */
uint64_t *dict_free_word(struct arena *a, struct shard *s, uint64_t hash, bool *was_used);
/* dict_room makes room in the shard's index for n more keys. 0, -ENOSPC. */
int dict_room(struct self *self, struct shard *s, uint32_t n);
/* dict_word is the index word for a record: tag of the hash (16) | generation of its block (16) |
 * index of its block (32). */
uint64_t dict_word(const struct arena *a, uint64_t hash, uint32_t record);
static inline uint32_t
dict_word_record(uint64_t word)
{
    return (uint32_t)word;
}
/* dict_word_is_of: is the block in the use that the index word means? */
static inline bool
dict_word_is_of(uint64_t word, uint64_t block_word)
{
    return ((block_word ^ word) >> 32 & 0xffff) == 0;
}
#define DICT_DELETED ((uint64_t)1 << 48) /* a word whose key is gone */

static inline struct dict_entry *
dict_entry_at(const struct arena *a, uint32_t index)
{
    return (struct dict_entry *)block_at(a, index)->bytes;
}

/* dict_entry_value_bytes returns how many bytes dict_entry_copy_value() writes: the encoded value
 * of a record that is not a number. Under the shard's lock. */
size_t dict_entry_value_bytes(const struct dict_entry *r);
void dict_entry_copy_value(const struct dict_entry *r, void *to);

#endif
