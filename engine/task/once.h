/* once: tasks with a key, of which one is run for each key in the whole job.
 *
 * The key stands in front of the task's arguments (codec/scalar.h). The job has a dict of keys,
 * which scripts do not see: key -> id of the task that has it.
 *
 *   posted   post_is_known() looks whether the key is in the dict; if so the task is not staged
 *   claimed  once_enter() puts the key there with the task's own id, by a dict transaction,
 *            before the function is called; if it is there with another id, the task is a
 *            duplicate that was posted meanwhile, and ends (OUTCOME_DUPLICATE)
 *
 * Why not when it is posted: posts are true only with the commit of the poster. A poster that
 * enters a key and then fails, or dies, has taken the key for a task that never was; its next run
 * finds the key and posts nothing. A claim is of a task that exists, and will be done or reported.
 *
 * Why with the id: a run that comes after an error or a death finds its own key and continues.
 * Died in the transaction: it is there or not (dict_tx.h), and the next run of the task enters it
 * or finds it its own. Nobody takes a key out again: a task that failed keeps it. */
#ifndef PRN_ONCE_H
#define PRN_ONCE_H

#include "memory/arena.h"

struct self;
struct task;

/* once_is_known: was a task with the key of these arguments claimed? Takes no lock. 0, -ENOSPC,
 * -ENOMEM; arguments without a key have none that is known. */
int once_is_known(struct self *self, const void *args, size_t bytes, bool *known);
/* once_enter enters the key of a claimed task, if it has one. *first: the key is its own, now or
 * since an earlier run. 0, -ENOSPC, -ENOMEM. May wait for a lock of the dict. */
int once_enter(struct self *self, const struct task *t, bool *first);

#endif
