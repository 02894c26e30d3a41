#define _GNU_SOURCE
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/oom.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "task/pool.h"
#include "supervisor/control.h"
#include "output/dead_letter.h"
#include "job/job.h"
#include "monitor/totals.h"
#include "task/gate.h"
#include "job/throttle.h"
#include "job/halt.h"
#include "task/idle.h"
#include "monitor/stack_dump.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "output/output.h"
#include "output/printer.h"
#include "task/queue.h"
#include "task/recover.h"
#include "output/report.h"
#include "base/wait_status.h"
#include "base/screen.h"
#include "task/task.h"
#include "worker/worker.h"

enum {
    EARLY_DEATHS = 5,      /* ... within a second: the slot is given up */
    REFUSED_PAUSE_MS = 50, /* after a refused fork; doubles */
    REFUSED_PAUSE_MAX_MS = 1000,
    NOBODY_LEFT_MS = 10 * 1000, /* without a worker: the job is over */
    RECOVER_PAUSE_MS = 100,     /* no room to recover: try again */
    SECOND_MS = 1000,
    ALONE_TICK_MS = 100, /* a task runs alone: is it over? */
    ALONE_MAX_S = 600,   /* it may wait for others: then they start again */
};

/* What the supervisor knows of a worker's slot. */
struct child {
    pid_t pid;   /* 0: none */
    bool wanted; /* a successor is to be forked */
    bool given_up;
    bool unrecovered;             /* dead, and its slot is not repaired yet */
    int status;                   /* of the last death */
    bool oom_killed;              /* which was for want of memory */
    uint64_t early[EARLY_DEATHS]; /* when it died without having taken a task */
    uint32_t claims;              /* slot->claims when it was forked */
    /* For --timeout: the task seen at the last tick, and since when. */
    uint32_t seen_task;
    uint64_t seen_word;
    uint64_t seen_since;
    bool timed_out; /* killed for seen_task, seen_word */
};

/* A task that waits until its time comes. */
struct waiting {
    uint32_t task;
    uint64_t word;
    uint64_t until_ns;
    bool alone; /* it then runs while no other starts */
};

static struct {
    lua_State *L;
    struct child *children; /* 1..n */
    uint32_t n;             /* slots that have, or had, workers */
    uint32_t limit;         /* ... and 1..limit shall have one */
    uint32_t cpus;          /* that they may use */
    uint32_t alive;
    int signal_fd;
    pid_t pid;
    sigset_t old_mask;
    int interrupts; /* SIGINT and its kin so far */
    bool stopping;
    bool killing;
    uint64_t fork_again; /* not before; 0: no fork was refused */
    uint64_t fork_pause;
    uint64_t nobody_since;
    uint64_t shortest_timeout; /* ns; 0: no timeouts at all */
    uint64_t deadline;         /* ns; 0: none */
    uint64_t alone_until;      /* ns; when a task runs alone: at most so long */
    struct oom oom;
    struct waiting *waiting;
    size_t nwaiting, waiting_cap;
} super;

static uint64_t
now_ms(void)
{
    return clock_ns() / 1000000;
}

static struct slot *
slot_of(uint32_t k)
{
    return slot_at(&job.arena, k);
}

static bool
job_over(void)
{
    return atom_load(&job.arena.header->mode) != ARENA_RUN;
}

/* ---- starting ---- */

/* This process writes slot k from now on: its words in the arena and its figures. */
static int
act_for(uint32_t k)
{
    int err = job_act(k);
    metrics_act(k);
    return err;
}

/* In the new process. */
__attribute__((noreturn)) static void
child_main(uint32_t k)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != super.pid)
        _exit(1); /* the supervisor died before we asked to die with it */
    close(super.signal_fd);
    printer_forget();
    control_forget();
    sigprocmask(SIG_SETMASK, &super.old_mask, NULL);
    throttle_be_nice(&job.config);
    idle_spin_ok = super.cpus >= super.limit;
    if (!idle_spin_ok)
        cpus_take_turns();
    if (act_for(k))
        _exit(1);
    worker_run(super.L);
}

/* Is there to be a worker in this slot? */
static bool
shall_live(uint32_t k)
{
    return k <= super.limit && !super.stopping && !job_over();
}

static void
note_fork_failure(int err)
{
    if (!super.fork_pause) {
        log_warn("no process can be started (%s): going on with %u workers, trying again; "
                 "look at the limits for processes (ulimit -u, pids.max)",
                 strerror(err), super.alive);
        super.fork_pause = REFUSED_PAUSE_MS;
    } else if (super.fork_pause < REFUSED_PAUSE_MAX_MS) {
        super.fork_pause *= 2;
    }
    super.fork_again = now_ms() + super.fork_pause;
}

/* false: refused. */
static bool
start_child(uint32_t k)
{
    struct child *c = &super.children[k];
    struct slot *s = slot_of(k);
    s->exit_reason = REASON_NONE;
    c->claims = s->claims;
    c->seen_task = 0;
    c->timed_out = false;
    pid_t pid = fork();
    if (pid < 0) {
        note_fork_failure(errno);
        return false;
    }
    if (!pid)
        child_main(k);
    setpgid(pid, pid); /* as the child does: whoever is first */
    c->pid = pid;
    c->wanted = false;
    s->pid = (uint32_t)pid;
    observers_started(k, pid);
    super.alive++;
    super.nobody_since = 0;
    log_debug("worker %u started: process %d", k, pid);
    return true;
}

static void
start_wanted(void)
{
    if (super.fork_again && now_ms() < super.fork_again)
        return;
    super.fork_again = 0;
    for (uint32_t k = 1; k <= super.n; k++) {
        if (super.children[k].wanted && !start_child(k))
            return;
    }
    super.fork_pause = 0;
}

/* ---- deaths ---- */

static void
kill_group(uint32_t k)
{
    struct child *c = &super.children[k];
    if (!c->pid)
        return;
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL); /* it may not lead its group yet */
}

static void
give_up(uint32_t k, const char *how)
{
    super.children[k].given_up = true;
    log_error("worker %u died %d times within a second before it had taken a task (%s): "
              "it is given up. Look at what the script does while it loads, in "
              "worker_begin, and at the memory limits",
              k, EARLY_DEATHS, how);
}

/* Counts deaths without a claim; true: enough. */
static bool
died_early(struct child *c, uint32_t k)
{
    uint64_t now = now_ms();
    if (slot_of(k)->claims != c->claims) {
        memset(c->early, 0, sizeof c->early);
        return false;
    }
    memmove(c->early, c->early + 1, sizeof c->early - sizeof c->early[0]);
    c->early[EARLY_DEATHS - 1] = now;
    return c->early[0] && now - c->early[0] < SECOND_MS;
}

/* ---- tasks that wait for their time ---- */

/* false: no memory. */
static bool
add_waiting(struct waiting w)
{
    if (super.nwaiting == super.waiting_cap) {
        size_t cap = super.waiting_cap ? super.waiting_cap * 2 : 64;
        struct waiting *grown = realloc(super.waiting, cap * sizeof *grown);
        if (!grown)
            return false;
        super.waiting = grown;
        super.waiting_cap = cap;
    }
    super.waiting[super.nwaiting++] = w;
    return true;
}

static bool
note_waiting(uint32_t task)
{
    uint64_t word = atom_load(&task_at(&job.arena, task)->word);
    if (task_state(word) != TASK_WAIT)
        return true; /* the same one twice, after a redo */
    const struct task_record *r = task_record_of(&job.arena, task_at(&job.arena, task));
    return add_waiting((struct waiting){task, word, r ? r->until_ns : 0, false});
}

static void
collect_waiting(void)
{
    for (uint32_t k = 1; k <= super.n; k++) {
        struct slot *s = slot_of(k);
        /* acquire: pairs with the release in apply_own(). */
        uint32_t tail = atom_load(&s->wait_tail), head = s->wait_head;
        while (head != tail && note_waiting(s->wait_ring[head % SLOT_WAITS]))
            head++;
        atom_store(&s->wait_head, head);
    }
}

/* From WAIT to READY. Room for the hint is there. */
static void
make_ready(const struct waiting *w)
{
    struct self *self = &job.self;
    uint64_t word = w->word;
    if (!atom_cas(&task_at(&job.arena, w->task)->word, &word,
                  task_word(task_generation(word), task_attempt(word), 0, TASK_READY)))
        return; /* no longer our business */
    if (w->alone) {
        idle_run_alone(&job.arena, w->task);
        super.alone_until = clock_ns() + ALONE_MAX_S * (uint64_t)1000000000;
    }
    queue_put(self, self->slot->tail, w->task);
    idle_wake(self, 1);
}

/* recover() has left it in WAIT, with room for its hint: it may be the memory and not
 * the task. */
static void
wait_alone(uint32_t task)
{
    uint64_t word = atom_load(&task_at(&job.arena, task)->word);
    uint64_t until_ns = clock_ns() + SECOND_MS * (uint64_t)1000000;
    struct waiting w = {task, word, until_ns, true};
    if (add_waiting(w))
        return;
    w.alone = false;
    make_ready(&w);
}

/* When it may run: a task that shall run alone, when no other one does. */
static uint64_t
due_ns(const struct waiting *w, uint64_t now)
{
    if (w->alone && w->until_ns <= now && !idle_alone_over(&job.arena))
        return now + ALONE_TICK_MS * (uint64_t)1000000;
    return w->until_ns;
}

/* Returns when the next one is due; UINT64_MAX: none waits. */
static uint64_t
wake_all_due(void)
{
    uint64_t now = clock_ns(), next = UINT64_MAX;
    for (size_t i = 0; i < super.nwaiting;) {
        uint64_t due = due_ns(&super.waiting[i], now);
        bool room = due > now || queue_reserve(&job.self, 1) == 0;
        if (due <= now && room) {
            struct waiting w = super.waiting[i];
            super.waiting[i] = super.waiting[--super.nwaiting];
            make_ready(&w);
            continue;
        }
        if (!room)
            due = now + RECOVER_PAUSE_MS * (uint64_t)1000000;
        if (due < next)
            next = due;
        i++;
    }
    return next;
}

/* A task that runs alone: is its time over? */
static void
check_alone(void)
{
    if (!idle_alone_over(&job.arena) && clock_ns() >= super.alone_until)
        idle_end_alone(&job.arena);
}

/* ---- what is said and done about a death ---- */

static void
write_dead(uint32_t k, const struct task *t, uint32_t runs)
{
    const struct child *c = &super.children[k];
    bool killed = WIFSIGNALED(c->status);
    const char *error = killed ? NULL : wait_status_text(c->status);
    if (c->timed_out || c->oom_killed)
        error = c->timed_out ? "it ran longer than allowed" : "the kernel was out of memory";
    struct dead_letter letter = {
        .task = t,
        .attempts = runs,
        .errors = t->errors,
        .signal = killed ? wait_status_text(c->status) : NULL,
        .error = error,
        .error_len = error ? strlen(error) : 0,
        .slot = slot_of(k),
    };
    dead_letter_write(&letter);
}

/* What is said about the death, and who was running. */
static void
say_death(uint32_t k, pid_t pid, const char *how, const struct recovered *r)
{
    struct task *t = r->task ? task_at(&job.arena, r->task) : NULL;
    int status = super.children[k].status;
    if (t && !super.killing)
        observers_death(k, t, task_attempt(r->word), status, r->dead, how);
    if (r->dead) {
        uint32_t runs = task_attempt(r->word);
        report_dead(t, runs > t->errors ? runs - t->errors : runs, how);
        write_dead(k, t, runs);
        printer_set_aside(t);
        atom_store(&job.arena.header->failed, 1);
    } else if (!super.killing) {
        report_death(k, pid, how, t, task_attempt(r->word), t ? job_attempts(t->fn) : 0,
                     super.children[k].oom_killed ? ", alone" : "");
    }
}

static uint32_t
attempts_of_current(uint32_t k)
{
    uint32_t cur = slot_of(k)->cur;
    return cur ? job_attempts(task_at(&job.arena, cur)->fn) : job.config.attempts;
}

/* Was it killed for the very run it was found in? Another one is killed_for_another_run. */
static bool
killed_for_another_run(const struct child *c, uint32_t k)
{
    struct slot *s = slot_of(k);
    if (!c->timed_out || !s->cur)
        return super.killing;
    return s->cur != c->seen_task ||
           atom_load(&task_at(&job.arena, s->cur)->word) != c->seen_word;
}

static const char *
how_it_died(const struct child *c)
{
    if (c->timed_out)
        return "a timeout (it ran longer than allowed)";
    return c->oom_killed ? "SIGKILL (the kernel was out of memory)" : wait_status_text(c->status);
}

/* Repairs the slot of a dead worker. false: no room, later. */
static bool
recover_child(uint32_t k, pid_t pid)
{
    struct child *c = &super.children[k];
    struct self dead;
    struct recovered r;
    enum recover_how verdict = killed_for_another_run(c, k) ? RECOVER_UNCOUNTED
                               : c->oom_killed              ? RECOVER_WAIT
                                                            : RECOVER_COUNTED;
    metrics_dropped(&job.arena, k);
    int err = self_open(&dead, &job.arena, k, 1);
    if (!err) {
        err = recover(&dead, &job.self, attempts_of_current(k), verdict, &r);
        self_close(&dead);
    }
    c->unrecovered = err != 0;
    if (err) {
        idle_end_alone(&job.arena); /* it may be this one: the others make room */
        return false;
    }
    if (r.task && !r.dead && verdict == RECOVER_WAIT)
        wait_alone(r.task);
    const char *how = how_it_died(c);
    bool early = !r.task && died_early(c, k);
    /* After its last commit a worker's death harms nobody: no word about it. */
    if (!job_over() || r.task)
        say_death(k, pid, how, &r);
    if (early && !super.stopping)
        give_up(k, how);
    c->wanted = !c->given_up && shall_live(k);
    return true;
}

static void
child_ended(uint32_t k, int status)
{
    struct child *c = &super.children[k];
    uint32_t bye = slot_of(k)->exit_reason;
    pid_t pid = c->pid;
    c->pid = 0;
    c->status = status;
    c->oom_killed = false;
    observers_ended(k, pid, status);
    super.alive--;
    if (bye != REASON_NONE && bye != REASON_FATAL) {
        log_debug("worker %u ended: process %d", k, pid);
        bool early = bye == REASON_RECYCLE || bye == REASON_SURPLUS;
        c->wanted = early && shall_live(k);
        /* What is in its ring, and the end of the job, is for those that sleep. */
        if (early)
            idle_wake_all(&job.arena);
        return;
    }
    kill(-pid, SIGKILL); /* what its task had started dies with it */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !c->timed_out && !super.killing)
        c->oom_killed = oom_killed(&super.oom, clock_ns());
    if (!recover_child(k, pid))
        log_warn("no memory to recover worker %u: trying again", k);
}

static void
reap(void)
{
    for (uint32_t k = 1; k <= super.n; k++) {
        int status;
        pid_t pid = super.children[k].pid;
        if (pid && waitpid(pid, &status, WNOHANG) == pid)
            child_ended(k, status);
    }
}

static void
recover_leftovers(void)
{
    for (uint32_t k = 1; k <= super.n; k++) {
        if (super.children[k].unrecovered)
            (void)recover_child(k, 0);
    }
}

/* ---- stopping ---- */

static void
stop_soon(void)
{
    super.stopping = true;
    idle_set_mode(&job.arena, ARENA_STOP);
}

static void
stop_now(void)
{
    super.killing = true;
    stop_soon();
    for (uint32_t k = 1; k <= super.n; k++)
        kill_group(k);
}

static void
interrupted(int sig)
{
    job.result.signal = sig;
    if (super.interrupts++ == 0) {
        stop_soon();
        log_error("%s: starting nothing new, waiting for what runs (left: %llu). "
                  "Once more stops at once",
                  sig == SIGINT ? "interrupted" : sig == SIGTERM ? "terminated"
                                                                 : "hung up",
                  (unsigned long long)observers_left());
    } else if (!super.killing) {
        log_error("stopping at once");
        stop_now();
    }
}

/* ---- prunner ctl ---- */

/* 0 or -errno, with the crew as it was. */
static int
resize(uint32_t n)
{
    if (n > super.n) {
        struct child *grown = realloc(super.children, (n + 1) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        memset(grown + super.n + 1, 0, (n - super.n) * sizeof *grown);
        super.children = grown;
    }
    int err = pool_resize(&job.arena, n);
    if (err)
        return err;
    super.n = n > super.n ? n : super.n;
    super.limit = n;
    for (uint32_t k = 1; k <= super.n; k++) {
        struct child *c = &super.children[k];
        c->wanted = !c->pid && !c->unrecovered && !c->given_up && shall_live(k);
    }
    metrics_set_workers(super.n);
    return 0;
}

/* Who is above the limit ends; when all of them have, nobody needs to ask any more. */
static void
settle_crew(void)
{
    uint32_t k = super.limit + 1;
    if (!(atom_load(&job.arena.header->gate) & GATE_FEWER))
        return;
    while (k <= super.n && !super.children[k].pid)
        k++;
    if (k > super.n)
        pool_settled(&job.arena);
}

static void
told_to_stop(bool now)
{
    if (!job.result.signal)
        job.result.signal = SIGINT; /* as by Ctrl-C */
    super.interrupts = 1;
    log_error("ctl: %s (left: %llu)",
              now ? "stopping at once" : "starting nothing new, waiting for what runs",
              (unsigned long long)observers_left());
    if (now)
        stop_now();
    else
        stop_soon();
}

static const struct control_ops hands = {resize, told_to_stop};

/* --halt: is it time? A worker may have stopped the others already. */
static void
check_halt(void)
{
    const struct halt *h = &job.config.halt;
    uint64_t have;
    if (super.stopping || atom_load(&job.arena.header->mode) == ARENA_DONE ||
        !halt_reached(&job.arena, h, &have))
        return;
    job.result.halted = true;
    log_error("--halt: %llu %s %s, %s", (unsigned long long)have, have == 1 ? "task" : "tasks",
              h->kind == HALT_FAIL ? "failed" : h->kind == HALT_DONE ? "done"
                                                                     : "succeeded",
              h->when == HALT_NOW ? "stopping at once" : "starting nothing new");
    if (h->when == HALT_NOW)
        stop_now();
    else
        stop_soon();
}

/* --deadline: is it time? */
static void
check_deadline(void)
{
    if (!super.deadline || super.stopping || clock_ns() < super.deadline ||
        atom_load(&job.arena.header->mode) == ARENA_DONE)
        return;
    job.result.deadline_passed = true;
    log_error("--deadline: the time is over, starting nothing new, waiting for what runs "
              "(left: %llu)",
              (unsigned long long)observers_left());
    stop_soon();
}

/* ---- timeouts ---- */

static void
check_timeout(uint32_t k, uint64_t now)
{
    struct child *c = &super.children[k];
    struct slot *s = slot_of(k);
    if (!c->pid || c->timed_out)
        return;
    uint32_t task = atom_load(&s->phase) == PHASE_ACTIVE ? atom_load(&s->cur) : 0;
    uint64_t word = task ? atom_load(&task_at(&job.arena, task)->word) : 0;
    if (!task || task_state(word) != TASK_RUN || task_worker(word) != k) {
        c->seen_task = 0;
        return;
    }
    if (task != c->seen_task || word != c->seen_word) {
        c->seen_task = task;
        c->seen_word = word;
        c->seen_since = now;
        return;
    }
    int64_t limit = job_timeout_ns(task_at(&job.arena, task)->fn);
    if (limit > 0 && now - c->seen_since >= (uint64_t)limit) {
        c->timed_out = true;
        kill_group(k);
    }
}

static void
check_timeouts(void)
{
    uint64_t now = clock_ns();
    if (!super.shortest_timeout)
        return;
    for (uint32_t k = 1; k <= super.n; k++)
        check_timeout(k, now);
}

static void
find_shortest_timeout(void)
{
    uint64_t shortest = (uint64_t)job.config.timeout_ns;
    for (uint32_t f = 1; f <= job.nfns; f++) {
        int64_t t = job.fns[f].options.timeout_ns;
        if (t > 0 && (!shortest || (uint64_t)t < shortest))
            shortest = (uint64_t)t;
    }
    super.shortest_timeout = shortest;
}

/* ---- the loop ---- */

static void
at_most(int *timeout, uint64_t ms)
{
    if (*timeout < 0 || (uint64_t)*timeout > ms)
        *timeout = ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* How long poll may sleep: for ever, unless something has its time. */
static int
sleep_ms(uint64_t next_due)
{
    int timeout = -1;
    const struct halt *h = &job.config.halt;
    if (super.shortest_timeout) {
        uint64_t tick = super.shortest_timeout / 20 / 1000000;
        at_most(&timeout, tick < 5 ? 5 : tick > 500 ? 500
                                                    : tick);
    }
    if (h->when != HALT_NEVER && h->kind != HALT_FAIL)
        at_most(&timeout, 50);
    if (super.fork_again) {
        uint64_t now = now_ms();
        at_most(&timeout, super.fork_again > now ? super.fork_again - now : 0);
    }
    if (next_due != UINT64_MAX) {
        uint64_t now = clock_ns();
        at_most(&timeout, next_due > now ? (next_due - now) / 1000000 + 1 : 0);
    }
    for (uint32_t k = 1; k <= super.n; k++) {
        struct slot *s = slot_of(k);
        bool unnoted = atom_load(&s->wait_tail) != s->wait_head;
        if (super.children[k].unrecovered || unnoted)
            at_most(&timeout, RECOVER_PAUSE_MS);
    }
    if (gate_alone(atom_load(&job.arena.header->gate)))
        at_most(&timeout, ALONE_TICK_MS);
    return timeout;
}

static void
take_signal(int sig)
{
    if (sig == SIGUSR1)
        stack_dump_ask();
    else if (sig == SIGTSTP)
        screen_suspend();
    else if (sig != SIGCHLD)
        interrupted(sig);
}

static void
read_signals(void)
{
    struct signalfd_siginfo info;
    while (read(super.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        take_signal((int)info.ssi_signo);
    }
}

/* A worker could not write to standard output. true: it was known. */
static bool
output_lost(void)
{
    struct result *r = &job.result;
    uint32_t err = atom_load(&job.arena.header->output_errno);
    if (r->reader_gone || r->fatal)
        return true;
    r->reader_gone = err == EPIPE;
    r->fatal = !r->reader_gone;
    if (r->fatal)
        output_say_lost((int)err);
    return false;
}

static void
read_notifications(void)
{
    uint64_t n;
    ssize_t got = read(job.notify_fd, &n, sizeof n);
    (void)got;
    if (atom_load(&job.arena.header->output_errno) && !output_lost())
        stop_now();
    check_halt();
}

static bool
anybody_coming(void)
{
    for (uint32_t k = 1; k <= super.n; k++) {
        struct child *c = &super.children[k];
        if (c->pid || c->unrecovered || c->wanted)
            return true;
    }
    return false;
}

static void
nobody_left(void)
{
    log_error("no worker is left: the job cannot go on (tasks left: %llu)",
              (unsigned long long)observers_left());
    job.result.fatal = true;
}

/* true: the job goes on. */
static bool
job_continues(void)
{
    if (super.alive)
        return true;
    if (job_over() && !anybody_coming())
        return false;
    if (idle_all_done(&job.arena) && !super.stopping) {
        /* The last task was ended in a dead worker's name. */
        idle_set_mode(&job.arena, ARENA_DONE);
        return false;
    }
    if (super.stopping)
        return anybody_coming() && super.children && !super.killing;
    if (!anybody_coming()) {
        nobody_left();
        return false;
    }
    uint64_t now = now_ms();
    if (!super.nobody_since)
        super.nobody_since = now;
    if (now - super.nobody_since > NOBODY_LEFT_MS) {
        log_error("no worker could be started for %d s: the job cannot go on (tasks "
                  "left: %llu). Look at the limits for processes and memory (ulimit -u, "
                  "pids.max)",
                  NOBODY_LEFT_MS / 1000, (unsigned long long)observers_left());
        job.result.fatal = true;
        return false;
    }
    return true;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void
supervise(void)
{
    while (job_continues()) {
        struct pollfd fds[] = {
            {super.signal_fd, POLLIN, 0},
            {job.notify_fd, POLLIN, 0},
            {control_fd(), POLLIN, 0},
        };
        collect_waiting();
        uint64_t next_due = wake_all_due();
        next_due = sooner(next_due, observers_tick());
        if (super.deadline && !super.stopping)
            next_due = sooner(next_due, super.deadline);
        next_due = sooner(next_due, throttle_tick(&job.self, clock_ns()));
        if (poll(fds, 3, sleep_ms(next_due)) < 0 && errno != EINTR)
            break;
        read_signals();
        read_notifications();
        control_serve(&hands);
        reap();
        settle_crew();
        recover_leftovers();
        if (printer_died())
            stop_now();
        check_halt(); /* some may have been set aside */
        check_deadline();
        check_timeouts();
        check_alone();
        if (!job_over())
            start_wanted();
    }
    read_notifications(); /* of the last one that ended */
}

/* ---- setting up and counting ---- */

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

/* What arrives from now on has its old effect again. */
static void
close_signals(void)
{
    read_signals();
    close(super.signal_fd);
    sigprocmask(SIG_SETMASK, &super.old_mask, NULL);
}

static void
count_results(void)
{
    counts_sum(&job.arena, &job.result.counts);
    for (uint32_t k = 0; k <= job.arena.header->nworkers; k++) {
        const struct slot *s = slot_of(k);
        log_debug("slot %u: posted %llu, done %llu, claims %u, steals %llu, lost %llu, "
                  "wakes %llu, parks %llu",
                  k, (unsigned long long)s->posted,
                  (unsigned long long)s->done, s->claims, (unsigned long long)s->steals,
                  (unsigned long long)s->lost, (unsigned long long)s->wakes,
                  (unsigned long long)s->parks);
    }
}

static int
prepare(uint32_t n)
{
    super.n = super.limit = n;
    super.pid = getpid();
    super.children = calloc(n + 1, sizeof *super.children);
    if (!super.children)
        return -ENOMEM;
    int err = pool_open(&job.arena, n);
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
run_workers(lua_State *L)
{
    super.L = L;
    int err = open_signals();
    if (err)
        return err;
    super.cpus = (uint32_t)cpus_default();
    find_shortest_timeout();
    oom_open(&super.oom, memory_limit_oom_kills);
    fflush(NULL);
    for (uint32_t k = 1; k <= super.n; k++)
        super.children[k].wanted = true;
    start_wanted();
    control_open();
    supervise();
    control_close();
    if (super.killing || job.result.fatal) {
        for (uint32_t k = 1; k <= super.n; k++) {
            kill_group(k);
            if (super.children[k].pid)
                (void)waitpid(super.children[k].pid, NULL, 0);
        }
    }
    close_signals();
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

int
super_run(lua_State *L, int n)
{
    uint64_t start = clock_ns(), cpu = totals_cpu_ns();
    int64_t limit = job.config.deadline_ns;
    super.deadline = limit > 0 ? start + (uint64_t)limit : 0;
    int err = prepare(job.config.serial ? 1 : (uint32_t)n);
    stack_dump_open(L);
    if (!job.config.serial)
        stack_dump_start();
    observers_start(super.n);
    if (!err && job.config.keep_order)
        err = printer_start(job.config.serial);
    if (!err)
        err = job.config.serial ? run_serial(L) : run_workers(L);
    printer_finish();
    if (atom_load(&job.arena.header->output_errno))
        (void)output_lost();
    job.result.cpu_seconds = (double)(totals_cpu_ns() - cpu) / 1e9;
    observers_end();
    if (err) {
        log_error("the workers cannot be started: %s", strerror(-err));
        return err;
    }
    count_results();
    job.result.seconds = (double)(clock_ns() - start) / 1e9;
    free(super.children);
    free(super.waiting);
    super.children = NULL;
    super.waiting = NULL;
    return 0;
}

static void
waits_still(void *arg, uint32_t task)
{
    int *err = arg;
    if (!note_waiting(task))
        *err = -ENOMEM;
}

int
super_resume(void)
{
    struct arena *a = &job.arena;
    int unnoted = 0, err = arena_reserve_slots(a, a->header->nworkers);
    if (!err)
        err = resume(&job.self, waits_still, &unnoted);
    if (!err)
        err = unnoted;
    atom_store(&a->header->mode, ARENA_RUN);
    a->header->output_errno = 0;
    a->header->limit = 0;
    for (uint32_t w = 0; w < ARENA_SLOTS / 64; w++)
        a->header->idle_bits[w] = 0;
    return err;
}
