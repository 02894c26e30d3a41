#include "worker/hooks.h"

#include <string.h>

#include "base/log.h"
#include "job/job.h"
#include "store/accumulator.h"
#include "store/error_text.h"
#include "task/commit.h"
#include "worker/error.h"
#include "worker/held_locks.h"

/* Calls hooks[name] with the nargs values on the stack, if there is one. On an
 * error the value is left on the stack. */
static int
call_hook(lua_State *L, const char *name, int nargs)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, job.hooks);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1 + nargs);
        return 0;
    }
    lua_insert(L, -1 - nargs);
    lua_pushcfunction(L, error_handler);
    int handler = lua_gettop(L) - nargs - 1;
    lua_insert(L, handler);
    enum job_stage before = job.stage;
    bool journaling = job.self.journaling;
    job.stage = STAGE_HOOK;
    job.self.journaling = false; /* the journal is the running task's */
    int err = lua_pcall(L, nargs, 0, handler);
    int lost = held_locks_release(name, err == 0);
    if (unlikely(lost))
        log_error("what %s wrote under a lock that it did not release is lost: %s", name,
                  error_text(lost));
    job.self.journaling = journaling;
    job.stage = before;
    lua_remove(L, handler);
    return err;
}

/* One report is enough, however many workers meet the same error. */
static void
report_failure(lua_State *L, const char *name)
{
    uint32_t none = 0;
    if (strcmp(name, "on_error") != 0 &&
        !atom_cas(&job.arena.header->hook_failed, &none, 1)) {
        lua_pop(L, 1);
        return;
    }
    (void)error_to_text(L);
    const char *message = error_show(L);
    const char *traceback = error_take_traceback();
    log_error("%s failed in worker %u: %s\n%s", name, job.self.me, message,
              traceback ? traceback : "");
    lua_pop(L, 1);
}

void
hooks_on_error(lua_State *L, const char *name, uint64_t id, uint32_t attempt, bool again)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)id);
    lua_setfield(L, -2, "id");
    lua_pushnumber(L, attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushboolean(L, again);
    lua_setfield(L, -2, "again");
    lua_insert(L, -2);
    if (call_hook(L, "on_error", 2))
        report_failure(L, "on_error");
}

bool
hooks_run(lua_State *L, const char *name)
{
    struct self *self = &job.self;
    self->slot->cur = 0;
    bool ok = call_hook(L, name, 0) == 0;
    if (!ok)
        report_failure(L, name);
    if (ok && accumulator_dirty(&self->pending))
        (void)commit_end(self, OUTCOME_DONE);
    accumulator_drop(self);
    return ok;
}
