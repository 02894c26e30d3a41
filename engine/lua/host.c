#include "lua/host.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/bytecode.h"
#include "output/failures_file.h"
#include "lua/binding.h"
#include "lua/open.h"
#include "monitor/timeline.h"
#include "monitor/stack_dump.h"
#include "monitor/joblog.h"
#include "base/log.h"
#include "base/path.h"
#include "output/output.h"
#include "output/own_streams.h"
#include "monitor/profile.h"
#include "monitor/progress.h"
#include "job/state.h"
#include "monitor/summary.h"
#include "monitor/trace.h"
#include "worker/error.h"

static lua_Alloc own_alloc; /* of the Lua state */
static void *own_ud;

/* The directory this executable stands in. */
static bool
own_directory(char *dir, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", dir, cap - 1);
    if (n <= 0)
        return false;
    dir[n] = '\0';
    char *slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* package.path begins with the Lua files that belong to this executable: next
 * to it in the source tree (build/prunner and lua/), or below its prefix. */
static void
find_modules(lua_State *L)
{
    char dir[PATH_MAX], probe[PATH_MAX + 32];
    if (!own_directory(dir, sizeof dir))
        return;
    snprintf(probe, sizeof probe, "%s/../lua/prunner/init.lua", dir);
    const char *below = access(probe, R_OK) == 0 ? "../lua" : "../share/lua/5.1";
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/%s/?.lua;%s/%s/?/init.lua;%s", dir, below, dir, below,
                    lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

/* prunner.core is this very library, not one that lies on package.cpath. */
static void
preload_core(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_prunner_core);
    lua_setfield(L, -2, "prunner.core");
    lua_pop(L, 2);
}

/* The script sees `arg` as under luajit: its name at 0, the command's at -1. */
static void
set_arg(lua_State *L, const struct config *c)
{
    lua_createtable(L, c->nargs, 2);
    lua_pushstring(L, c->command_name ? c->command_name : "prunner");
    lua_rawseti(L, -2, -1);
    lua_pushstring(L, c->script);
    lua_rawseti(L, -2, 0);
    for (int i = 0; i < c->nargs; i++) {
        lua_pushstring(L, c->args[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setglobal(L, "arg");
}

/* lua_Alloc: frees nothing. */
static void *
keep(void *ud, void *p, size_t old, size_t want)
{
    (void)ud;
    return want ? own_alloc(own_ud, p, old, want) : NULL;
}

/* The __gc of the state's first userdata: lua_close() calls it after all others. What follows
 * gives the heap back, block by block, on pages that each fork has made the kernel copy before
 * they are written: that costs as many faults as all workers' starts. The process ends anyway. */
static int
keep_memory(lua_State *L)
{
    own_alloc = lua_getallocf(L, &own_ud);
    lua_setallocf(L, keep, NULL);
    return 0;
}

static void
push_keeper(lua_State *L)
{
    (void)lua_newuserdata(L, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, keep_memory);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    (void)luaL_ref(L, LUA_REGISTRYINDEX);
}

/* require("prunner.command").run(script) -> exit status */
static int
run_protected(lua_State *L)
{
    push_keeper(L); /* before there is another userdata */
    luaL_openlibs(L);
    find_modules(L);
    preload_core(L);
    bytecode_preload(L);
    set_arg(L, &job.config);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "prunner.command");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "run");
    lua_pushstring(L, job.config.script);
    lua_call(L, 1, 1);
    return 1;
}

/* --failures. false: message printed. */
static bool
open_dead(const struct config *c)
{
    int err = c->failures ? failures_file_open(c->failures, c->retry_failed) : 0;
    if (err == -EEXIST)
        log_error("--failures: \"%s\" is what --retry-failed reads: give it another name",
                  c->failures);
    else if (err)
        log_error("--failures: \"%s\": %s", c->failures, strerror(-err));
    return !err;
}

/* What is opened or removed later, when the script may have gone to another directory. */
static void
find_paths(struct config *c)
{
    c->report = path_whole(c->report);
    c->retry_failed = path_whole(c->retry_failed);
    c->tmpdir = path_whole(c->tmpdir);
    job.start_dir = path_whole(".");
}

/* Before anything of the script runs. false: message printed. */
static bool
open_files(const struct config *c)
{
    if (c->report)
        timeline_open();
    return open_dead(c) && output_prepare() == 0 &&
           (!c->joblog || joblog_open(c->joblog, c->log_every_run) == 0) &&
           (!c->trace || trace_open(c->trace, c->log_every_run) == 0) &&
           (!c->profile || profile_open(c->profile, c->profile_states) == 0);
}

/* As luajit does it: what is garbage is finalized, pipes are waited for. Not after a signal, which
 * would have ended luajit at once. Finalizers may use prunner: codec and arena stay. */
static void
close_lua(lua_State *L)
{
    if (job.result.signal)
        return;
    stack_dump_close();
    lua_close(L);
}

int
prn_command(const struct config *config)
{
    const char *state = path_whole(config->state);
    job.config = *config;
    find_paths(&job.config);
    log_init(config->quiet, config->debug);
    own_streams_open();
    lua_State *L = luaL_newstate();
    if (!L) {
        log_error("not enough memory for a Lua state");
        return EXIT_FATAL;
    }
    int err = open_memory();
    if (err) {
        if (!job.arena.base && !config->state && !config->resume)
            log_error("cannot allocate shared memory (%s): is there a limit on the address "
                      "space (ulimit -v)?",
                      strerror(-err));
        bool asked = config->state || config->resume || job.arena.base;
        return asked ? EXIT_USAGE : EXIT_FATAL;
    }
    if (!open_files(config))
        return EXIT_USAGE;
    stack_dump_open(L);
    progress_open(config);
    summary_open(config);
    lua_pushcfunction(L, run_protected);
    int status = EXIT_FATAL;
    if (lua_pcall(L, 0, 1, 0) == 0)
        status = (int)lua_tointeger(L, -1);
    else if (error_to_text(L))
        log_error("%s", error_show(L));
    job_end_stranger("the script");
    close_lua(L);
    if (own_streams_end() && (status == EXIT_DONE || status == EXIT_FAILED))
        status = EXIT_FATAL;
    if (status == EXIT_USAGE && config->state)
        state_abandon(&job.arena, state);
    if (status == EXIT_USAGE && config->resume && !job.arena.header->finished)
        (void)state_stop(&job.arena); /* refused, or the script failed: as it was */
    state_give_back(&job.arena);
    return status;
}
