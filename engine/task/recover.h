/* recover: a worker died at some instruction; make its slot whole.
 *
 * Only after waitpid (R9): nobody else writes the slot any more. Every step is
 * idempotent, so recovery may itself be killed and started again (R11):
 * dict changes and locks first, then the task. docs/internals/task.md, "When a worker
 * dies", tells what each phase means.
 *
 * resume() is the same after the death of everything. Supervisor and workers were
 * killed at any instruction, the supervisor perhaps while it repaired a dead worker's
 * slot. Nobody runs any more, so the descriptors are the only truth: every slot is
 * recovered, the rings are emptied, and each task that is READY gets a new hint. That
 * also mends what recover() alone cannot: a task made READY by a supervisor that died
 * before it had queued the hint. Nobody else may have the arena mapped. Died halfway:
 * do it again, from the start; every step is idempotent. */
#ifndef PRN_RECOVER_H
#define PRN_RECOVER_H

#include "memory/arena.h"

struct self;

/* What was found. */
struct recovered {
    uint32_t task;    /* the task that was running and was rolled back; 0: none */
    uint64_t word;    /* its word while it ran */
    bool quarantined; /* its descriptor says so; to be reported */
    bool failed;      /* the caller ends it, see RECOVER_FAILED */
};

/* What becomes of a task that was running. */
enum recover_how {
    RECOVER_COUNTED = 0,   /* READY: it runs again at once */
    RECOVER_UNCOUNTED = 1, /* READY, and this run does not count */
    RECOVER_WAIT = 2,      /* WAIT, without a hint: the caller makes it READY some time */
    RECOVER_FAILED = 3,    /* still RUN: the caller ends it by commit_end(self), as its worker
                            * would have after an error, and then wakes everybody. If the
                            * supervisor dies before that, resume() finds a run like any other */
};

/* recover repairs the slot self acts for. Tasks that waited (suspend.h) become ready again, and
 * are forgiven the run. A task that was running becomes ready
 * again with its hint in `super`'s ring, or as `how` says, or, if it has met its
 * worker's death `max_crashes` times and this run counts, is QUARANTINED.
 * 0; -ENOSPC: no room for the hint, nothing changed yet: try again later. After 0
 * with RECOVER_WAIT there is room for one hint in `super`'s ring. */
int recover(struct self *self, struct self *super, uint32_t max_crashes, enum recover_how how,
            struct recovered *out);
/* recover_suspect: the task that the death of slot k's process is counted to: the one that ran
 * (or that it was about to claim), else the only one that waited; 0: none. */
uint32_t recover_suspect(const struct arena *a, uint32_t k);
/* recover_locks is its step for locks, which tests call alone: frees all that the dead
 * slot holds, and wakes those who may have missed a wake-up. Idempotent. */
void recover_locks(struct self *self);

/* resume repairs slots 0..header->nworkers and gives each READY task a hint in the
 * ring of `super`, slot 0's self. Runs that ended with the tree do not count. `waits`
 * is called with each task in WAIT (its record says until when): the list of the
 * waiting died with the supervisor. 0; -ENOMEM, -ENOSPC: not finished, to be done
 * again. */
int resume(struct self *super, void (*waits)(void *arg, uint32_t task), void *arg);

#endif
