/* run_kill: ends one run of a task by killing the worker that is in it: for --timeout, and for
 * `prunner ctl kill`. The task fails; death.c commits that in the dead slot's name.
 *
 * Between the look and the kill the worker may have begun another task: death.c sees that this
 * is not the run that was meant, and lets it count for nothing. */
#ifndef PRN_RUN_KILL_H
#define PRN_RUN_KILL_H

#include <stdint.h>

#include "supervisor/child.h"

/* Of a task that the user names. */
enum run_kill_answer {
    RUN_KILL_BEGUN = 0,   /* its worker is being killed: control_killed() follows */
    RUN_KILL_UNKNOWN,     /* no such task was ever posted */
    RUN_KILL_NOT_RUNNING, /* it waits, or has ended */
    RUN_KILL_DYING,       /* its worker is dying already */
};

/* run_kill_look: the run that slot k is in, seen now; task 0: none. */
struct child_run run_kill_look(uint32_t k, uint64_t now_ns);
/* run_kill: child c, which is ALIVE, is killed in c->run, for `cause`. */
void run_kill(struct child *c, enum child_cause cause, uint64_t now_ns);
/* run_kill_task: the same for whoever runs the task with this id. */
enum run_kill_answer run_kill_task(uint64_t id);

#endif
