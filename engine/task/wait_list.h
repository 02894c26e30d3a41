/* wait_list: the tasks that a slot's process has made WAIT and that the supervisor does not know
 * of yet. Any number of them: each is linked through its own record.
 *
 *   slot->waiting --> newest task --record->wait_next--> older one --> ... --> 0
 *
 * The commit puts a task in front (CAS, since the supervisor may empty the list) and only then
 * makes it WAIT: a task in WAIT that is in no list would wait for ever. The supervisor takes the
 * whole list at once, but not while its newest task is still RUN: that one's commit is not through,
 * and whoever carries it out, the worker or recovery, makes the supervisor look again.
 *
 * Died before the CAS: recovery carries out the commit again, finds the task not in front, and
 * puts it there. Died after it: it is in front, and cannot have been taken, since it is still RUN.
 * The supervisor died with a list in its hands: resume() looks at all tasks. */
#ifndef PRN_WAIT_LIST_H
#define PRN_WAIT_LIST_H

#include "memory/layout.h"

struct self;

/* wait_list_push puts a task that self's slot runs, and that has a record, in front of the
 * slot's list. Idempotent while the task is RUN. */
void wait_list_push(struct self *self, uint32_t task);
/* For the supervisor. wait_list_first returns the newest task if the list may be taken now; 0:
 * there is nothing to take yet. wait_list_next returns the task behind it; 0: none. */
uint32_t wait_list_first(const struct arena *a, const struct slot *s);
uint32_t wait_list_next(const struct arena *a, uint32_t task);
/* wait_list_take empties the list if `first` is still the newest. false: look again later. */
bool wait_list_take(struct slot *s, uint32_t first);

#endif
