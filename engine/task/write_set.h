/* write_set: what a task has written under locks and not published yet, by key.
 *
 * A later write of a key replaces the earlier one. Writes made under two locks or more can be
 * taken back: write_set_mark() says where, write_set_undo_to() goes back to there.
 * Private to a process: it dies with it, and nothing was published. */
#ifndef PRN_WRITE_SET_H
#define PRN_WRITE_SET_H

#include "store/dict_tx.h"

/* One key. Offsets into the set's `text`, which may move. */
struct write {
    enum dict_op_kind kind; /* SET, DELETE or INCR */
    struct dict *dict;
    uint64_t hash;
    size_t key, key_len;
    bool is_number;
    double number;
    size_t value, value_len;
    /* A string that was appended to: its bytes, behind the head of the encoding, which ends just
     * before them; and how many there is room for. room 0: it was not. */
    size_t data, room;
};

struct undo;

/* All 0: empty. */
struct write_set {
    struct write *writes; /* in the order of each key's first write */
    size_t n, writes_cap;
    uint32_t *table; /* write + 1 by hash; open addressing */
    size_t table_size;
    struct undo *undo;
    size_t nundo, undo_cap;
    char *text; /* keys and values */
    size_t text_len, text_cap;
};

/* write_set_find returns what was written to key k of d; NULL: nothing. Good until the
 * next write. */
const struct write *write_set_find(const struct write_set *set, const struct dict *d,
                                   const struct dict_key *k);
/* write_set_value tells what a SET wrote; out's bytes are good until the next write. */
void write_set_value(const struct write_set *set, const struct write *w, struct dict_value *out);
/* write_set_put: the set says `kind` of key k from now on. v: NULL for a DELETE.
 * undoable: remember what it said before. 0, or -ENOMEM with nothing changed. */
int write_set_put(struct write_set *set, enum dict_op_kind kind, struct dict *d,
                  const struct dict_key *k, const struct dict_value *v, bool undoable);
/* write_set_append: key k of d is the string old followed by more from now on. Repeated it takes
 * time for `more` only. old may be what the set has for k. As write_set_put(). */
int write_set_append(struct write_set *set, struct dict *d, const struct dict_key *k,
                     const void *old, size_t old_len, const void *more, size_t more_len,
                     bool undoable);
/* write_set_mark returns what write_set_undo_to() takes to come back here. */
size_t write_set_mark(const struct write_set *set);
/* write_set_undo_to takes back all undoable writes made since the mark. */
void write_set_undo_to(struct write_set *set, size_t mark);
/* write_set_op makes the operation out of the i-th write. */
struct dict_op write_set_op(const struct write_set *set, size_t i);
/* write_set_clear forgets all writes and keeps the memory; write_set_free gives it back. */
void write_set_clear(struct write_set *set);
void write_set_free(struct write_set *set);

#endif
