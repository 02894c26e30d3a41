/* hooks: the script's worker_begin, worker_end and on_error.
 *
 *   hooks_run        worker.c, before the first task and after the last
 *   hooks_on_error   failure.c, when a run has failed and what becomes of it is settled
 *
 * While one runs, job.stage is STAGE_HOOK: nothing may be posted, and dict operations are
 * not part of any task's journal. Died in a hook: no task is lost by it. Where a script has a
 * hook, slot->hook says that it runs: supervisor/timeout.c ends what takes too long. */
#ifndef PRN_HOOKS_H
#define PRN_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

enum hook {
    HOOK_NONE = 0,
    HOOK_WORKER_BEGIN,
    HOOK_ON_ERROR,
    HOOK_WORKER_END,
};

/* slot->hook: number of the call (32), function of the task that failed (24; 0: none),
 * enum hook (8). By the number one call is told from the next. */
#define HOOK_CALL ((uint64_t)1 << 32)

static inline uint64_t
hook_word(uint64_t before, uint32_t fn, enum hook hook)
{
    return (before & -HOOK_CALL) + HOOK_CALL + ((uint64_t)(fn & 0xffffff) << 8) + hook;
}

static inline enum hook
hook_of(uint64_t word)
{
    return (enum hook)(word & 0xff);
}

static inline uint32_t
hook_fn(uint64_t word)
{
    return word >> 8 & 0xffffff;
}

static inline uint64_t
hook_word_none(uint64_t word)
{
    return word & -HOOK_CALL;
}

/* hook_name: as the script calls it. */
const char *hook_name(enum hook hook);
/* hook_first_failure: is this failure of the hook to be told? One report is enough, however
 * many workers meet the same error; on_error is told each time. Worker or supervisor. */
bool hook_first_failure(enum hook hook);
/* hooks_run calls the hook of that name, if there is one, and commits what it adds to
 * accumulators. false: it failed; message printed. */
bool hooks_run(lua_State *L, enum hook hook);
/* hooks_on_error calls on_error(task, err): the error value is at the top of the stack and is
 * popped. `attempt`: which run of the task of function fn that was; `again`: there will be
 * another one; `program`: the status of the one that is the reason; NULL: none. */
void hooks_on_error(lua_State *L, uint32_t fn, uint64_t id, uint32_t attempt, bool again,
                    const int *program);

#endif
