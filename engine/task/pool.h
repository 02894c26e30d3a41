/* pool: how many workers a job has. Supervisor only.
 *
 * More: the new slots are made ready, then nworkers is stored (release), then the
 * workers are forked. Whoever reads nworkers again finds slots that can be read; looking
 * for a task and summing up do so (docs/internals/termination.md says why that is enough).
 * Fewer: `limit` goes down, GATE_FEWER is set, all are woken; a worker above the limit
 * ends when it has ended its task, and what is in its ring is stolen by the others, as
 * a dead one's is. nworkers stays: the slot keeps its counts and its ring, for good. */
#ifndef PRN_POOL_H
#define PRN_POOL_H

#include "memory/arena.h"

/* pool_open makes slots 1..n ready, before the first fork into one of them. 0, or -ENOSPC with
 * nothing changed. */
int pool_open(struct arena *a, uint32_t n);
/* pool_limit: no worker works in a slot above n from now on. */
void pool_limit(struct arena *a, uint32_t n);
/* pool_settled: there is no worker above the limit any more. */
void pool_settled(struct arena *a);

#endif
