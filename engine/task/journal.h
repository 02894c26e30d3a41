/* journal: what the running task's dict operations did, for a second run.
 *
 * Dict operations outside locks are visible at once. If the worker then dies, the
 * task runs again; as long as that run does the same operations, each gets the
 * recorded result instead of being done twice. At the first one that differs the
 * rest of the journal is dropped, with a warning: from there the task's dict
 * writes are at-least-once.
 *
 * The entry is written behind the journal's end; the dict transaction that it
 * describes moves the end (tx->journal_len): both are true at once. The bytes are
 * in the task's record (record.h). Written and read by the task's runner only. */
#ifndef PRN_JOURNAL_H
#define PRN_JOURNAL_H

#include "memory/arena.h"

struct self;

enum journal_kind { JOURNAL_OP = 1,
                    JOURNAL_SECTION = 2 };

/* One entry; `bytes` of payload follow, padded to 8. */
struct journal_entry {
    uint32_t kind;
    uint32_t bytes;
    uint64_t hash; /* of the operation, or of all that a section did */
    char payload[];
};

/* journal_peek returns the entry that a run at this point should repeat; NULL: it
 * is past the end of the journal (or keeps none). */
const struct journal_entry *journal_peek(struct self *self);
/* journal_pass moves on behind the entry that was repeated. */
void journal_pass(struct self *self, const struct journal_entry *e);
/* journal_drop forgets all from this point on. true: say so to the user (once). */
bool journal_drop(struct self *self);
/* journal_write writes an entry behind the end and returns the new length for the
 * transaction to commit, or -errno. */
int64_t journal_write(struct self *self, enum journal_kind kind, uint64_t hash,
                      const void *payload, size_t bytes);
/* journal_sound: do entries fill `len` bytes, exactly? For bytes from a file. */
bool journal_sound(const char *bytes, uint64_t len);
/* journal_written: the transaction is committed; this run is behind the entry. */
void journal_written(struct self *self);

#endif
