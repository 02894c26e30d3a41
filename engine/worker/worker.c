#define _GNU_SOURCE
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lauxlib.h>

#include "codec/codec.h"
#include "worker/task_loop.h"
#include "store/accumulator.h"
#include "base/clock.h"
#include "base/human.h"
#include "task/record.h"
#include "task/commit.h"
#include "output/dead_letter.h"
#include "base/export.h"
#include "job/job.h"
#include "task/gate.h"
#include "job/throttle.h"
#include "job/halt.h"
#include "task/idle.h"
#include "monitor/stack_dump.h"
#include "base/log.h"
#include "worker/lua_alloc.h"
#include "store/error_text.h"
#include "store/names.h"
#include "output/lua_files.h"
#include "output/output.h"
#include "task/post.h"
#include "monitor/profile.h"
#include "task/queue.h"
#include "output/report.h"
#include "task/task.h"
#include "task/section.h"
#include "monitor/metrics.h"

enum { RSS_EVERY = 64 }; /* tasks between two looks at the memory used */

static char *last_traceback;

const char *
worker_take_traceback(void)
{
    static char *given;
    free(given);
    given = last_traceback;
    last_traceback = NULL;
    return given;
}

/* What lies below the script's own calls is of no use to its author. */
static void
cut_our_frames(char *traceback)
{
    char *loop = strstr(traceback, "\n\tprunner.task_loop: in function");
    if (loop)
        *loop = '\0';
    static const char ours[] = "\n\t[C]: in function 'xpcall'\n";
    for (char *at = traceback; (at = strstr(at, ours)); at++) {
        char *line = at + sizeof ours - 1, *end = strchr(line, '\n');
        char *module = strstr(line, "prunner/job.lua:");
        if (module && (!end || module < end)) {
            *at = '\0';
            return;
        }
    }
}

int
worker_traceback(lua_State *L)
{
    free(last_traceback);
    last_traceback = NULL;
    luaL_traceback(L, L, NULL, 1);
    last_traceback = strdup(lua_tostring(L, -1));
    if (last_traceback)
        cut_our_frames(last_traceback);
    lua_pop(L, 1);
    return 1;
}

/* Pushes text for a key or value inside an error table. */
static void
push_scalar_text(lua_State *L, int index, bool key)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        lua_pushfstring(L, key ? "%s" : "\"%s\"", lua_tostring(L, index));
        break;
    case LUA_TNUMBER:
        lua_pushvalue(L, index); /* not the original: lua_next needs the key as it is */
        (void)lua_tostring(L, -1);
        if (key) {
            lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
            lua_remove(L, -2);
        }
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

/* Pushes `(error value: {code = 5, text = "no"})` for the table at the top. */
static void
push_table_text(lua_State *L)
{
    enum { FIELDS_MAX = 8 };
    int table = lua_gettop(L), n = 0;
    luaL_Buffer b;
    lua_newtable(L); /* parts: a luaL_Buffer must not be interleaved with lua_next */
    int parts = table + 1;
    for (lua_pushnil(L); n < FIELDS_MAX && lua_next(L, table); n++) {
        int key = lua_gettop(L) - 1;
        push_scalar_text(L, key, true);
        push_scalar_text(L, key + 1, false);
        lua_pushfstring(L, "%s%s = %s", n ? ", " : "", lua_tostring(L, -2),
                        lua_tostring(L, -1));
        lua_rawseti(L, parts, n + 1);
        lua_settop(L, key);
    }
    bool more = n == FIELDS_MAX;
    lua_settop(L, parts);
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "(error value: {");
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, parts, i);
        luaL_addvalue(&b);
    }
    luaL_addstring(&b, more ? ", ...})" : "})");
    luaL_pushresult(&b);
    lua_remove(L, parts);
}

static const char *
nil_or_boolean(lua_State *L)
{
    if (lua_isnil(L, -1))
        return "nil";
    return lua_toboolean(L, -1) ? "true" : "false";
}

const char *
worker_message(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    bool described = false;
    if (luaL_getmetafield(L, -1, "__tostring")) {
        lua_pushvalue(L, -2);
        described = lua_pcall(L, 1, 1, 0) == 0 && lua_type(L, -1) == LUA_TSTRING;
        if (!described)
            lua_pop(L, 1);
    }
    if (!described && lua_istable(L, -1)) {
        push_table_text(L);
        described = true;
    }
    if (!described) {
        if (lua_type(L, -1) == LUA_TNUMBER)
            lua_pushfstring(L, "%s", lua_tostring(L, -1));
        else if (lua_isnil(L, -1) || lua_isboolean(L, -1))
            lua_pushfstring(L, "(error value: %s)", nil_or_boolean(L));
        else
            lua_pushfstring(L, "(error value: a %s)", luaL_typename(L, -1));
    }
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

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
    lua_pushcfunction(L, worker_traceback);
    int handler = lua_gettop(L) - nargs - 1;
    lua_insert(L, handler);
    enum job_stage before = job.stage;
    bool journaling = job.self.journaling;
    job.stage = STAGE_HOOK;
    job.self.journaling = false; /* the journal is the running task's */
    int err = lua_pcall(L, nargs, 0, handler);
    job.self.journaling = journaling;
    job.stage = before;
    lua_remove(L, handler);
    return err;
}

/* One report is enough, however many workers meet the same error. */
static void
hook_failed(lua_State *L, const char *name)
{
    uint32_t none = 0;
    if (strcmp(name, "on_error") != 0 &&
        !atom_cas(&job.arena.header->hook_failed, &none, 1)) {
        lua_pop(L, 1);
        return;
    }
    const char *message = worker_message(L);
    const char *traceback = worker_take_traceback();
    log_error("%s failed in worker %u: %s\n%s", name, job.self.me, message,
              traceback ? traceback : "");
    lua_pop(L, 1);
}

/* ---- the end of a task ---- */

static void
warn_held_locks(uint32_t **words, uint32_t n, uint32_t cur)
{
    char task[256] = "worker_begin or worker_end";
    if (cur)
        report_task(task_at(&job.arena, cur), task, sizeof task);
    for (uint32_t i = 0; i < n; i++) {
        struct name *l = (struct name *)((char *)words[i] - offsetof(struct name, lock));
        log_warn("%s%s ended without releasing lock \"%.*s\"; it was released",
                 cur ? "task " : "", task, (int)l->len, l->text);
    }
}

/* What is still locked when a task ends is released and reported. 0, or -errno: what
 * was written under the locks could not be published. */
static int
release_locks(bool keep)
{
    uint32_t *words[16], n;
    int err;
    if (likely(!section_any_held(&job.self)))
        return 0;
    n = section_end(&job.self, keep, words, 16, &err);
    if (keep)
        warn_held_locks(words, n < 16 ? n : 16, job.self.slot->cur);
    return err;
}

/* The task goes back to the queue, now or after its function's backoff, which
 * doubles with each error. */
static void
run_again(struct self *self, const struct task *t)
{
    uint64_t backoff = (uint64_t)job_fn_info(t->fn)->options.backoff_ns;
    if (!backoff) {
        idle_wake(self, commit_end(self, OUTCOME_RETRY));
        return;
    }
    backoff <<= t->errors < 10 ? t->errors : 10;
    if (job.config.serial) {
        clock_sleep(backoff);
        (void)commit_end(self, OUTCOME_RETRY);
        return;
    }
    commit_wait(self, clock_ns() + backoff);
    job_notify();
}

__attribute__((noreturn)) static void
worker_exit(enum exit_reason bye)
{
    (void)signal(SIGPIPE, SIG_IGN); /* of a program that a task has started and left */
    fflush(NULL);                   /* files that tasks have opened and not closed */
    struct output_error lost = output_end();
    if (lost.errnum) {
        atom_store(&job.arena.header->output_error, output_error_pack(lost));
        job_notify();
    }
    atom_store(&job.self.slot->exit_reason, (uint32_t)bye);
    _exit(bye == REASON_FATAL ? 1 : 0);
}

/* What tasks print is lost from here on: the job ends. */
static void
output_failed(struct output_error lost)
{
    if (!job.config.serial)
        worker_exit(REASON_READER_GONE); /* says so */
    if (lost.errnum == EPIPE && !lost.capture) {
        job.result.reader_gone = true;
    } else {
        if (!job.result.fatal)
            output_say_lost(lost);
        job.result.fatal = true;
    }
    idle_set_mode(&job.arena, ARENA_STOP);
}

/* on_error(task, err): the error value is at the top of the stack and is popped. */
static void
tell_on_error(lua_State *L, const char *name, uint64_t id, uint32_t run, bool again)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)id);
    lua_setfield(L, -2, "id");
    lua_pushnumber(L, run);
    lua_setfield(L, -2, "attempt");
    lua_pushboolean(L, again);
    lua_setfield(L, -2, "again");
    lua_insert(L, -2);
    if (call_hook(L, "on_error", 2))
        hook_failed(L, "on_error");
}

/* --halt, at once: until the supervisor wakes up many more could fail. */
static void
stop_if_asked(struct arena *a)
{
    uint64_t have;
    if (!halt_reached(a, &job.config.halt, &have))
        return;
    idle_set_mode(a, ARENA_STOP);
    job_notify();
}

/* Makes the error value at the top of the stack text; Lua's own words for a limit of
 * ours name neither it nor the option. */
static const char *
error_message(lua_State *L)
{
    char size[HUMAN_TEXT];
    const char *message = worker_message(L);
    if (!lua_alloc_refused() || !strstr(message, "not enough memory"))
        return message;
    (void)lua_gc(L, LUA_GCCOLLECT, 0); /* what the task had is garbage now */
    lua_pushfstring(L, "%s (--lua-memory: the Lua values of a worker may take %s)", message,
                    human_option_size(size, job.config.lua_memory_bytes));
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* The error value is at the top of the stack. */
static void
task_failed(lua_State *L, uint64_t from)
{
    struct self *self = &job.self;
    struct task *t = task_at(self->arena, self->slot->cur);
    uint32_t run = task_attempt(atom_peek(&t->word)), fn = t->fn;
    uint64_t id = t->id;
    bool again = t->errors < job_retries(fn);
    job.stage = STAGE_HOOK; /* __tostring may run: no posts any more */
    (void)release_locks(false);
    lua_pushvalue(L, -1);
    const char *message = error_message(L);
    const char *traceback = worker_take_traceback();
    struct output_error lost = output_flush(again ? OUTPUT_AGAIN : OUTPUT_FAILED);
    report_error(t, run, message, traceback, again);
    struct dead_letter letter = {
        .task = t,
        .attempts = run,
        .errors = t->errors + 1u,
        .error = message,
        .error_len = lua_objlen(L, -1),
        .slot = self->slot,
    };
    if (!again)
        dead_letter_write(&letter);
    metrics_keep(t, message, traceback);
    metrics_describe(self, t, from, message);
    metrics_dropped(self->arena, self->me);
    lua_pop(L, 1);
    if (again) {
        run_again(self, t);
    } else {
        (void)commit_end(self, OUTCOME_FAILED);
        atom_store(&self->arena->header->failed, 1);
        stop_if_asked(self->arena);
    }
    metrics_end(fn, again ? METRICS_RETRY : METRICS_FAILED);
    tell_on_error(L, job_fn_info(fn)->name, id, run, again);
    if (lost.errnum)
        output_failed(lost);
}

/* ---- what a worker has used up ---- */

static uint64_t
rss_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%lu %lu", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Has this worker done its share (--max-tasks, --max-rss)? */
static bool
due_for_recycling(uint32_t ran)
{
    const struct config *c = &job.config;
    if (c->serial)
        return false;
    if (c->max_tasks && ran >= c->max_tasks)
        return true;
    return c->max_rss_bytes && (ran < RSS_EVERY || ran % RSS_EVERY == 0) &&
           rss_bytes() > c->max_rss_bytes;
}

/* ---- running one task ---- */

/* Of a task's thread. */
enum { STACK_FUNCTIONS = 1,
       STACK_HANDLER = 2,
       STACK_LOOPS = 3,
       STACK_TOP = STACK_LOOPS };

/* The task at hand. */
static struct {
    uint64_t from; /* when it started, if it is timed: monitor/metrics.h */
    uint32_t fn;   /* its function */
    bool ended;    /* prn_next_task() has ended it ... */
    bool next;     /* ... and claimed another one, which was not started */
    uint32_t ran;  /* tasks so far */
    double number; /* its argument, for prn_next_task() */
} run;

static struct task *
current_task(void)
{
    return task_at(job.self.arena, job.self.slot->cur);
}

/* The claimed task starts. */
static void
start_task(struct self *self, const struct task *t)
{
    run.fn = t->fn;
    run.ended = run.next = false;
    run.ran++;
    run.from = metrics_start(self, t->fn, t->id);
    job.stage = STAGE_TASK;
    self->partial = job_fn_info(t->fn)->options.partial;
    commit_begin(self);
    output_begin(t);
    lua_alloc_enforce(true);
}

/* It has come to its end without an error. */
static void
finish_task(struct self *self)
{
    struct output_error lost = output_flush(OUTPUT_DONE);
    if (unlikely(lost.errnum))
        output_failed(lost);
    if (unlikely(metrics_due(run.from)))
        metrics_describe(self, current_task(), run.from, NULL);
    idle_wake(self, commit_end(self, OUTCOME_DONE));
    metrics_end(run.fn, METRICS_DONE);
}

/* Pushes f, number, or a loop that begins with that: loop, number, f. Returns how many
 * arguments that are. */
static int
push_call_with(lua_State *L, uint32_t fn, double number)
{
    bool loop = task_loop_push(L, fn, STACK_FUNCTIONS, STACK_LOOPS);
    lua_rawgeti(L, STACK_FUNCTIONS, (int)fn);
    lua_pushnumber(L, number);
    if (loop)
        lua_insert(L, -2);
    return loop ? 2 : 1;
}

/* Pushes function and arguments. false: the bytes are damaged; message pushed. */
static bool
push_call(lua_State *L, const struct task *t, int *nargs)
{
    const unsigned char *bytes = task_args(&job.arena, t);
    double number;
    if (likely(codec_get_number(bytes, t->bytes, &number))) {
        *nargs = push_call_with(L, t->fn, number);
        return true;
    }
    lua_rawgeti(L, STACK_FUNCTIONS, (int)t->fn);
    *nargs = codec_decode(job.codec, L, bytes, t->bytes);
    if (*nargs >= 0)
        return true;
    lua_pop(L, 1);
    lua_pushfstring(L, "its arguments cannot be read: %s", codec_error(job.codec));
    return false;
}

/* Calls the task; prn_next_task() may go on with others of its function. false: the one at hand
 * failed; the error value is at the top of the stack. */
static bool
call_task(lua_State *L, const struct task *t)
{
    int nargs;
    bool ok = push_call(L, t, &nargs) && lua_pcall(L, nargs, 0, STACK_HANDLER) == 0;
    lua_alloc_enforce(false);
    if (!ok || run.ended)
        return ok;
    if (unlikely(job.self.skip)) {
        lua_pushfstring(L, "this run posted fewer tasks than an earlier run has published "
                           "(%d are missing): it is not deterministic in its arguments",
                        (int)job.self.skip);
        return false;
    }
    int err = release_locks(true);
    if (unlikely(err)) {
        lua_pushfstring(L, "what it wrote under a lock that it did not release is lost: %s",
                        error_text(err));
        return false;
    }
    return true;
}

static void
warn_about_journal(const struct task *t)
{
    char task[256];
    report_task(t, task, sizeof task);
    log_warn("task %s runs again after its worker died and its dict operations differ from "
             "those of the first run: they may count twice",
             task);
}

/* Runs the claimed task, and those that prn_next_task() claims. The stack: as named above. */
static void
run_task(lua_State *L)
{
    struct self *self = &job.self;
    start_task(self, current_task());
    bool ok = call_task(L, current_task());
    if (!run.ended) {
        if (unlikely(journal_take_warning(self)))
            warn_about_journal(current_task());
        if (likely(ok))
            finish_task(self);
        else
            task_failed(L, run.from);
    }
    job.stage = STAGE_HOOK;
    lua_settop(L, STACK_TOP);
}

/* Claims the next task if there is one that may start at once. */
static bool
claim_next(struct self *self)
{
    const struct arena_header *h = self->arena->header;
    return likely(atom_load(&h->mode) == ARENA_RUN) && likely(!atom_load(&h->gate)) &&
           likely(!due_for_recycling(run.ran)) && (queue_take(self) || queue_steal(self));
}

/* Ends the task at hand and starts the next one if it is of the same function, with a number
 * alone (task_loop.lua). What needs Lua's stack, or more than this, is left to run_task(). */
PRN_EXPORT bool
prn_next_task(void)
{
    struct self *self = &job.self;
    if (unlikely(self->skip || section_any_held(&job.self) || journal_diverged(self)))
        return false;
    lua_alloc_enforce(false);
    finish_task(self);
    run.ended = true;
    run.next = claim_next(self);
    if (!run.next)
        return false;
    const struct task *t = current_task();
    if (t->fn != run.fn ||
        !codec_get_number(task_args(&job.arena, t), t->bytes, &run.number))
        return false;
    start_task(self, t);
    return true;
}

/* Where prn_next_task() leaves the task's argument. */
PRN_EXPORT double *
prn_next_task_cell(void)
{
    return &run.number;
}

/* A thread of its own for the tasks, so that tracebacks end where the task does. */
static lua_State *
task_thread(lua_State *L)
{
    lua_State *T = lua_newthread(L);
    luaL_ref(L, LUA_REGISTRYINDEX); /* for as long as the process lives */
    lua_rawgeti(T, LUA_REGISTRYINDEX, job.function_table);
    lua_pushcfunction(T, worker_traceback);
    task_loop_open(T);
    return T;
}

/* Looks, and waits, for a task. true: one is claimed. */
static bool
wait_for_task(struct self *self)
{
    metrics_idle_start();
    bool claimed = idle_wait(self);
    metrics_idle_end();
    return claimed;
}

/* Claims a task when not everybody may start any (gate.h). */
static bool
start_at_gate(struct self *self)
{
    if (job.config.serial && queue_more(self))
        throttle_wait(self->arena);
    return idle_look(self);
}

/* Takes and runs tasks until there are none. */
static enum exit_reason
run_tasks(lua_State *L)
{
    struct self *self = &job.self;
    uint32_t *mode = &self->arena->header->mode;
    uint64_t *gate = &self->arena->header->gate;
    while (likely(atom_load(mode) == ARENA_RUN)) {
        bool open = likely(!atom_load(gate));
        bool claimed = open ? queue_take(self) || queue_steal(self) : start_at_gate(self);
        if (!claimed && !wait_for_task(self)) {
            if (gate_surplus(self))
                return REASON_SURPLUS;
            continue;
        }
        if (unlikely(!open) && self->turn)
            job_notify(); /* the supervisor knows when the next turn is */
        do
            run_task(L);
        while (run.next);
        if (unlikely(due_for_recycling(run.ran)))
            return REASON_RECYCLE;
    }
    return REASON_DONE;
}

/* ---- a worker's life ---- */

/* Tasks whose output is to be kept do not run without. */
static void
open_output(lua_State *L)
{
    int err = output_open(&job.self);
    if (!err) {
        lua_files_follow(L);
        lua_files_flush_lines(L);
        return;
    }
    if (output_by_task) {
        log_error("the output of worker %u cannot be kept: %s", job.self.me, strerror(-err));
        worker_exit(REASON_FATAL);
    }
    log_warn("no memory for the output of worker %u: its lines may mix", job.self.me);
}

static void
become_worker(lua_State *L)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), top = lua_gettop(L);
    if (null >= 0 && null != STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    arena_no_inherit(&job.arena);
    metrics_in_worker();
    open_output(L);
    /* LuaJIT's generator starts with the same seed in every process. */
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushnumber(L, (lua_Number)(clock_ns() % 1000000007u) + getpid() * 7919.0);
    if (lua_pcall(L, 1, 0, 0))
        lua_pop(L, 1);
    lua_settop(L, top);
}

/* A hook of the worker's own, with what it adds to accumulators. */
static bool
run_hook(lua_State *L, const char *name)
{
    struct self *self = &job.self;
    self->slot->cur = 0;
    bool ok = call_hook(L, name, 0) == 0;
    if (!ok)
        hook_failed(L, name);
    (void)release_locks(ok);
    if (ok && accumulator_dirty(&self->pending))
        (void)commit_end(self, OUTCOME_DONE);
    accumulator_drop(self);
    return ok;
}

static void
limit_memory(lua_State *main)
{
    if (job.config.lua_memory_bytes)
        lua_alloc_open(main, job.config.lua_memory_bytes);
}

void
worker_run(lua_State *main)
{
    job.stage = STAGE_HOOK;
    become_worker(main);
    job.self.journaling = true;
    lua_State *L = task_thread(main);
    stack_dump_in_worker(job.self.me, L);
    limit_memory(main);
    profile_start(L);
    if (!run_hook(L, "worker_begin"))
        worker_exit(REASON_FATAL);
    enum exit_reason bye = run_tasks(L);
    (void)run_hook(L, "worker_end");
    worker_exit(bye);
}

/* --serial needs streams of our own only if output is told by task. false: message
 * printed. */
static bool
open_serial(lua_State *L)
{
    if (!output_by_task)
        return true;
    int err = output_open(&job.self);
    if (err) {
        log_error("the output of tasks cannot be kept: %s", strerror(-err));
        return false;
    }
    lua_files_follow(L);
    lua_files_flush_lines(L);
    return true;
}

static void
close_serial(lua_State *L)
{
    if (!output_by_task)
        return;
    struct output_error lost = output_close();
    lua_files_follow(L);
    if (lost.errnum)
        output_failed(lost);
}

bool
worker_serial(lua_State *main)
{
    job.stage = STAGE_HOOK;
    if (!open_serial(main))
        return false;
    lua_State *L = task_thread(main);
    limit_memory(main);
    profile_start(L);
    bool begun = run_hook(L, "worker_begin");
    if (begun) {
        (void)run_tasks(L);
        (void)run_hook(L, "worker_end");
    }
    profile_stop(L);
    lua_alloc_close(main);
    close_serial(main);
    return begun;
}
