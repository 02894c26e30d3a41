/* resume: after the whole tree died, make its arena fit for a new one.
 *
 * Supervisor and workers were killed at any instruction, the supervisor perhaps
 * while it repaired a dead worker's slot. Nobody runs any more, so the descriptors
 * are the only truth: every slot is recovered, the rings are emptied, and each
 * task that is READY gets a new hint. That also mends what recover() alone cannot:
 * a task made READY by a supervisor that died before it had queued the hint.
 *
 * Nobody else may have the arena mapped. Died halfway: do it again, from the
 * start; every step is idempotent. Runs that ended with the tree do not count. */
#ifndef PRN_RESUME_H
#define PRN_RESUME_H

#include "memory/arena.h"

struct self;

/* resume repairs slots 0..head->nworkers and gives each READY task a hint in the
 * ring of `super`, slot 0's self. `waits` is called with each task in WAIT
 * (its record says until when): the list of the waiting died with the supervisor.
 * 0; -ENOMEM, -ENOSPC: not finished, to be done again. */
int resume(struct self *super, void (*waits)(void *arg, uint32_t task), void *arg);

#endif
