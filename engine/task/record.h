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
/* record_set_until notes the time before which the task shall not run again. */
int record_set_until(struct self *self, uint64_t until_ns);
/* record_forget_journal: the next run of t starts with an empty journal. */
void record_forget_journal(struct self *self, struct task *t);
/* record_settle: is the block that a dead slot calls unlinked a record that was linked?
 * Frees the one it replaced, if the dead had not come to that. Idempotent. */
bool record_settle(struct self *self, uint32_t unlinked_block);
/* record_keep hands a dead run's journal to its task. Idempotent. */
void record_keep(struct self *self);

#endif
