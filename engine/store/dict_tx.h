/* dict_tx: changing dicts so that death at any instruction leaves all of a
 * change or nothing of it.
 *
 *   IDLE -> OPEN (entries name the shards; their locks are taken; new records are
 *   written) -> COMMIT (one store: all of it is true) -> APPLIED, unlocked -> IDLE
 *
 * One operation outside locks is a transaction of one entry; a lock section is one
 * of as many as it wrote keys. Died in OPEN: the new records are freed, the locks
 * broken. Died in COMMIT: the entries are applied again, in order, with the same
 * result: each writes down where and what it stores before it stores it. Died in
 * APPLIED: the locks are broken; others may have changed some shards by then. */
#ifndef PRN_DICT_TX_H
#define PRN_DICT_TX_H

#include "store/dict.h"
#include "memory/layout.h"

struct self;

enum tx_kind {
    TX_NONE = 0, /* changes nothing */
    TX_CELL = 1, /* a record gets a new number, or a text its new length */
    TX_PUT = 2,  /* a key gets a new record */
    TX_DELETE = 3,
};

enum dict_op_kind {
    DICT_SET = 1,
    DICT_ADD,    /* only if absent */
    DICT_INCR,   /* value.number more; a missing key counts as 0 */
    DICT_APPEND, /* value.bytes to a string; a missing key counts as "" */
    DICT_CAS,    /* to value if it is `old` */
    DICT_DELETE,
};

struct dict_op {
    enum dict_op_kind kind;
    struct dict *dict;
    struct dict_key key;
    struct dict_value value; /* present = false: none */
    struct dict_value old;   /* CAS; present = false: the key must be absent */
    /* CAS as a step of an update: `old` was read outside any lock and `value` comes
     * of it. A second run repeats the step's result whatever it has read. */
    bool update;
    /* APPEND: how many of value's bytes are the head of its encoding. */
    size_t head;
};

/* What an operation did. */
struct dict_result {
    bool changed;
    double number; /* INCR: the new value */
};

/* Called between the preparation and the commit, with the results known and
 * before anything is true: writes the journal entry and returns its new length,
 * 0 for none, or -errno, which calls the whole off. */
typedef int64_t (*dict_tx_note)(void *arg, const struct dict_result *results, size_t n);

/* dict_tx_run does n operations (different keys, sorted by the address of their
 * shards) in one transaction. 0 and results[n]; -ENOSPC, -ENOMEM; -EINVAL: INCR of
 * a value that is not a number, APPEND to one that is not a string; -EFBIG: APPEND beyond
 * CODEC_BYTES_MAX (*bad: which operation); nothing changed then.
 * May wait for shard locks. */
int dict_tx_run(struct self *self, const struct dict_op *ops, size_t n,
                struct dict_result *results, size_t *bad, dict_tx_note note, void *arg);
/* dict_tx_note_only commits what `note` writes and changes nothing else. */
static inline int
dict_tx_note_only(struct self *self, dict_tx_note note, void *arg)
{
    size_t bad;
    return dict_tx_run(self, NULL, 0, NULL, &bad, note, arg);
}
/* dict_tx_snapshot calls fn with every record of one shard, under its lock; fn only
 * copies. 0, or what lock_take() says. */
int dict_tx_snapshot(struct self *self, struct dict *d, uint32_t shard,
                     void (*fn)(void *arg, const struct dict_entry *r), void *arg);
/* dict_tx_recover rolls a dead slot's transaction forward or back. Idempotent. */
void dict_tx_recover(struct self *self);
/* dict_tx_uses: is this block the list or a new record or index of self's transaction? */
bool dict_tx_uses(const struct self *self, uint32_t block);

#endif
