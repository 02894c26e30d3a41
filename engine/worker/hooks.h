/* hooks: the script's worker_begin, worker_end and on_error.
 *
 *   hooks_run        worker.c, before the first task and after the last
 *   hooks_on_error   failure.c, when a run has failed and what becomes of it is settled
 *
 * While one runs, job.stage is STAGE_HOOK: nothing may be posted, and dict operations are
 * not part of any task's journal. Died in a hook: no task is lost by it. */
#ifndef PRN_HOOKS_H
#define PRN_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* hooks_run calls the hook of that name, if there is one, and commits what it adds to
 * accumulators. false: it failed; message printed. */
bool hooks_run(lua_State *L, const char *name);
/* hooks_on_error calls on_error(task, err): the error value is at the top of the stack and is
 * popped. `attempt`: which run of the task that was; `again`: there will be another one. */
void hooks_on_error(lua_State *L, const char *name, uint64_t id, uint32_t attempt, bool again);

#endif
