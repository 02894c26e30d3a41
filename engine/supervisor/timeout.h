/* timeout: --timeout and a function's own limit: kills a worker whose task, or whose hook, runs
 * too long. A hook has the limit of a task (on_error: of the task that failed); without one it
 * is ended some seconds after --deadline.
 *
 * A worker says nowhere when its task began: that would cost each task a clock. So the
 * supervisor looks which run each worker is in, every twentieth of the shortest limit, and
 * measures from when it first saw it. A task may run that much longer than allowed, and never
 * shorter. The kill itself: run_kill.h.
 *
 * supervisor.c calls timeout_open() before its loop and timeout_tick() in each turn of it,
 * after the dead were seen to. */
#ifndef PRN_TIMEOUT_H
#define PRN_TIMEOUT_H

#include <stdint.h>

/* timeout_open finds the shortest limit: all functions are known. */
void timeout_open(void);
/* timeout_tick kills what has run too long. timeout_due: when to look again (ns);
 * CLOCK_NEVER: there are no limits. */
void timeout_tick(void);
uint64_t timeout_due(void);

#endif
