/* section: the dicts and locks as the running task sees them: its own unpublished
 * writes under a lock first, then what an earlier run of it has recorded, then the
 * shared dict.
 *
 * A lock section is all or nothing. Writes under a lock are kept privately (own
 * reads see them) and published by one transaction when a lock is released. A
 * section that ends by an error or by death publishes nothing; within another one,
 * the outer's own writes stay.
 *
 *   no lock held --section_lock()--> open, for real or repeating (replay.h)
 *   open --section_lock()--> open, one lock more
 *   open --section_unlock() of one of several--> open: all written so far is published,
 *                                                or what this lock's part wrote is dropped
 *   open --section_unlock() of the only one--> no lock held: the same
 *
 * A section belongs to its process's self and is private: when the process dies, recovery
 * breaks the locks (task/recover.c), and nothing was published. A process that has just been
 * forked acts for another slot, with a self of its own that has no section (self_open()). */
#ifndef PRN_SECTION_H
#define PRN_SECTION_H

#include "store/dict_tx.h"

struct self;

/* section_get reads a key. 0, -ENOMEM. out's bytes live until the next call. */
int section_get(struct self *self, struct dict *d, const struct dict_key *k,
                struct dict_value *out);
/* section_change does one operation; under a lock it is done privately, to be
 * published at the release. 0; -EINVAL: wrong type of value for INCR or APPEND;
 * -EFBIG: APPEND beyond CODEC_BYTES_MAX; -ENOSPC, -ENOMEM. */
int section_change(struct self *self, const struct dict_op *op, struct dict_result *result);
/* section_lock takes a lock: as lock_take(). -EUSERS: more than 64 locks at once;
 * -ENOMEM: none taken. */
int section_lock(struct self *self, uint32_t *word, double seconds);
/* section_unlock publishes what was written under locks and releases this one.
 * `keep` = false: the section failed: what was written since this lock was taken
 * is dropped. 0; -EPERM: not held, nothing was done; released, but nothing was published: -ENOSPC,
 * -ENOMEM; -ESTALE: this second run has read what the first one read under the
 * lock, and then did something else: what it computed may be out of date. */
int section_unlock(struct self *self, uint32_t *word, bool keep);
/* section_held: does the running task hold it? */
bool section_held(const struct self *self, const uint32_t *word);
/* section_end releases all that is still held, publishing or not, and returns how
 * many locks those were; `words` gets up to `max` of them, *err the first error of
 * section_unlock(). */
uint32_t section_end(struct self *self, bool keep, uint32_t **words, uint32_t max, int *err);
/* section_any_held: is there anything for section_end to do? */
bool section_any_held(const struct self *self);
/* section_close gives the memory back, before self_close(). */
void section_close(struct self *self);

#endif
