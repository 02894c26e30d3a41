/* halt: --halt: is it time to end the job early? Counts over all slots; asked by a
 * worker whose task has just failed and by the supervisor. */
#ifndef PRN_HALT_H
#define PRN_HALT_H

#include "memory/arena.h"
#include "job/config.h"

/* halt_reached: has the rule's number or share of tasks been reached? Never yes too early,
 * while workers end tasks meanwhile (task/counts.h). *have: how many tasks of its kind there
 * are. */
bool halt_reached(struct arena *a, const struct halt *rule, uint64_t *have);

#endif
