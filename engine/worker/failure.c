#include "worker/failure.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/log.h"
#include "base/wait_status.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "output/failures_file.h"
#include "output/output.h"
#include "output/report.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/task.h"
#include "worker/error.h"
#include "worker/exit.h"
#include "worker/held_locks.h"
#include "worker/hooks.h"
#include "worker/lua_alloc.h"
#include "worker/program.h"

/* The task goes back to the queue, now or after its function's backoff, which
 * doubles with each error. */
static void
run_again(struct self *self, const struct task *t)
{
    uint64_t backoff = job_backoff_ns(t->fn, t->errors);
    if (unlikely(program_ending(t->id)) && backoff < PROGRAM_END_NS)
        backoff = PROGRAM_END_NS; /* its programs go first */
    if (!backoff) {
        idle_wake(self, commit_end(self, OUTCOME_RETRY));
        return;
    }
    if (job.config.serial) {
        clock_sleep(backoff);
        (void)commit_end(self, OUTCOME_RETRY);
        return;
    }
    commit_wait(self, arena_clock(self->arena, clock_ns()) + backoff);
    job_notify();
}

/* Makes the error value at the top of the stack text; Lua's own words for a limit of
 * ours name neither it nor the option. */
static const char *
message_of(lua_State *L)
{
    char size[HUMAN_TEXT];
    const char *message = error_to_text(L);
    if (!lua_alloc_refused() || !strstr(message, "not enough memory"))
        return message;
    (void)lua_gc(L, LUA_GCCOLLECT, 0); /* what the task had is garbage now */
    lua_pushfstring(L, " (--lua-memory: the Lua values of a worker may take %s)",
                    human_option_size(size, job.config.lua_memory_bytes));
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

/* The message as it was raised is at the top of the stack. */
static void
write_failure(lua_State *L, const struct task *t, uint32_t attempt, const char *traceback,
              const int *program)
{
    bool killed = program && WIFSIGNALED(*program);
    struct failure_record record = {
        .task = t,
        .attempts = attempt,
        .errors = t->errors + 1u,
        .error = lua_tostring(L, -1),
        .error_len = lua_objlen(L, -1),
        .traceback = traceback,
        .signal = killed ? wait_status_text(*program) : NULL,
        .exit = program && !killed ? WEXITSTATUS(*program) : 0,
        .slot = job.self.slot,
    };
    failures_file_write(&record);
}

/* Tells everybody who is told of failures. The error value is at the top of the stack and
 * stays. Returns what output_flush() does. `program`: the status of the one that is the reason;
 * NULL: none. */
static struct output_error
report_run(lua_State *L, const struct task *t, uint64_t from, bool again, const int *program)
{
    struct self *self = &job.self;
    uint32_t attempt = task_attempt(atom_peek(&t->word));
    lua_pushvalue(L, -1);
    (void)message_of(L);
    lua_pushvalue(L, -1);
    const char *message = error_show(L);
    const char *traceback = error_take_traceback();
    (void)held_locks_release(NULL, false); /* of __tostring */
    struct output_error lost = output_flush(again ? OUTPUT_AGAIN : OUTPUT_FAILED);
    bool says_all = error_on_purpose() && !log_debugging();
    report_error(t, attempt, self->me, message, says_all ? NULL : traceback, again);
    metrics_keep(t, message, traceback);
    metrics_describe(self, t, from, message);
    if (program)
        metrics_describe_program(*program);
    metrics_dropped(self->arena, self->me);
    lua_pop(L, 1);
    if (!again)
        write_failure(L, t, attempt, traceback, program);
    lua_pop(L, 1);
    return lost;
}

/* What failed is a program that could not write, most likely, and so would all that follow.
 * The job ends, as if the task itself had written. The task is left. */
static void
end_without_reader(struct self *self, uint32_t fn)
{
    struct output_error e = {.errnum = EPIPE};
    atom_store(&self->arena->header->output_error, output_error_pack(e));
    job_notify();
    exit_output_lost(e); /* returns under --serial */
    (void)held_locks_release(NULL, false);
    (void)commit_end(self, OUTCOME_RETRY);
    metrics_end(fn, METRICS_RETRY);
}

/* Was it an error of prunner.sh()? The error value is at the top of the stack. */
static int *
find_program(lua_State *L, uint64_t task, int *status)
{
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    return program_busy && program_failure(task, message, status) ? status : NULL;
}

void
failure_end_task(lua_State *L, uint64_t from)
{
    struct self *self = &job.self;
    struct task *t = task_at(self->arena, self->slot->cur);
    uint32_t attempt = task_attempt(atom_peek(&t->word)), fn = t->fn;
    uint64_t id = t->id; /* the commit frees the task */
    bool again = t->errors < job_retries(fn);
    if (output_reader_gone()) {
        if (program_busy)
            program_task_ended(id, true);
        end_without_reader(self, fn);
        return;
    }
    job.stage = STAGE_HOOK; /* __tostring may run: no posts any more */
    (void)held_locks_release(NULL, false);
    int status, *program = find_program(L, id, &status);
    struct output_error lost = report_run(L, t, from, again, program);
    if (unlikely(program_busy))
        program_task_ended(id, true);
    if (again) {
        run_again(self, t);
    } else {
        (void)commit_end(self, OUTCOME_FAILED);
        atom_store(&self->arena->header->failed, 1);
        exit_check_halt();
    }
    metrics_end(fn, again ? METRICS_RETRY : METRICS_FAILED);
    hooks_on_error(L, fn, id, attempt, again, program);
    if (lost.errnum)
        exit_output_lost(lost);
}
