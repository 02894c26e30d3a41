/* commit: the end of a task as one store. docs/internals/task.md is its page.
 *
 * While a task runs, its posts and adds are private. commit_end() writes all new
 * values, absolute ones, into the slot and then stores PHASE_COMMIT: with this
 * one store the task is done and all it posted exists. commit_apply() then
 * carries it out; whoever finds a dead slot in PHASE_COMMIT does that again, from
 * the start, with the same result.
 *
 *   docs/internals/task.md: what each outcome does; the order of the stores and why. */
#ifndef PRN_COMMIT_H
#define PRN_COMMIT_H

#include "memory/layout.h"

struct self;

/* commit_begin starts a transaction: nothing posted, nothing added. After a
 * successful task_claim(), or in begin() with slot->cur == 0. */
void commit_begin(struct self *self);
/* commit_end ends the task at hand with `outcome`; FAILED, RETRY and WAIT drop
 * its posts and adds first. Never fails: memory was reserved while posting.
 * Returns how many tasks became ready. */
uint32_t commit_end(struct self *self, enum outcome outcome);
/* commit_part publishes what was posted so far; the task continues.
 * 0, -ENOSPC, -ENOMEM with nothing changed. */
int commit_part(struct self *self);
/* commit_checkpoint makes all that the task did so far true (posts, adds, dict writes) and
 * remembers `cursor` for its next run, should one be needed: counts, journal and
 * attempts start anew. 0; -EINVAL: an earlier run posted more than this one before
 * its commit; -ENOSPC, -ENOMEM with nothing changed. */
int commit_checkpoint(struct self *self, const void *cursor, size_t bytes);
/* commit_wait: OUTCOME_WAIT until `until_ns` of arena_clock(); RETRY if that cannot be noted. */
void commit_wait(struct self *self, uint64_t until_ns);
/* commit_apply carries out the commit in self's slot. Idempotent. */
void commit_apply(struct self *self);
/* commit_undo drops the posts and adds of the transaction at hand. */
void commit_undo(struct self *self);

#endif
