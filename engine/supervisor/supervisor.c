#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/log.h"
#include "base/screen.h"
#include "base/signal_state.h"
#include "job/halt.h"
#include "job/job.h"
#include "job/throttle.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "monitor/stack_dump.h"
#include "monitor/totals.h"
#include "output/output.h"
#include "output/own_streams.h"
#include "output/printer.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/death.h"
#include "supervisor/delayed.h"
#include "supervisor/descendants.h"
#include "supervisor/growth.h"
#include "supervisor/run_kill.h"
#include "supervisor/spawn.h"
#include "supervisor/stop.h"
#include "supervisor/timeout.h"
#include "task/idle.h"
#include "task/pool.h"
#include "task/queue.h"
#include "task/recover.h"
#include "worker/worker.h"

enum { NOBODY_LEFT_SECONDS = 10 }; /* without a worker: the job is over */

static struct {
    lua_State *L;
    uint32_t cpus; /* that the workers may use */
    int signal_fd;
    sigset_t old_mask;
    uint64_t nobody_since_ns; /* when the last worker was gone; 0: there are some */
} super;

/* ---- signals ---- */

/* What whoever started us ignores (nohup, a shell's background job) stays so: a
 * signalfd would see it all the same. */
static void
watch_signal(sigset_t *mask, int sig)
{
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
        return;
    sigaddset(mask, sig);
}

static int
open_signals(void)
{
    sigset_t mask;
    signal_state_keep_statuses(); /* the script may have changed it since */
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    watch_signal(&mask, SIGINT);
    watch_signal(&mask, SIGTERM);
    watch_signal(&mask, SIGHUP);
    watch_signal(&mask, SIGUSR1);
    if (screen_in_use())
        watch_signal(&mask, SIGTSTP);
    sigprocmask(SIG_BLOCK, &mask, &super.old_mask);
    super.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return super.signal_fd < 0 ? -errno : 0;
}

static void
take_signal(int sig)
{
    if (sig == SIGUSR1)
        stack_dump_ask();
    else if (sig == SIGTSTP)
        screen_suspend();
    else if (sig != SIGCHLD)
        stop_signal(sig);
}

static void
read_signals(void)
{
    struct signalfd_siginfo info;
    while (read(super.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        take_signal((int)info.ssi_signo);
    }
}

/* What arrives from now on has its old effect again. */
static void
close_signals(void)
{
    read_signals();
    close(super.signal_fd);
    sigprocmask(SIG_SETMASK, &super.old_mask, NULL);
}

/* ---- a worker ---- */

/* This process writes slot k from now on: its words in the arena and its figures. */
static int
act_for(uint32_t k)
{
    int err = job_act(k);
    metrics_act(k);
    return err;
}

/* In the new process: nothing of the supervisor's stays open. */
static void
enter_worker(uint32_t k)
{
    close(super.signal_fd);
    printer_forget();
    control_forget();
    sigprocmask(SIG_SETMASK, &super.old_mask, NULL);
    throttle_be_nice(&job.config);
    idle_spin_ok = super.cpus >= job.arena.header->limit;
    if (!idle_spin_ok)
        cpus_take_turns();
    job.self = (struct self){0}; /* not given back: that would copy pages of the heap */
    if (act_for(k))
        return;
    worker_run(super.L);
}

/* ---- the loop ---- */

static void
nobody_left(void)
{
    log_error("no worker is left: the job cannot continue (tasks left: %llu)",
              (unsigned long long)observers_left());
    job.result.fatal = true;
}

/* No worker, and nobody to say when there will be one. true: wait on. */
static bool
wait_for_workers(void)
{
    uint64_t now = clock_ns();
    if (!super.nobody_since_ns)
        super.nobody_since_ns = now;
    if (now - super.nobody_since_ns <= NOBODY_LEFT_SECONDS * CLOCK_SECOND)
        return true;
    log_error("no worker could be started for %d s: the job cannot continue (tasks "
              "left: %llu). Look at the limits for processes and memory (ulimit -u, "
              "pids.max)",
              NOBODY_LEFT_SECONDS, (unsigned long long)observers_left());
    job.result.fatal = true;
    return false;
}

static bool
job_continues(void)
{
    if (children_alive()) {
        super.nobody_since_ns = 0;
        return true;
    }
    if (stop_job_over() && !children_expected())
        return false;
    if (idle_all_done(&job.arena) && !stop_stopping()) {
        /* The last task was ended in a dead worker's name, or that died in a hook after it. What it
         * had started is still to be ended, and its death to be told. */
        idle_set_mode(&job.arena, ARENA_DONE);
        return children_in(CHILD_UNRECOVERED) != 0;
    }
    if (stop_stopping())
        return children_expected() && !stop_killing();
    if (!children_expected()) {
        nobody_left();
        return false;
    }
    return wait_for_workers();
}

/* Only takes it away: what it was sent for is looked for in each turn. */
static void
read_notifications(void)
{
    uint64_t n;
    ssize_t got = read(job.notify_fd, &n, sizeof n);
    (void)got;
}

/* All that may have happened. The order, and why:
 *
 * 1. What wakes us is taken away before we look for what it was sent for. Something that
 *    happens after the look then wakes us once more; the other way round a SIGCHLD could
 *    be taken away of a child that we had looked at just before it died.
 * 2. Reasons to stop come before deaths: the death of a worker that we kill is neither
 *    reported nor counted nor followed by a successor, and one that could not write to
 *    standard output has said so before it ended.
 * 3. Deaths come before all that looks at who is alive. --halt is asked again, since a
 *    task that was quarantined counts as failed, as do those of a worker that died.
 * 4. spawn_settle() looks whether the last worker above the limit is gone: after `prunner
 *    ctl` has changed the limit (1), and after deaths (3).
 * 5. Timeouts: a worker that has died is not killed, and its death not put down to us.
 * 6. Forks come last, after growth_tick(), which may want more of them. Every step before may
 *    end the job, or change how many workers are wanted; and a slot is free for a
 *    successor only when it is repaired (3). */
static void
see_to_workers(void)
{
    static const struct control_ops ops = {spawn_resize, stop_by_control, run_kill_task};
    read_signals();
    read_notifications();
    idle_wake_refused(&job.arena);
    control_serve(&ops);
    stop_tick();
    death_tick();
    stop_check_halt();
    spawn_settle();
    timeout_tick();
    growth_tick();
    spawn_tick();
}

/* Does what has its time, and returns when something else will have (ns). In any order: these
 * share nothing. But after see_to_workers(), which takes the notification of a task that is
 * to wait away before delayed_tick() looks for it, and right before we sleep until then. */
static uint64_t
see_to_time(void)
{
    uint64_t due = delayed_tick();
    due = clock_sooner(due, observers_tick());
    due = clock_sooner(due, throttle_tick(&job.self, clock_ns()));
    due = clock_sooner(due, stop_due());
    due = clock_sooner(due, death_due());
    due = clock_sooner(due, timeout_due());
    due = clock_sooner(due, growth_due());
    return clock_sooner(due, spawn_due());
}

/* Sleeps until something happens, or until then. false: it cannot. */
static bool
wait_until(uint64_t due_ns)
{
    struct pollfd fds[] = {
        {super.signal_fd, POLLIN, 0},
        {job.notify_fd, POLLIN, 0},
        {control_fd(), POLLIN, 0},
    };
    return poll(fds, 3, clock_poll_ms(due_ns)) >= 0 || errno == EINTR;
}

static void
supervise(void)
{
    while (job_continues() && wait_until(see_to_time()))
        see_to_workers();
    /* Of the last worker that ended: nothing is left to be stopped, but it is said why. */
    if (!stop_note_output_lost())
        stop_check_halt();
}

/* ---- setting up and counting ---- */

static void
count_results(void)
{
    const struct halt *h = &job.config.halt;
    uint64_t have;
    counts_sum(&job.arena, &job.result.counts);
    job.result.succeeded = h->kind == HALT_SUCCESS && halt_reached(&job.arena, h, &have);
    for (uint32_t k = 0; k <= job.arena.header->nworkers; k++) {
        const struct slot *s = slot_at(&job.arena, k);
        log_debug("slot %u: posted %llu, finished %llu, claims %u, steals %llu, lost %llu, "
                  "wakes %llu, parks %llu",
                  k, (unsigned long long)s->posted,
                  (unsigned long long)s->finished, s->claims, (unsigned long long)s->steals,
                  (unsigned long long)s->lost, (unsigned long long)s->wakes,
                  (unsigned long long)s->parks);
    }
}

/* n workers begin, of at most `limit`. */
static int
prepare(uint32_t n, uint32_t limit)
{
    int err = pool_open(&job.arena, n);
    if (!err)
        pool_limit(&job.arena, limit);
    if (!err)
        err = queue_deal(&job.self, n);
    if (!err)
        err = queue_reserve(&job.self, 4 * n);
    /* Deaths, waiting tasks and dict operations of end_ go through slot 0. */
    if (!err)
        err = act_for(0);
    if (!err)
        throttle_open(&job.config, &job.arena);
    return err;
}

static int
run_workers(lua_State *L, uint32_t n)
{
    super.L = L;
    int err = open_signals();
    if (err)
        return err;
    metrics_set_workers(n);
    children_open(n);
    descendants_open();
    timeout_open();
    death_open();
    spawn_open(enter_worker);
    growth_open();
    (void)output_before_fork();
    fflush(NULL);
    spawn_tick();
    control_open(); /* after the first forks: those workers never have it */
    supervise();
    control_close();
    if (stop_killing() || job.result.fatal)
        death_end_all();
    descendants_close();
    close_signals();
    delayed_close();
    return 0;
}

static int
run_serial(lua_State *L)
{
    int err = act_for(1);
    if (err)
        return err;
    metrics.full = observers_drain;
    throttle_be_nice(&job.config);
    metrics_started(1, getpid());
    if (!worker_serial(L))
        nobody_left();
    metrics_ended(1);
    return act_for(0);
}

/* Has begin() printed what could not be written? Then no worker starts. */
static bool
begin_lost(void)
{
    struct output_error e = {.errnum = -own_streams_flush()};
    if (e.errnum)
        atom_store(&job.arena.header->output_error, output_error_pack(e));
    return e.errnum != 0;
}

int
supervisor_run(lua_State *L, int workers)
{
    uint64_t start = clock_ns(), cpu = totals_cpu_ns();
    int64_t limit = job.config.deadline_ns;
    uint32_t most = job.config.serial ? 1 : (uint32_t)workers, n;
    super.cpus = (uint32_t)cpus_default();
    n = job.config.eager || most < super.cpus ? most : super.cpus;
    stop_open(limit > 0 ? start + (uint64_t)limit : 0);
    int err = prepare(n, most);
    stack_dump_open(L);
    if (!job.config.serial)
        stack_dump_start();
    observers_start(most);
    if (!err && job.config.keep_order)
        err = printer_start(job.config.serial);
    if (!err && !begin_lost())
        err = job.config.serial ? run_serial(L) : run_workers(L, n);
    printer_finish();
    (void)stop_note_output_lost();
    job.result.cpu_seconds = (double)(totals_cpu_ns() - cpu) / 1e9;
    observers_end();
    if (err) {
        log_error("the workers cannot be started: %s", strerror(-err));
        return err;
    }
    count_results();
    job.result.seconds = (double)(clock_ns() - start) / 1e9;
    return 0;
}

/* ---- after the death of everything ---- */

static void
waits_still(void *arg, uint32_t task)
{
    int *err = arg;
    if (!delayed_note(task))
        *err = -ENOMEM;
}

int
supervisor_resume(void)
{
    struct arena *a = &job.arena;
    int unnoted = 0, err = arena_reserve_slots(a, a->header->nworkers);
    if (!err)
        err = resume(&job.self, waits_still, &unnoted);
    if (!err)
        err = unnoted;
    atom_store(&a->header->mode, ARENA_RUN);
    a->header->output_error = 0;
    a->header->failures_incomplete = 0;
    a->header->output_lock[0] = 0; /* the printer's, perhaps, which is none of these slots */
    a->header->limit = 0;
    a->header->next_start = 0; /* of a clock that may have begun anew */
    for (uint32_t w = 0; w < ARENA_SLOTS / 64; w++)
        a->header->idle_bits[w] = 0;
    for (uint32_t k = 1; k <= a->header->nworkers; k++)
        slot_at(a, k)->unshared_bytes = 0;
    return err;
}
