#include "worker/worker.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parent_death.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/profile.h"
#include "monitor/stack_dump.h"
#include "output/lua_files.h"
#include "output/output.h"
#include "worker/exit.h"
#include "worker/fibers.h"
#include "worker/hooks.h"
#include "worker/lua_alloc.h"
#include "worker/program.h"
#include "worker/random.h"
#include "worker/run.h"
#include "worker/unshared.h"

/* Streams of our own, C's and Lua's. 0, or -errno with nothing changed. */
static int
open_streams(lua_State *L)
{
    int err = output_open(&job.self);
    if (err)
        return err;
    lua_files_follow(L);
    lua_files_flush_lines(L);
    return 0;
}

/* Tasks whose output is to be kept do not run without. */
static void
open_output(lua_State *L)
{
    int err = open_streams(L);
    if (!err)
        return;
    if (output_by_task) {
        log_error("the output of worker %u cannot be kept: %s", job.self.me, strerror(-err));
        exit_worker(REASON_FATAL);
    }
    log_warn("no memory for the output of worker %u: its lines may mix", job.self.me);
}

/* What a process that was just forked does before it runs anything of the script. */
static void
become_worker(lua_State *L)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && null != STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    arena_no_inherit(&job.arena);
    metrics_in_worker();
    open_output(L);
    random_in_worker(L, job.self.me, job.self.slot->claims);
}

static void
limit_memory(lua_State *main)
{
    if (job.config.lua_memory_bytes)
        lua_alloc_open(main, job.config.lua_memory_bytes);
}

/* What tasks need to run: their thread, or threads. NULL: message printed. */
static lua_State *
open_tasks(lua_State *main)
{
    int reference; /* for as long as the process lives */
    lua_State *L = run_open(main, &reference);
    int err = job.config.concurrency > 1 ? fibers_open(main, L, job.config.concurrency) : 0;
    if (!err)
        return L;
    log_error("worker %u cannot have %u tasks at a time (--concurrency): %s", job.self.me,
              job.config.concurrency, strerror(-err));
    return NULL;
}

static enum exit_reason
serve_tasks(lua_State *L)
{
    return job.config.concurrency > 1 ? fibers_run() : run_tasks(L);
}

void
worker_run(lua_State *main)
{
    job.stage = STAGE_HOOK;
    become_worker(main);
    job.self.journaling = true;
    lua_State *L = open_tasks(main);
    if (!L)
        exit_worker(REASON_FATAL);
    stack_dump_in_worker(job.self.me, L);
    limit_memory(main);
    profile_start(L);
    if (!hooks_run(L, HOOK_WORKER_BEGIN))
        exit_worker(REASON_FATAL);
    parent_death_renew(); /* it may have become another user */
    enum exit_reason reason = serve_tasks(L);
    (void)hooks_run(L, HOOK_WORKER_END);
    unshared_note();
    exit_worker(reason);
}

/* --serial needs streams of our own only if output is told by task. false: message
 * printed. */
static bool
open_serial(lua_State *L)
{
    int err = output_by_task ? open_streams(L) : 0;
    if (err)
        log_error("the output of tasks cannot be kept: %s", strerror(-err));
    return !err;
}

static void
close_serial(lua_State *L)
{
    if (!output_by_task)
        return;
    struct output_error lost = output_close();
    lua_files_follow(L);
    if (lost.errnum)
        exit_output_lost(lost);
}

bool
worker_serial(lua_State *main)
{
    job.stage = STAGE_HOOK;
    if (!open_serial(main))
        return false;
    lua_State *L = open_tasks(main);
    if (!L)
        return false;
    limit_memory(main);
    profile_start(L);
    bool begun = hooks_run(L, HOOK_WORKER_BEGIN);
    if (begun) {
        (void)serve_tasks(L);
        (void)hooks_run(L, HOOK_WORKER_END);
        program_finish();
    }
    if (job.config.concurrency > 1)
        fibers_close();
    profile_stop(L);
    lua_alloc_close(main);
    close_serial(main);
    return begun;
}
