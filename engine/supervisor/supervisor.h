/* supervisor: the process the user has started, while workers run: forks them, waits,
 * repairs what a dead one has left, forks a successor, ends the job. Between the first
 * fork and the last worker's end it runs no Lua, so a successor starts from the same
 * state as the first workers.
 *
 * The loop is here, and says in which order the parts have their turn. The parts, each
 * with its own state, a file each; a part calls those above it only:
 *
 *   child     the state of each worker process
 *   stop      ending the job early
 *   spawn     how many workers are wanted; forking them
 *   timeout   tasks that run too long
 *   delayed   tasks that wait for their time
 *   oom       was a death for lack of memory?
 *   death     what is said and done about a death
 *   control   prunner ctl
 *
 * All moments are clock_ns(), all durations nanoseconds; poll() alone gets milliseconds. */
#ifndef PRN_SUPERVISOR_H
#define PRN_SUPERVISOR_H

#include <lua.h>

/* supervisor_run runs everything that begin() has posted, and all that comes of it, on
 * n workers, and fills job.result. Returns in the supervisor only. 0; -errno if
 * it could not even start, message printed. */
int supervisor_run(lua_State *L, int n);

/* supervisor_resume makes the arena of an earlier run fit to continue (task/recover.h).
 * Before the script is loaded. 0 or -errno. */
int supervisor_resume(void);

#endif
