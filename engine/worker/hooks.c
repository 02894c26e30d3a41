#include "worker/hooks.h"

#include <sys/wait.h>

#include "base/log.h"
#include "base/wait_status.h"
#include "job/job.h"
#include "store/accumulator.h"
#include "store/error_text.h"
#include "task/commit.h"
#include "worker/collector.h"
#include "worker/error.h"
#include "worker/held_locks.h"

const char *
hook_name(enum hook hook)
{
    static const char *const names[] = {
        [HOOK_NONE] = "?",
        [HOOK_WORKER_BEGIN] = "worker_begin",
        [HOOK_ON_ERROR] = "on_error",
        [HOOK_WORKER_END] = "worker_end",
    };
    return hook <= HOOK_WORKER_END ? names[hook] : names[HOOK_NONE];
}

bool
hook_first_failure(enum hook hook)
{
    uint32_t none = 0;
    return hook == HOOK_ON_ERROR || atom_cas(&job.arena.header->hook_failed, &none, 1);
}

/* The supervisor sees which hook this process is in, and measures how long. */
static void
enter_hook(enum hook hook, uint32_t fn)
{
    struct slot *s = job.self.slot;
    /* release: pairs with the acquire in current_run(); publishes nothing but itself. */
    atom_store(&s->hook, hook_word(s->hook, fn, hook));
}

static void
leave_hook(void)
{
    struct slot *s = job.self.slot;
    atom_store(&s->hook, hook_word_none(s->hook)); /* release: as in enter_hook() */
}

/* With the collector held, which it lets run in the hook. */
static int
call(lua_State *L, int nargs, int handler)
{
    bool held = collector_go_on(L);
    int err = lua_pcall(L, nargs, 0, handler);
    if (held)
        (void)collector_hold(L);
    return err;
}

/* Calls the hook with the nargs values on the stack, if there is one. On an error its text
 * is left on the stack. `fn`: of the task that failed; 0: none. */
static int
call_hook(lua_State *L, enum hook hook, uint32_t fn, int nargs)
{
    const char *name = hook_name(hook);
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
    enter_hook(hook, fn);
    int err = call(L, nargs, handler);
    if (err)
        (void)error_to_text(L); /* __tostring may run: it is a part of the hook */
    int lost = held_locks_release(name, err == 0);
    if (unlikely(lost))
        log_error("what %s wrote under a lock that it did not release is lost: %s", name,
                  error_text(lost));
    leave_hook();
    job.self.journaling = journaling;
    job.stage = before;
    lua_remove(L, handler);
    return err;
}

/* The error's text is at the top of the stack. */
static void
report_failure(lua_State *L, enum hook hook)
{
    if (!hook_first_failure(hook)) {
        lua_pop(L, 1);
        return;
    }
    const char *message = error_show(L);
    const char *traceback = error_take_traceback();
    log_error("%s failed in worker %u: %s\n%s", hook_name(hook), job.self.me, message,
              traceback ? traceback : "");
    lua_pop(L, 1);
}

/* task.exit or task.signal, of the table at the top of the stack. */
static void
set_program(lua_State *L, int status)
{
    if (WIFSIGNALED(status)) {
        lua_pushstring(L, wait_status_text(status));
        lua_setfield(L, -2, "signal");
    } else {
        lua_pushinteger(L, WEXITSTATUS(status));
        lua_setfield(L, -2, "exit");
    }
}

void
hooks_on_error(lua_State *L, uint32_t fn, uint64_t id, uint32_t attempt, bool again,
               const int *program)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, job_fn_info(fn)->name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)id);
    lua_setfield(L, -2, "id");
    lua_pushnumber(L, attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushboolean(L, again);
    lua_setfield(L, -2, "will_retry");
    if (program)
        set_program(L, *program);
    lua_insert(L, -2);
    if (call_hook(L, HOOK_ON_ERROR, fn, 2))
        report_failure(L, HOOK_ON_ERROR);
}

bool
hooks_run(lua_State *L, enum hook hook)
{
    struct self *self = &job.self;
    bool held = collector_hold(L);
    self->slot->cur = 0;
    bool ok = call_hook(L, hook, 0, 0) == 0;
    if (!ok)
        report_failure(L, hook);
    if (held)
        (void)collector_go_on(L);
    if (ok && accumulator_dirty(&self->pending))
        (void)commit_end(self, OUTCOME_DONE);
    accumulator_drop(self);
    return ok;
}
