/* descendants: the processes that tasks have started, and theirs, wherever they have put
 * themselves: process groups and sessions of their own (timeout, setsid, job control), nested
 * jobs.
 *
 * While its parents live, a process is found by walking /proc from parent to child. When they
 * are gone the kernel gives it to us: the supervisor is a child subreaper. Whose it was is told
 * by a variable that each worker has in its environment, and so all programs that it starts:
 * PRUNNER_WORKER=:123.456:, process 456 of the job of process 123, after what was there before
 * of a job around this one. A process that runs without that variable (env -i) is found while
 * its parents live, and left alone afterwards.
 *
 * A cgroup for each worker, and its cgroup.kill, would close that gap too. It is not used: a
 * cgroup can be made only where one was delegated to the user (or by root), limits and figures
 * of memory would move away from the cgroup that the user has made for the job, and a task that
 * changes its uid could not be put back.
 *
 * Only processes of the supervisor's own pid namespace, and those it may signal, are reached. */
#ifndef PRN_DESCENDANTS_H
#define PRN_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/process_tree.h"

#define DESCENDANTS_GRACE_NS PROCESS_GRACE_NS
#define DESCENDANTS_KILL_NS CLOCK_SECOND             /* then: for what is slow to die */
#define DESCENDANTS_TICK_NS (10 * CLOCK_MILLISECOND) /* between two looks */

/* descendants_open: orphans are ours from now on. Children that there are already are the
 * script's. descendants_close: they are init's again. */
void descendants_open(void);
void descendants_close(void);
/* descendants_mark, in a new worker: what it starts can be told. */
void descendants_mark(void);
/* descendants_signal sends `sig` to all that workers have started; `worker`: to what this one
 * has (it may be dead), else, 0, to what all have. Workers themselves get none. Returns how many
 * processes there were. */
unsigned descendants_signal(pid_t worker, int sig);
/* descendants_orphans: have we a child that is not a worker, so that it is worth a look? Cheap. */
bool descendants_orphans(void);
/* descendants_end_all, when all workers are dead: SIGTERM to what they have started, and from a
 * quarter of a second later SIGKILL. Returns when nothing is left, or a second after that. */
void descendants_end_all(void);
/* descendants_reap waits for orphans that have ended. */
void descendants_reap(void);

#endif
