/* replay: what a lock section has read and done, and an earlier run's record of the same.
 *
 *   FOR REAL   reads come from the shared dict, and are noted for a later run
 *   REPEATING  an earlier run has published a section here: the same reads get what it has seen
 *
 *   replay_begin() -> REPEATING if the journal has a section at this point, else FOR REAL
 *   REPEATING -> FOR REAL at the first read that the earlier run did not do, or at the end if it
 *   did something else: the rest of the journal is dropped, and the user is told once
 *
 * `stale` remembers that values of an earlier run were handed out: what is computed from them
 * may be out of date, so it may be repeated, but not published as new.
 * Private to a process. */
#ifndef PRN_REPLAY_H
#define PRN_REPLAY_H

#include "store/dict_tx.h"

struct self;

/* All 0: nothing read, for real. */
struct replay {
    char *reads; /* struct read ... since the section began: the journal entry's payload */
    size_t reads_len, reads_cap;
    uint64_t did;   /* hash of all that the section did; 0: nothing */
    bool repeating; /* else for real */
    bool stale;
    size_t at; /* REPEATING: the next read in the entry's payload */
};

/* replay_hash_op returns a hash of all that an operation says. */
uint64_t replay_hash_op(const struct self *self, const struct dict_op *op);
/* replay_begin: a section begins, or continues after one of its parts was published. */
void replay_begin(struct replay *r, struct self *self);
/* replay_read reads a key as the section sees it. 0, -ENOMEM; out's bytes live until the
 * next call. */
int replay_read(struct replay *r, struct self *self, struct dict *d, const struct dict_key *k,
                struct dict_value *out);
/* replay_did notes that the section did something. */
void replay_did(struct replay *r, uint64_t what);
/* replay_is_same: has an earlier run published exactly what was done so far? Then its entry is
 * behind us; else the section is for real from here on. */
bool replay_is_same(struct replay *r, struct self *self);
/* replay_clear forgets what was read and done, and keeps the memory. It does not change whether
 * the section is repeated; replay_free gives the memory back. */
void replay_clear(struct replay *r);
void replay_free(struct replay *r);

#endif
