#include "supervisor/death.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/ensure.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "base/wait_status.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "output/failures_file.h"
#include "output/output.h"
#include "output/printer.h"
#include "output/report.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/delayed.h"
#include "supervisor/descendants.h"
#include "supervisor/oom.h"
#include "supervisor/spawn.h"
#include "supervisor/stop.h"
#include "task/begin_limit.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/recover.h"
#include "task/suspend.h"
#include "task/task.h"
#include "worker/hooks.h"

#define RETRY_NS (100 * CLOCK_MILLISECOND) /* no room to recover: try again */
#define SURE_NS (30 * CLOCK_MILLISECOND)   /* see surely_none() */

/* Of a task whose worker we killed. */
static const char overdue[] = "it ran longer than allowed (--timeout, timeout)";
static const char named[] = "killed by prunner ctl";

static struct oom oom;

void
death_open(void)
{
    oom_open(&oom, memory_limit_oom_kills);
}

/* ---- what is said ---- */

static const char *
how_it_died(const struct child *c)
{
    switch (c->cause) {
    case CAUSE_TIMEOUT: return "a timeout (it ran longer than allowed)";
    case CAUSE_CTL: return "prunner ctl kill (of a task that had ended)";
    case CAUSE_OOM: return "SIGKILL (the kernel was out of memory)";
    case CAUSE_OWN: break;
    }
    return wait_status_text(c->status);
}

static void
write_quarantined(uint32_t k, const struct task *t, uint32_t runs)
{
    const struct child *c = child_at(k);
    bool killed = WIFSIGNALED(c->status);
    const char *error = killed ? NULL : wait_status_text(c->status);
    if (c->cause == CAUSE_OOM)
        error = "the kernel was out of memory";
    struct failure_record record = {
        .task = t,
        .attempts = runs,
        .errors = t->errors,
        .signal = killed ? wait_status_text(c->status) : NULL,
        .error = error,
        .error_len = error ? strlen(error) : 0,
        .slot = slot_at(&job.arena, k),
    };
    failures_file_write(&record);
}

static void
write_failed(uint32_t k, const struct task *t, uint32_t run, const char *why)
{
    struct failure_record record = {
        .task = t,
        .attempts = run,
        .errors = t->errors + 1u,
        .error = why,
        .error_len = strlen(why),
        .slot = slot_at(&job.arena, k),
    };
    failures_file_write(&record);
}

static void
say_quarantined(uint32_t k, struct task *t, uint32_t runs, const char *how)
{
    report_quarantined(t, task_crashes(t, runs), how);
    write_quarantined(k, t, runs);
    printer_quarantined(t);
    atom_store(&job.arena.header->failed, 1);
}

/* Tasks waited in it: whatever else there is to say. */
static void
say_suspended(uint32_t k, uint32_t suspended, const char *how)
{
    if (suspended && !stop_killing())
        report_death(k, child_at(k)->pid, how, NULL, 0, 0, "", suspended);
}

/* What is said about the death, and who was running. */
static void
say_death(uint32_t k, const struct recovered *r, uint32_t suspended, const char *how)
{
    const struct child *c = child_at(k);
    struct task *t = r->task ? task_at(&job.arena, r->task) : NULL;
    uint32_t run = task_attempt(r->word);
    if (t && !stop_killing())
        observers_death(k, t, run, c->status,
                        r->quarantined ? METRICS_QUARANTINED : METRICS_DIED, how);
    if (r->quarantined) {
        say_quarantined(k, t, run, how);
        say_suspended(k, suspended, how);
    } else if (!stop_killing()) {
        report_death(k, c->pid, how, t, t ? task_crashes(t, run) : 0,
                     t ? job_max_crashes(t->fn) : 0, c->cause == CAUSE_OOM ? ", alone" : "",
                     suspended);
    }
}

static void
say_given_up(uint32_t k, const char *how)
{
    const struct child_early *e = &child_at(k)->early;
    log_error("worker %u died %u times within %llu s before it ran a task (%s): "
              "it is given up. Look at what the script does while it loads, in "
              "worker_begin, and at the memory limits",
              k, e->deaths, (unsigned long long)((clock_ns() - e->since_ns) / CLOCK_SECOND), how);
}

/* ---- what is done ---- */

static uint32_t
max_crashes_of_suspect(uint32_t k)
{
    uint32_t suspect = recover_suspect(&job.arena, k);
    return suspect ? job_max_crashes(task_at(&job.arena, suspect)->fn) : job.config.max_crashes;
}

/* Did we kill it to end a run? */
static bool
killed_for_a_run(const struct child *c)
{
    return c->cause == CAUSE_TIMEOUT || c->cause == CAUSE_CTL;
}

/* Was it killed, and not for the very run it was found in? */
static bool
killed_for_another_run(uint32_t k)
{
    const struct child *c = child_at(k);
    uint32_t suspect = recover_suspect(&job.arena, k);
    if (!killed_for_a_run(c) || !suspect)
        return stop_killing();
    return suspect != c->run.task || atom_load(&task_at(&job.arena, suspect)->word) != c->run.word;
}

static enum recover_how
what_becomes_of_its_task(uint32_t k)
{
    if (killed_for_another_run(k))
        return RECOVER_UNCOUNTED;
    switch (child_at(k)->cause) {
    case CAUSE_TIMEOUT:
    case CAUSE_CTL: return RECOVER_FAILED;
    case CAUSE_OOM: return RECOVER_WAIT;
    case CAUSE_OWN: break;
    }
    return RECOVER_COUNTED;
}

/* We ended its run: the task ends, or, if its time was over, runs again, as after an error. */
static void
end_killed(uint32_t k, struct self *dead, const struct recovered *r)
{
    struct task *t = task_at(&job.arena, r->task);
    uint32_t run = task_attempt(r->word);
    bool by_ctl = child_at(k)->cause == CAUSE_CTL;
    bool again = !by_ctl && t->errors < job_retries(t->fn);
    const char *why = by_ctl ? named : overdue;
    report_error(t, run, k, why, NULL, again);
    observers_death(k, t, run, child_at(k)->status, again ? METRICS_RETRY : METRICS_FAILED, why);
    if (again) {
        uint64_t backoff = job_backoff_ns(t->fn, t->errors);
        if (backoff)
            commit_wait(dead, arena_clock(&job.arena, clock_ns()) + backoff);
        else
            (void)commit_end(dead, OUTCOME_RETRY);
    } else {
        write_failed(k, t, run, why);
        printer_quarantined(t);
        (void)commit_end(dead, OUTCOME_FAILED);
        atom_store(&job.arena.header->failed, 1);
    }
    idle_wake_all(&job.arena);
}

/* Was it killed for a hook, and died in that very call of it? */
static bool
died_in_hook(uint32_t k)
{
    const struct child *c = child_at(k);
    return c->cause == CAUSE_TIMEOUT && !c->run.task &&
           atom_load(&slot_at(&job.arena, k)->hook) == c->run.word;
}

/* As of an error in it. */
static void
say_hook_overdue(uint32_t k)
{
    uint64_t word = child_at(k)->run.word;
    enum hook hook = hook_of(word);
    if (!stop_killing() && hook_first_failure(hook))
        log_error("%s failed in worker %u: %s", hook_name(hook), k,
                  job_timeout_ns(hook_fn(word)) > 0 ? overdue : "it has not ended (--deadline)");
}

/* Says what there is to say, and whether a successor is wanted. */
static void
bury(uint32_t k, const struct recovered *r, uint32_t suspended)
{
    struct child *c = child_at(k);
    const char *how = how_it_died(c);
    const struct slot *s = slot_at(&job.arena, k);
    struct child_progress to = {s->claims, s->parks};
    bool too_often = !r->task && child_died_early(c, to, clock_ns());
    /* After its last commit a worker's death harms nobody: no word about it. Nor are more
     * than a few words of use about one that cannot start. */
    bool useless = stop_job_over() || c->early.deaths > CHILD_EARLY_DEATHS;
    if (died_in_hook(k))
        say_hook_overdue(k);
    else if (r->failed)
        say_suspended(k, suspended, how);
    else if (r->task || !useless)
        say_death(k, r, suspended, how);
    if (too_often && !stop_stopping()) {
        say_given_up(k, how);
        child_become(c, CHILD_GIVEN_UP);
        return;
    }
    spawn_plan(k);
}

struct waited {
    uint32_t but, n;
};

static void
count_waited(void *arg, uint32_t task)
{
    struct waited *w = arg;
    w->n += task != w->but;
}

/* Tasks that waited in it, besides the one that its death is counted to. */
static uint32_t
how_many_waited(uint32_t k)
{
    struct waited w = {recover_suspect(&job.arena, k), 0};
    suspend_each(&job.arena, k, count_waited, &w);
    return w.n;
}

/* Repairs the slot of a dead worker. false: no room, later. */
static bool
recover_child(uint32_t k)
{
    struct self dead;
    struct recovered r;
    enum recover_how becomes = what_becomes_of_its_task(k);
    ENSURE(child_at(k)->state == CHILD_UNRECOVERED);
    metrics_dropped(&job.arena, k);
    uint32_t suspended = how_many_waited(k);
    int err = self_open(&dead, &job.arena, k, 1);
    if (!err) {
        err = recover(&dead, &job.self, max_crashes_of_suspect(k), becomes, &r);
        if (!err && r.failed)
            end_killed(k, &dead, &r);
        self_close(&dead);
    }
    if (err) {
        idle_end_alone(&job.arena); /* it may be this one: the others make room */
        return false;
    }
    if (slot_at(&job.arena, k)->words && !stop_killing())
        begin_limit_died(slot_at(&job.arena, k), job.config.concurrency);
    if (r.task && !r.quarantined && becomes == RECOVER_WAIT)
        delayed_alone(r.task);
    if (child_at(k)->cause == CAUSE_CTL)
        control_killed(child_at(k)->killed_id, r.failed);
    bury(k, &r, suspended);
    return true;
}

static void
ended_on_purpose(uint32_t k, enum exit_reason reason)
{
    bool leaves_work = reason == REASON_RECYCLE || reason == REASON_SURPLUS;
    log_debug("worker %u ended: process %d", k, child_at(k)->pid);
    if (!leaves_work) {
        child_become(child_at(k), CHILD_NONE);
        return;
    }
    spawn_plan(k);
    /* What is in its ring, and the end of the job, is for those that sleep. */
    idle_wake_all(&job.arena);
}

/* No process was found that the worker has left. One that is just being started, or whose parent is
 * just dying, is not known by anything for a moment: while there are orphans, look once more. */
static bool
surely_none(struct child *c, uint64_t now)
{
    descendants_reap();
    if (!descendants_orphans())
        return true;
    if (!c->none_ns)
        c->none_ns = now;
    return now - c->none_ns >= SURE_NS;
}

/* What the task of a dead worker had started dies before the task runs again, and with it: it
 * has got SIGTERM (run_kill.c), and gets SIGKILL from c->grace_ns on. false: later. */
static bool
leaves_nothing(struct child *c)
{
    uint64_t now = clock_ns();
    if (c->grace_ns) {
        unsigned n = descendants_signal(c->pid, now < c->grace_ns ? 0 : SIGKILL);
        if (n && now < c->grace_ns + DESCENDANTS_KILL_NS)
            return false;
        if (!n && !surely_none(c, now))
            return false;
    }
    c->grace_ns = c->none_ns = 0;
    kill(-c->pid, SIGKILL); /* of its group also what cannot be told otherwise */
    return true;
}

static void
child_ended(uint32_t k, int status)
{
    struct child *c = child_at(k);
    enum exit_reason reason = (enum exit_reason)slot_at(&job.arena, k)->exit_reason;
    c->status = status;
    observers_ended(k, c->pid, status);
    spawn_try_again();
    if (reason != REASON_NONE && reason != REASON_FATAL) {
        ended_on_purpose(k, reason);
        return;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE && output_reader_gone()) {
        struct output_error e = {.errnum = EPIPE}; /* as if the worker had seen it itself */
        atom_store(&job.arena.header->output_error, output_error_pack(e));
        stop_tick();
    }
    bool by_others = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
                     !killed_for_a_run(c) && !stop_killing();
    if (by_others && oom_killed(&oom, clock_ns()))
        c->cause = CAUSE_OOM;
    child_become(c, CHILD_UNRECOVERED);
    if (!c->grace_ns && descendants_orphans())
        c->grace_ns = clock_ns(); /* at once */
    if (!leaves_nothing(c))
        return;
    if (!recover_child(k))
        log_warn("no memory to recover worker %u: trying again", k);
}

/* ---- when ---- */

static void
reap(void)
{
    for (uint32_t k = 1; k <= children_count(); k++) {
        const struct child *c = child_at(k);
        int status;
        if (child_has_process(c) && waitpid(c->pid, &status, WNOHANG) == c->pid)
            child_ended(k, status);
    }
}

void
death_tick(void)
{
    reap();
    for (uint32_t k = 1; children_in(CHILD_UNRECOVERED) && k <= children_count(); k++) {
        struct child *c = child_at(k);
        if (c->state == CHILD_UNRECOVERED && leaves_nothing(c))
            (void)recover_child(k);
    }
    descendants_reap();
}

uint64_t
death_due(void)
{
    uint64_t due = CLOCK_NEVER, now = clock_ns();
    for (uint32_t k = 1; children_in(CHILD_UNRECOVERED) && k <= children_count(); k++) {
        const struct child *c = child_at(k);
        if (c->state == CHILD_UNRECOVERED)
            due = clock_sooner(due, now + (c->grace_ns ? DESCENDANTS_TICK_NS : RETRY_NS));
    }
    return due;
}

void
death_end_all(void)
{
    children_kill();
    for (uint32_t k = 1; k <= children_count(); k++) {
        struct child *c = child_at(k);
        if (!child_has_process(c))
            continue;
        (void)waitpid(c->pid, NULL, 0);
        child_become(c, CHILD_NONE);
        c->grace_ns = 1;
    }
    descendants_end_all();
    for (uint32_t k = 1; k <= children_count(); k++) {
        if (child_at(k)->grace_ns) /* it has died just now: the number is its still */
            kill(-child_at(k)->pid, SIGKILL);
    }
}
