#include "worker/run.h"

#include <stdbool.h>
#include <stdint.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/log.h"
#include "base/parent_death.h"
#include "codec/codec.h"
#include "job/job.h"
#include "job/throttle.h"
#include "monitor/metrics.h"
#include "output/output.h"
#include "output/report.h"
#include "store/error_text.h"
#include "task/commit.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/section.h"
#include "task/task.h"
#include "worker/call.h"
#include "worker/collector.h"
#include "worker/error.h"
#include "worker/exit.h"
#include "worker/failure.h"
#include "worker/held_locks.h"
#include "worker/lua_alloc.h"
#include "worker/program.h"

/* run.h has the picture. */
enum run_state {
    RUN_NOTHING,   /* no task is at hand: the last one has ended */
    RUN_CLAIMED,   /* slot->cur is claimed and not started */
    RUN_STARTED,   /* slot->cur runs, or has returned and has not ended */
    RUN_DUPLICATE, /* slot->cur was started, and is not called: another task has its key */
};

/* The task at hand. */
static struct {
    uint64_t from; /* when it started, if it is timed: monitor/metrics.h */
    uint32_t fn;   /* its function */
    enum run_state state;
    uint32_t ran;  /* tasks started so far */
    double number; /* its argument, for prn_next_task() */
    /* If tasks run in coroutines: see run_by_turns(). */
    lua_State *spare;
    uint64_t began_ns; /* by the coarse clock */
    bool waits;        /* it is about to yield, for a wait of ours */
    bool told;         /* fibers.c is to be told of its end: no other task follows in its loop */
} run;

lua_State *
run_open(lua_State *main, int *reference)
{
    lua_State *L = lua_newthread(main);
    *reference = luaL_ref(main, LUA_REGISTRYINDEX);
    call_open(L);
    return L;
}

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
    run.state = RUN_STARTED;
    run.ran++;
    run.from = metrics_start(self, t->fn, t->id);
    if (unlikely(run.spare)) {
        run.began_ns = clock_coarse_ns();
        run.told = t->forgiven || self->slot->begin_limit;
    }
    job.stage = STAGE_TASK;
    self->partial = !job_fn_info(t->fn)->options.atomic_posts;
    commit_begin(self);
    if (unlikely(run.from)) /* all tasks are timed if they are few */
        self->part_ns = PART_NONE;
    output_begin(t);
    lua_alloc_enforce(true);
}

/* It has come to its end without an error. */
static void
finish_task(struct self *self)
{
    struct output_error lost = output_flush(OUTPUT_DONE);
    if (unlikely(lost.errnum))
        exit_output_lost(lost);
    if (unlikely(metrics_due(run.from)))
        metrics_describe(self, current_task(), run.from, NULL);
    if (unlikely(program_busy))
        program_task_ended(current_task()->id, false);
    idle_wake(self, commit_end(self, OUTCOME_DONE));
    metrics_end(run.fn, METRICS_DONE);
    if (unlikely(job.config.serial))
        exit_check_halt();
}

/* The call has returned. true: the task at hand has done all that it had to; else the error value
 * is at the top of the stack. */
static bool
check_end(lua_State *L)
{
    if (run.state != RUN_STARTED)
        return true;
    if (unlikely(job.self.skip)) {
        (void)collector_hold(L);
        lua_pushfstring(L, "this run posted fewer tasks than an earlier run has published "
                           "(%d are missing): it is not deterministic in its arguments",
                        (int)job.self.skip);
        return false;
    }
    int err = held_locks_release(NULL, true);
    if (unlikely(err)) {
        (void)collector_hold(L);
        lua_pushfstring(L, "what it wrote under a lock that it did not release is lost: %s",
                        error_text(err));
        return false;
    }
    return true;
}

/* false: it is not called; message pushed, or it is a duplicate. */
static bool
push_call(lua_State *L, const struct task *t, int *nargs)
{
    enum call_pushed pushed = call_push(L, t, nargs);
    if (unlikely(pushed == CALL_DUPLICATE))
        run.state = RUN_DUPLICATE;
    return likely(pushed == CALL_READY);
}

/* Calls the task; prn_next_task() may continue with others of its function. false: the one at hand
 * failed; the error value is at the top of the stack. */
static bool
call_task(lua_State *L, const struct task *t)
{
    int nargs;
    bool ok = push_call(L, t, &nargs) && lua_pcall(L, nargs, 0, CALL_HANDLER) == 0;
    lua_alloc_enforce(false);
    return ok ? check_end(L) : run.state != RUN_STARTED;
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

/* It was posted while another task with its key was on its way. Only the reader of its output
 * is told of a run. */
__attribute__((cold)) static void
end_duplicate(struct self *self)
{
    struct output_error lost = output_flush(OUTPUT_DONE);
    if (unlikely(lost.errnum))
        exit_output_lost(lost);
    (void)commit_end(self, OUTCOME_DUPLICATE);
    metrics_end(run.fn, METRICS_DONE);
}

__attribute__((cold, noinline)) static void
end_failed(lua_State *L)
{
    (void)collector_hold(L);
    failure_end_task(L, run.from);
    (void)collector_go_on(L);
}

/* Ends the task at hand, if that was left to us. ok = false: the error value is at the top of L. */
static void
end_task(lua_State *L, bool ok)
{
    struct self *self = &job.self;
    if (run.state == RUN_STARTED) {
        if (unlikely(journal_take_warning(self)))
            warn_about_journal(current_task());
        if (likely(ok))
            finish_task(self);
        else
            end_failed(L);
        run.state = RUN_NOTHING;
    } else if (unlikely(run.state == RUN_DUPLICATE)) {
        end_duplicate(self);
        run.state = RUN_NOTHING;
    }
    job.stage = STAGE_HOOK;
    lua_settop(L, CALL_TOP);
}

/* Runs the claimed task, and those that prn_next_task() claims. The stack: as named above. */
static void
run_task(lua_State *L)
{
    start_task(&job.self, current_task());
    end_task(L, call_task(L, current_task()));
}

/* Claims the next task if there is one that may start at once. */
static bool
claim_next(struct self *self)
{
    const struct arena_header *h = self->arena->header;
    return likely(atom_load(&h->mode) == ARENA_RUN) && likely(!atom_load(&h->gate)) &&
           likely(!exit_due(run.ran)) && likely(!self->suspended) &&
           (queue_take(self) || queue_steal(self));
}

/* Ends the task at hand and starts the next one if it is of the same function, with a number
 * alone (task_loop.lua). What needs Lua's stack, or more than this, is left to run_task(). */
PRN_EXPORT bool
prn_next_task(void)
{
    struct self *self = &job.self;
    if (unlikely(self->skip || section_any_held(self) || journal_diverged(self) || run.told))
        return false;
    lua_alloc_enforce(false);
    finish_task(self);
    run.state = claim_next(self) ? RUN_CLAIMED : RUN_NOTHING;
    if (run.state == RUN_NOTHING)
        return false;
    const struct task *t = current_task();
    if (t->fn != run.fn || unlikely(t->forgiven) ||
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

/* Looks, and waits, for a task. true: one is claimed. */
static bool
wait_for_task(struct self *self)
{
    metrics_idle_start();
    parent_death_renew(); /* a task may have become another user */
    bool claimed = idle_wait(self);
    metrics_idle_end();
    return claimed;
}

void
run_tell_turn(void)
{
    if (unlikely(atom_load(&job.arena.header->gate)) && job.self.turn)
        job_notify(); /* the supervisor knows when the next turn is */
}

/* Claims a task when not everybody may start any (gate.h). */
static bool
start_at_gate(struct self *self)
{
    if (job.config.serial && queue_more(self))
        throttle_wait(self->arena);
    return idle_look(self);
}

enum exit_reason
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
        if (unlikely(!open))
            run_tell_turn();
        run.state = RUN_CLAIMED;
        while (run.state == RUN_CLAIMED)
            run_task(L);
        if (unlikely(exit_due(run.ran)))
            return REASON_RECYCLE;
    }
    return REASON_DONE;
}

/* ---- by turns ---- */

void
run_by_turns(lua_State *spare)
{
    run.spare = spare;
}

bool
run_may_claim(enum exit_reason *why)
{
    struct self *self = &job.self;
    if (unlikely(atom_load(&self->arena->header->mode) != ARENA_RUN))
        *why = REASON_DONE;
    else if (likely(run.ran) && unlikely(exit_due(run.ran))) /* each worker runs one, as ever */
        *why = REASON_RECYCLE;
    else if (unlikely(gate_surplus(self)))
        *why = REASON_SURPLUS;
    else
        return true;
    return false;
}

bool
run_reserve(void)
{
    return !job.self.suspended || queue_reserve(&job.self, 1) == 0;
}

bool
run_claim(void)
{
    struct self *self = &job.self;
    bool open = likely(!atom_load(&self->arena->header->gate));
    bool claimed = open ? queue_take(self) || queue_steal(self) : start_at_gate(self);
    if (unlikely(!open) && claimed)
        run_tell_turn();
    return claimed;
}

bool
run_wait_for_task(void)
{
    return wait_for_task(&job.self);
}

void
run_start(void)
{
    start_task(&job.self, current_task());
}

/* A coroutine that is dead has still the stack of its error. What is to be said of it is said on
 * the spare thread. */
static enum run_turn
end_broken(lua_State *L)
{
    (void)collector_hold(L);
    error_note(run.spare, L);
    lua_xmove(L, run.spare, 1);
    end_task(run.spare, false);
    return RUN_BROKEN;
}

/* The script has called coroutine.yield() where nobody has resumed it. */
static enum run_turn
end_stray(lua_State *L)
{
    (void)collector_hold(L);
    error_note(run.spare, L);
    lua_pushliteral(run.spare, "attempt to yield from outside a coroutine: coroutine.yield() was "
                               "called in a task, which nothing resumes");
    end_task(run.spare, false);
    return RUN_BROKEN;
}

/* What lua_resume() has returned, or that there was nothing to call. */
static enum run_turn
returned(lua_State *L, int status)
{
    bool waits = run.waits;
    run.waits = false;
    lua_alloc_enforce(false);
    if (status == LUA_YIELD)
        return waits ? RUN_WAITS : end_stray(L);
    if (status)
        return end_broken(L);
    end_task(L, check_end(L));
    return run.state == RUN_CLAIMED ? RUN_CLAIMED_NEXT : RUN_ENDED;
}

enum run_turn
run_call(lua_State *L)
{
    int nargs;
    lua_alloc_enforce(true);
    if (push_call(L, current_task(), &nargs))
        return returned(L, lua_resume(L, nargs));
    lua_alloc_enforce(false);
    end_task(L, run.state != RUN_STARTED);
    return RUN_ENDED;
}

enum run_turn
run_go_on(lua_State *L, int n)
{
    lua_alloc_enforce(true);
    return returned(L, lua_resume(L, n));
}

void
run_will_wait(void)
{
    run.waits = true;
}

struct run_saved
run_save(void)
{
    job.stage = STAGE_HOOK;
    if (!run.from) /* what has waited is timed */
        run.from = run.began_ns;
    return (struct run_saved){run.from, run.began_ns, run.fn};
}

void
run_restore(const struct run_saved *saved)
{
    run.from = saved->from;
    run.began_ns = saved->began_ns;
    run.fn = saved->fn;
    run.state = RUN_STARTED;
    run.told = true;
    job.stage = STAGE_TASK;
}

uint64_t
run_began(void)
{
    return run.began_ns;
}
