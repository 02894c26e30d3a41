/* counts: how many tasks were posted, are finished, have failed: the sums over all slots, read
 * while their owners continue. Whoever needs one of them or a difference of two takes it from
 * here, and not by a loop of its own.
 *
 * Each slot has these words, of one writer: its owner, in a commit (commit.c); for a dead worker
 * the supervisor, which applies the commit again and stores the same values. They only grow, and
 * are stored in this order:
 *
 *   posted         before any of the new tasks can be taken
 *   failed, quarantined   of a task that ends badly; duplicates: of one that is not run
 *   finished       of a task that ends in any way: release
 *
 * counts_sum() reads (1) of each slot finished, acquire, and then failed, quarantined; (2) how
 * many slots there are by now; (3) of each slot posted. Take any moment t between (1) and (3).
 *
 *   left: sum(finished) <= finished(t) <= posted(t) <= sum(posted), as termination.md in
 *   docs/internals proves. So posted - finished is never below zero, and zero only if at t
 *   nothing waited and nothing ran.
 *
 *   succeeded: whatever ended badly among the `finished` of a slot was in failed or quarantined
 *   before (release and acquire above): finished - failed - quarantined is never more than have
 *   succeeded. It may be less, and in a slot even below zero: failed and quarantined are read
 *   later, and may hold a task that is not yet among the finished. What is too much for
 *   `finished` is left out, of each slot: so failed + quarantined <= finished, in the slots and
 *   in the sum.
 *
 * When nobody commits any more all of them are exact.
 *
 * The story of the simpler version, which summed in one pass and subtracted what it had: no
 * task has succeeded, a worker stands between its two stores. Sum: finished 0, failed 1; 0 - 1 is
 * more than any number, and --halt now,success=1 ended jobs in which every task failed. Reading
 * `failed` first does not help: a task that fails between the reads is finished and has not
 * failed, which makes one success too many. tests/unit/task/test_counts.c plays both. */
#ifndef PRN_COUNTS_H
#define PRN_COUNTS_H

#include "memory/arena.h"

struct counts {
    uint64_t posted;
    uint64_t finished;            /* in any way; at most posted */
    uint64_t failed, quarantined; /* of those finished: by errors; quarantined */
    uint64_t duplicates;          /* of those finished: not run, since another task had their key */
    uint64_t retried;             /* runs that ended by an error and came again */
};

/* counts_sum adds up all slots, those of workers that are gone and of a job before it was
 * resumed as well. Anybody may call it at any time; never waits. */
void counts_sum(const struct arena *a, struct counts *c);

/* counts_left: how many tasks wait or run; at most a little too many. 0: the job is done. */
static inline uint64_t
counts_left(const struct counts *c)
{
    return c->posted > c->finished ? c->posted - c->finished : 0;
}

/* counts_bad: how many tasks ended badly: failed for good, or quarantined. */
static inline uint64_t
counts_bad(const struct counts *c)
{
    return c->failed + c->quarantined;
}

/* counts_succeeded: never more than have. */
static inline uint64_t
counts_succeeded(const struct counts *c)
{
    uint64_t others = counts_bad(c) + c->duplicates;
    return c->finished > others ? c->finished - others : 0;
}

#endif
