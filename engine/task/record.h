/* record: what must outlive a run of a task, for the few tasks that need it: how
 * many posts its parts have published, the journal of its dict operations, the
 * time it waits for.
 *
 * A slot keeps one spare record. It becomes the task's (task->record) when a part
 * is published, when the task has to wait, or when recovery rolls the task back;
 * a task that has one brings it along to its next run. */
#ifndef PRN_RECORD_H
#define PRN_RECORD_H

#include "memory/arena.h"

struct self;
struct task;
struct task_record;
struct task_cursor;

/* record_adopt takes up where the task's record says an earlier run was. */
void record_adopt(struct self *self);
/* record_need makes sure there is a record for the running task. 0, -ENOSPC. */
int record_need(struct self *self);
/* record_reserve makes sure its journal has room for `bytes`. 0, -ENOSPC. */
int record_reserve(struct self *self, size_t bytes);
/* record_current returns the running task's record; NULL: there is none. */
struct task_record *record_current(struct self *self);
/* record_publish notes in the record what a part has published. Idempotent. */
void record_publish(struct self *self);
/* record_checkpoint makes prunner.commit()'s cursor the task's and starts counts, hash and
 * journal anew. Idempotent. */
void record_checkpoint(struct self *self);
/* record_stage_wait notes the time before which the task does not run again; for a task
 * without a record in a small one of its own, which record_link_wait gives it in the commit
 * (idempotent). 0, -ENOSPC, -ENOMEM. */
int record_stage_wait(struct self *self, uint64_t until_ns);
void record_link_wait(struct self *self);
/* record_forget_wait: t, which still runs, is to wait for something else than a time. */
void record_forget_wait(struct self *self, struct task *t);
/* record_forget_journal: the next run of t starts with an empty journal. */
void record_forget_journal(struct self *self, struct task *t);
/* record_check, record_check_until, record_check_cursor: what the fields of those names have to
 * be, with sums (sums.h). */
uint32_t record_check(const struct task_record *r);
uint32_t record_check_until(const struct task_record *r);
uint32_t record_check_cursor(const struct task_cursor *c);
/* record_settle: is the block that a dead slot calls unlinked a record that was linked?
 * Frees the one it replaced, if the dead had not come to that. Idempotent. */
bool record_settle(struct self *self, uint32_t unlinked_block);
/* record_keep puts the journal of a run that is over for now into its task's record. Idempotent. */
void record_keep(struct self *self);
/* record_mend: a dead worker may have given its record to the task and have it still: half a gift
 * would serve two. Idempotent; before anything else is done with the task. */
void record_mend(struct self *self);

/* ---- the journal ---- */

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

/* Where a journal ends: bytes (32), below a hash of them (31; 0 without sums). */
static inline uint64_t
journal_bytes(uint64_t word)
{
    return (uint32_t)word;
}
/* journal_word returns the word of a journal's first `len` bytes, which are sound, with sums. */
uint64_t journal_word(const char *journal, uint64_t len);

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
/* journal_drop forgets all from this point on. The user is told, once a run. */
void journal_drop(struct self *self);
/* journal_diverged: has a run done something else than its journal says, and nobody was
 * told? journal_take_warning asks the same, and then it was told. */
bool journal_diverged(const struct self *self);
bool journal_take_warning(struct self *self);
/* journal_write writes an entry behind the end and returns the new length for the
 * transaction to commit, or -errno. */
int64_t journal_write(struct self *self, enum journal_kind kind, uint64_t hash,
                      const void *payload, size_t bytes);
/* journal_sound: do entries fill `len` bytes, exactly? For bytes from a file. */
bool journal_sound(const char *bytes, uint64_t len);
/* journal_written: the transaction is committed; this run is behind the entry. */
void journal_written(struct self *self);

#endif
