/* view: the dicts and locks as the running task sees them: its own unpublished
 * writes under a lock first, then what an earlier run of it has recorded, then the
 * shared dict.
 *
 * A lock section is all or nothing. Writes under a lock are kept privately (own
 * reads see them) and published by one transaction when a lock is released. A
 * section that ends by an error or by death publishes nothing; within another one,
 * the outer's own writes stay. */
#ifndef PRN_SECTION_H
#define PRN_SECTION_H

#include "store/dict_tx.h"

struct actor;

/* view_get reads a key. 0, -ENOMEM. out's bytes live until the next call. */
int view_get(struct actor *x, struct dict *d, const struct dict_key *k,
             struct dict_value *out);
/* view_change does one operation; under a lock it is done privately, to be
 * published at the release. 0; -EINVAL: wrong type of value for INCR or APPEND;
 * -EFBIG: APPEND beyond CODEC_BYTES_MAX; -ENOSPC, -ENOMEM. */
int view_change(struct actor *x, const struct dict_op *op, struct dict_result *result);
/* view_lock takes a lock: as lock_take(). -EUSERS: more than 64 locks at once. */
int view_lock(struct actor *x, uint32_t *word, double seconds);
/* view_unlock publishes what was written under locks and releases this one.
 * `keep` = false: the section failed: what was written since this lock was taken
 * is dropped. 0; -EPERM: not held; released, but nothing was published: -ENOSPC,
 * -ENOMEM; -ESTALE: this second run has read what the first one read under the
 * lock, and then did something else: what it computed may be out of date. */
int view_unlock(struct actor *x, uint32_t *word, bool keep);
/* view_held: does the running task hold it? */
bool view_held(struct actor *x, const uint32_t *word);
/* view_end releases all that is still held, publishing or not, and returns how
 * many locks those were; `words` gets up to `max` of them, *err the first error of
 * view_unlock(). */
uint32_t view_end(struct actor *x, bool keep, uint32_t **words, uint32_t max, int *err);
/* view_any_held: is there anything for view_end to do? */
bool view_any_held(void);
/* view_warning: would view_take_warning() say so? */
bool view_warning(void);
/* view_take_warning: has a second run differed from the first? Asked once. */
bool view_take_warning(void);

#endif
