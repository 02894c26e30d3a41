/* What lua/prunner/job.lua and command.lua call: the stages of a job. */
#include "lua/binding.h"
#include "lua/time_limit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "monitor/metrics.h"
#include "task/begin.h"
#include "base/cpus.h"
#include "monitor/totals.h"
#include "base/log.h"
#include "worker/lua_alloc.h"
#include "job/options.h"
#include "output/own_streams.h"
#include "base/exit_status.h"
#include "base/human.h"
#include "job/state.h"
#include "store/accumulator.h"
#include "store/error_text.h"
#include "supervisor/supervisor.h"
#include "task/commit.h"
#include "task/task.h"
#include "worker/error.h"
#include "worker/held_locks.h"
#include "worker/unshared.h"

/* core.moment() -> "loading", "begin", "task", "hook", "update", "running", "end" */
static int
l_moment(lua_State *L)
{
    static const char *const names[] = {
        [STAGE_LOADING] = "loading",
        [STAGE_BEGIN] = "begin",
        [STAGE_TASK] = "task",
        [STAGE_HOOK] = "hook",
        [STAGE_UPDATE] = "update",
        [STAGE_RUNNING] = "running",
        [STAGE_END] = "end",
    };
    lua_pushstring(L, names[job.stage]);
    return 1;
}

/* core.configure{n =, debug =}: what prunner.init() asks for, unless the command
 * line has said it. */
static int
l_configure(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "n");
    if (!job.config.n && lua_isnumber(L, -1))
        job.config.n = (int)lua_tointeger(L, -1);
    lua_getfield(L, 1, "debug");
    if (lua_toboolean(L, -1))
        job.config.debug = true;
    log_init(job.config.quiet, job.config.debug);
    return 0;
}

/* As prunner ctl has set it, else as configured. */
static int
workers_now(const struct config *c)
{
    int now = job.arena.base ? (int)atom_load(&job.arena.header->limit) : 0;
    if (now)
        return now;
    return c->serial ? 1 : c->n ? c->n
                                : cpus_default();
}

/* core.config(name) -> a setting */
static int
l_config(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct config *c = &job.config;
    if (strcmp(name, "n") == 0)
        lua_pushinteger(L, workers_now(c));
    else if (strcmp(name, "debug") == 0)
        lua_pushboolean(L, c->debug);
    else if (strcmp(name, "serial") == 0)
        lua_pushboolean(L, c->serial);
    else if (strcmp(name, "concurrency") == 0)
        lua_pushinteger(L, c->concurrency);
    else if (strcmp(name, "halt_now") == 0)
        lua_pushboolean(L, c->halt.when == HALT_NOW);
    else if (strcmp(name, "state") == 0)
        lua_pushstring(L, c->state ? c->state : c->resume);
    else if (strcmp(name, "start_dir") == 0)
        lua_pushstring(L, job.start_dir);
    else if (strcmp(name, "failures") == 0)
        lua_pushstring(L, c->failures);
    else if (strcmp(name, "report") == 0)
        lua_pushstring(L, c->report);
    else if (strcmp(name, "retry_failed") == 0)
        lua_pushstring(L, c->retry_failed);
    else if (strcmp(name, "script") == 0)
        lua_pushstring(L, c->script);
    else if (strcmp(name, "resuming") == 0)
        lua_pushboolean(L, c->resume != NULL);
    else if (strcmp(name, "begun") == 0)
        lua_pushboolean(L, job.arena.header->begun);
    else if (strcmp(name, "finished") == 0)
        lua_pushboolean(L, job.arena.header->finished);
    else if (strcmp(name, "command") == 0)
        lua_pushboolean(L, c->script != NULL);
    else if (strcmp(name, "help") == 0)
        lua_pushboolean(L, c->help);
    else if (strcmp(name, "unknown") == 0)
        lua_pushstring(L, c->unknown);
    else if (strcmp(name, "nliteral") == 0)
        lua_pushinteger(L, c->nliteral);
    else
        return luaL_argerror(L, 1, "no such setting");
    return 1;
}

static void
set_text(lua_State *L, const char *key, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

/* core.options() -> list of {name =, letter =, group =, value =, example =, help =}: prunner's own
 * options, as in job/options.h; what an option has not is nil */
static int
l_options(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; prn_options[i].name; i++) {
        const struct option_row *row = &prn_options[i];
        lua_createtable(L, 0, 6);
        set_text(L, "name", row->name);
        set_text(L, "group", row->group);
        set_text(L, "value", row->value);
        set_text(L, "example", row->example);
        set_text(L, "help", row->help);
        if (row->letter) {
            lua_pushfstring(L, "%c", row->letter);
            lua_setfield(L, -2, "letter");
        }
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* core.resume() -> true | nil, message. --resume: before the script is loaded. */
static int
l_resume(lua_State *L)
{
    int err = supervisor_resume();
    if (err)
        return binding_fail(L, err);
    lua_pushboolean(L, true);
    return 1;
}

/* core.finish(): --state: the job is done, nothing is to be resumed. What end_ has
 * printed is out before; if it is lost, end_ is to run again. */
static int
l_finish(lua_State *L)
{
    (void)L;
    if (own_streams_flush() == 0 && job.arena.file)
        state_finish(&job.arena);
    return 0;
}

/* core.stop_state() -> true | nil, message. --state: the job has ended before its end; what there
 * is of it must outlive the machine's next start. */
static int
l_stop_state(lua_State *L)
{
    int err = state_stop(&job.arena);
    if (err)
        return binding_fail(L, err);
    lua_pushboolean(L, true);
    return 1;
}

/* core.begin_open(): posts are allowed from here on. */
static int
l_begin_open(lua_State *L)
{
    (void)L;
    job.stage = STAGE_BEGIN;
    begin_open(&job.self);
    return 0;
}

/* core.begin_close(ok) -> true | nil, message: what was written under locks could not be
 * published, nor anything else. begin() is over; its posts are published or dropped. */
static int
l_begin_close(lua_State *L)
{
    bool ok = lua_toboolean(L, 1);
    struct begin_left left;
    job_end_stranger("begin()");
    begin_close(&job.self, ok, &left);
    job.stage = STAGE_LOADING;
    if (ok)
        held_locks_warn("begin()", left.words,
                        left.locks < BEGIN_HELD_MAX ? left.locks : BEGIN_HELD_MAX);
    if (ok && left.err)
        return binding_fail(L, left.err);
    lua_pushboolean(L, true);
    return 1;
}

/* core.release_locks(who, keep) -> true | nil, message: what `who` (in words) has not released
 * is. */
static int
l_release_locks(lua_State *L)
{
    int err = held_locks_release(luaL_checkstring(L, 1), lua_toboolean(L, 2));
    if (err)
        return binding_fail(L, err);
    lua_pushboolean(L, true);
    return 1;
}

/* core.limit_begin(), core.limit_end_hook(): what is called next has --deadline's time.
 * core.limit_over(): it has ended. */
static int
l_limit_begin(lua_State *L)
{
    time_limit_start(L, "begin()", EXIT_USAGE);
    return 0;
}

static int
l_limit_end_hook(lua_State *L)
{
    time_limit_start(L, "end_()", EXIT_FAILED);
    return 0;
}

static int
l_limit_over(lua_State *L)
{
    time_limit_end(L);
    return 0;
}

static void
set_counts(lua_State *L, const struct counts *c)
{
    binding_set_number(L, "posted", (double)c->posted);
    binding_set_number(L, "finished", (double)c->finished);
    binding_set_number(L, "failed", (double)c->failed);
    binding_set_number(L, "retried", (double)c->retried);
    binding_set_number(L, "quarantined", (double)c->quarantined);
    binding_set_number(L, "duplicates", (double)c->duplicates);
    binding_set_number(L, "pending", (double)counts_left(c));
}

static void
push_summary(lua_State *L)
{
    const struct result *r = &job.result;
    lua_newtable(L);
    set_counts(L, &r->counts);
    binding_set_number(L, "seconds", r->seconds);
    binding_set_number(L, "cpu", r->cpu_seconds);
    binding_set_number(L, "efficiency", totals_efficiency(totals_at_end()));
    binding_set_number(L, "workers", job.arena.header->limit);
    if (r->signal)
        binding_set_number(L, "signal", r->signal);
    lua_pushboolean(L, r->halted);
    lua_setfield(L, -2, "halted");
    lua_pushboolean(L, r->succeeded);
    lua_setfield(L, -2, "succeeded");
    lua_pushboolean(L, r->deadline_passed);
    lua_setfield(L, -2, "deadline_passed");
    lua_pushboolean(L, r->reader_gone);
    lua_setfield(L, -2, "reader_gone");
    lua_pushboolean(L, r->fatal);
    lua_setfield(L, -2, "fatal");
}

/* --lua-memory: is anything left to the tasks once the script is loaded? */
static int
check_lua_memory(lua_State *L)
{
    uint64_t limit = job.config.lua_memory_bytes, used = lua_alloc_used(L);
    char size[HUMAN_TEXT];
    if (!limit || used < limit)
        return 0;
    log_error("--lua-memory %s: the script and its data alone take %llu KiB",
              human_option_size(size, limit), (unsigned long long)(used >> 10));
    return -ENOMEM;
}

/* Garbage that a worker may gather before it looks what lives; all of them together. With twice as
 * much the heap of a task that builds strings grows beyond what the cache holds: 1.18 times as
 * long as in begin(), where there is none. */
enum { BALLAST = 1 << 17,
       BALLAST_ALL = 64 << 20,
       LITTLE_KIB = 1024 };

/* Before the fork. What begin() has left over need not be in each worker; a little takes
 * longer to find than to keep. The ballast stays on the stack and goes when the caller
 * returns. With --lua-memory memory counts for more than time: all is collected, no ballast. */
static void
settle_heap(lua_State *L, uint32_t workers)
{
    size_t share = BALLAST_ALL / workers;
    bool limited = job.config.lua_memory_bytes;
    bool little = !limited && lua_gc(L, LUA_GCCOUNT, 0) < LITTLE_KIB;
    if (!limited)
        lua_alloc_push_ballast(L, share < BALLAST ? share : BALLAST);
    if (little)
        (void)lua_gc(L, LUA_GCRESTART, -1); /* LuaJIT: the next cycle as after a full one */
    else
        (void)lua_gc(L, LUA_GCCOLLECT, 0);
}

/* Finalizers have run since begin() was over. What they left locked no worker could ever get, and
 * what they added would be lost. 0 or -errno. */
static int
close_finalizers(void)
{
    static const char who[] = "a finalizer";
    int err = held_locks_release(who, true);
    if (err) {
        log_error("what %s wrote under a lock that it did not release is lost: %s", who,
                  error_text(err));
        return err;
    }
    if (accumulator_dirty(&job.self.pending))
        (void)commit_end(&job.self, OUTCOME_DONE);
    return 0;
}

/* core.run(hooks) -> summary. Forks; workers never come back from here. */
static int
l_run(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushvalue(L, 1);
    job.hooks = luaL_ref(L, LUA_REGISTRYINDEX);
    if (!job.function_table) {
        lua_newtable(L);
        job.function_table = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    int n = job.config.serial ? 1 : job.config.n ? job.config.n
                                                 : cpus_default();
    settle_heap(L, (uint32_t)n);
    if (!job.config.serial)
        unshared_open((uint64_t)lua_gc(L, LUA_GCCOUNT, 0) << 10);
    int err = close_finalizers();
    job.stage = STAGE_RUNNING;
    if (!err)
        err = check_lua_memory(L);
    if (!err)
        err = supervisor_run(L, n);
    job.stage = STAGE_END;
    if (err)
        job.result.fatal = true;
    push_summary(L);
    return 1;
}

/* core.stats() -> how the job stands: sums over all slots; exact when it is over */
static int
l_stats(lua_State *L)
{
    struct counts c;
    uint64_t steals = 0, lost = 0, wakes = 0, parks = 0;
    for (uint32_t k = 0, n = arena_workers(&job.arena); k <= n; k++) {
        const struct slot *s = slot_at(&job.arena, k);
        steals += atom_peek(&s->steals);
        lost += atom_peek(&s->lost);
        wakes += atom_peek(&s->wakes);
        parks += atom_peek(&s->parks);
    }
    counts_sum(&job.arena, &c);
    lua_newtable(L);
    set_counts(L, &c);
    binding_set_number(L, "steals", (double)steals);
    binding_set_number(L, "lost_claims", (double)lost);
    binding_set_number(L, "wakes", (double)wakes);
    binding_set_number(L, "parks", (double)parks);
    return 1;
}

/* core.expect(n): there will be n tasks in all */
static int
l_expect(lua_State *L)
{
    atom_set(&metrics.header->expected, (uint64_t)luaL_checknumber(L, 1));
    return 0;
}

/* core.error(text), core.warn(text): messages of prunner's own */
static int
l_error(lua_State *L)
{
    log_error("%s", luaL_checkstring(L, 1));
    return 0;
}

static int
l_warn(lua_State *L)
{
    log_warn("%s", luaL_checkstring(L, 1));
    return 0;
}

/* core.text(value) -> what the error value says, and the last traceback */
static int
l_text(lua_State *L)
{
    lua_settop(L, 1);
    (void)error_to_text(L);
    (void)error_show(L);
    lua_pushstring(L, error_take_traceback());
    return 2;
}

const luaL_Reg binding_job_functions[] = {
    {"moment", l_moment},
    {"configure", l_configure},
    {"config", l_config},
    {"options", l_options},
    {"resume", l_resume},
    {"stop_state", l_stop_state},
    {"finish", l_finish},
    {"begin_open", l_begin_open},
    {"begin_close", l_begin_close},
    {"limit_begin", l_limit_begin},
    {"limit_end_hook", l_limit_end_hook},
    {"limit_over", l_limit_over},
    {"release_locks", l_release_locks},
    {"run", l_run},
    {"stats", l_stats},
    {"expect", l_expect},
    {"error", l_error},
    {"warn", l_warn},
    {"text", l_text},
    {"traceback", error_handler},
    {NULL, NULL},
};
