#include "worker/fibers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parent_death.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/profile.h"
#include "monitor/stack_dump.h"
#include "output/output.h"
#include "task/begin_limit.h"
#include "task/idle.h"
#include "task/section.h"
#include "task/suspend.h"
#include "task/task.h"
#include "worker/fiber.h"
#include "worker/fiber_wait.h"
#include "worker/held_locks.h"
#include "worker/program.h"
#include "worker/run.h"
#include "worker/waiting.h"

enum {
    ROW = 16,        /* after this many fibers whose wait is over, a task is begun */
    POLL_EVERY = 16, /* turns between two looks at what is over, while there is work */
};
/* A task that runs longer while others could continue is counted. */
#define LONG_NS (100 * CLOCK_MILLISECOND)

static struct {
    uint32_t most;      /* --concurrency */
    uint32_t begun;     /* tasks that run or wait */
    struct fiber *solo; /* begun alone: nothing else is begun before it has ended; NULL: none */
    uint32_t row;       /* fibers that continued since a task was begun */
    uint32_t turns;     /* since the last look */
    uint32_t turn_fn;   /* the function of the task of the last turn ... */
    bool turn_others;   /* ... and whether others waited when it began */
    uint64_t looked_ns; /* when that was, by the coarse clock */
    uint32_t nothers;   /* tasks that wait for others: whoever tells them (fiber_ticket) */
    bool stopping;      /* the job stops: who waits for others is given back */
    bool no_memory;     /* for a further fiber: not before one has ended */
} fibers;

/* ---- the worker ---- */

/* A descriptor for each task that waits: as many as the system lets us have. */
static void
raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

int
fibers_open(lua_State *main, lua_State *spare, uint32_t most)
{
    memset(&fibers, 0, sizeof fibers);
    fibers.most = most;
    int err = suspend_open(&job.self, most);
    if (!err)
        err = poller_open();
    if (err)
        return err;
    raise_descriptors();
    atom_store(&job.self.slot->queue_waits, 0);
    atom_store(&job.self.slot->started_ns, 0);
    atom_store(&job.self.slot->waker_pid, (uint32_t)getpid());
    job.self.journaling = false; /* until a task runs */
    fiber_open(main);
    run_by_turns(spare);
    stack_dump_follow(waiting_each);
    return 0;
}

void
fibers_close(void)
{
    atom_store(&job.self.slot->waker_pid, 0);
    poller_close();
    waiting_close();
}

/* ---- switching ---- */

/* It is prepared, and noted as one that waits. */
static void
switch_from(struct fiber *f)
{
    f->run = run_save();
    metrics_suspend(&job.self, &f->metrics);
    output_suspend(&f->output);
    suspend_task(&job.self, &f->tx);
    fibers.nothers += f->ticket != NULL;
    job.self.journaling = false; /* a finalizer may run before the next task */
    atom_store(&job.self.slot->started_ns, 0);
    fiber_set_running(NULL);
}

static void
switch_to(struct fiber *f)
{
    struct slot *s = job.self.slot;
    waiting_remove(f);
    if (f->ticket) {
        f->ticket->fiber = NULL;
        fibers.nothers--;
    }
    f->ticket = NULL;
    if (unlikely(f->fresh)) /* it was claimed long ago, and begins now */
        f->metrics.at_ns = f->run.from = f->run.began_ns = clock_ns();
    f->failed = suspend_resume(&job.self, &f->tx) != 0;
    atom_set(&s->resumes, s->resumes + 1);
    if (fiber_is_late(f) && !f->told_ns)
        f->told_ns = clock_coarse_ns();
    /* After the error it has as long again to deal with it. */
    atom_store(&s->started_ns, f->told_ns ? f->told_ns : f->run.began_ns);
    fiber_set_running(f);
    job.self.journaling = true;
    run_restore(&f->run);
    metrics_resume(&job.self, f->run.from, &f->metrics);
    output_resume(task_at(&job.arena, s->cur), &f->output);
    profile_follow(f->L);
}

/* ---- the job stops ---- */

/* Nothing is begun any more: perhaps nobody will put the value that this task waits for. */
static void
no_others_come(struct fiber *f)
{
    if (f->ticket && fiber_tell(f->ticket))
        f->gives_back = true;
}

static void
note_stop(void)
{
    fibers.stopping = true;
    for (uint32_t i = 0; i < waiting_count(); i++)
        no_others_come(waiting_at(i));
}

/* The task of f does not continue: as if it had not been begun. */
static void
give_back(struct fiber *f)
{
    waiting_remove(f);
    if (f->ticket->given_back)
        f->ticket->given_back(f->ticket);
    f->ticket->fiber = NULL;
    fibers.nothers--;
    if (unlikely(program_busy))
        program_task_ended(task_at(&job.arena, f->tx.task)->id, true);
    metrics_give_back();
    output_drop(&f->output);
    suspend_give_back(&job.self, &f->tx);
    fibers.begun--;
    if (fibers.solo == f)
        fibers.solo = NULL;
    fiber_drop(f);
}

/* ---- one turn ---- */

/* The claimed task starts, on f. false: it has to be alone, and waits until it is. */
static bool
start(struct fiber *f)
{
    const struct slot *s = job.self.slot;
    const struct task *t = task_at(&job.arena, s->cur);
    bool alone = task_forgiven(t) >= job_max_crashes(t->fn);
    fiber_set_running(f);
    fibers.row = 0;
    f->told_ns = 0;
    job.self.journaling = true;
    if (unlikely(section_any_held(&job.self)))
        (void)held_locks_release("a finalizer", false);
    run_start();
    profile_follow(f->L);
    f->fresh = false;
    if (likely(!alone))
        return true;
    fibers.solo = f;
    if (fibers.begun == 1 + fibers.nothers || suspend_prepare(&job.self, &f->tx) ||
        !waiting_add(f))
        return true; /* or there is no memory */
    f->fresh = true;
    f->waits_for = "its turn";
    f->wait = (struct poller_wait){.why = POLLER_TOLD};
    switch_from(f);
    return false;
}

static void
task_ended(const struct fiber *f)
{
    begin_limit_ended(job.self.slot, fibers.most);
    atom_store(&job.self.slot->started_ns, 0);
    fibers.no_memory = false;
    if (fibers.solo == f)
        fibers.solo = NULL;
}

/* A turn begins. */
static void
note_turn(void)
{
    fibers.turn_fn = task_at(&job.arena, job.self.slot->cur)->fn;
    fibers.turn_others = waiting_count() > 0;
}

/* A turn of f has ended like this; it may have claimed further tasks. */
static void
turn_over(struct fiber *f, enum run_turn turn)
{
    if (turn == RUN_WAITS) {
        switch_from(f);
        if (unlikely(fibers.stopping))
            no_others_come(f);
        return;
    }
    task_ended(f);
    fiber_set_running(NULL);
    job.self.journaling = false;
    fibers.begun--;
    if (turn == RUN_BROKEN)
        fiber_drop(f);
    else
        fiber_give(f);
}

/* Calls the started task, and those that are claimed meanwhile. */
static void
call(struct fiber *f)
{
    note_turn();
    enum run_turn turn = run_call(f->L);
    while (turn == RUN_CLAIMED_NEXT) {
        task_ended(f);
        if (!start(f))
            return;
        turn = run_call(f->L);
    }
    turn_over(f, turn);
}

static void
begin(struct fiber *f)
{
    fibers.begun++;
    if (start(f))
        call(f);
}

/* After the wait of its task. */
static void
go_on(struct fiber *f)
{
    if (unlikely(f->gives_back)) {
        give_back(f);
        return;
    }
    switch_to(f);
    fibers.row++;
    if (f->fresh) {
        f->fresh = false;
        call(f);
        return;
    }
    int n = fiber_push_why(f);
    fiber_wait_over(f);
    note_turn();
    enum run_turn turn = run_go_on(f->L, n);
    if (turn != RUN_CLAIMED_NEXT) {
        turn_over(f, turn);
        return;
    }
    task_ended(f);
    if (start(f))
        call(f);
}

/* ---- the loop ---- */

static bool
may_begin(enum exit_reason *why)
{
    /* Who waits for others needs them: a worker that is to be replaced runs them first. */
    bool waited_for = fibers.nothers > 0;
    bool may = run_may_claim(why) || (*why == REASON_RECYCLE && waited_for);
    bool alone = fibers.solo && !fibers.solo->ticket;
    if (!may || alone || fibers.no_memory || fibers.begun >= fibers.most ||
        fibers.begun - fibers.nothers >= begin_limit_of(job.self.slot, fibers.most))
        return false;
    fibers.no_memory = !run_reserve(); /* until one has ended */
    return !fibers.no_memory;
}

/* The task that is to be alone, once it is, not counting those that may wait for it. */
static bool
solo_due(void)
{
    return unlikely(fibers.solo != NULL) && fibers.solo->fresh &&
           fibers.begun == 1 + fibers.nothers;
}

static bool
sleep_in_poller(void *arg)
{
    (void)arg;
    stack_dump_look();
    parent_death_renew(); /* a task may have become another user */
    metrics_idle_start();
    bool came = poller_poll(poller_due());
    metrics_idle_end();
    fibers.looked_ns = clock_coarse_ns();
    stack_dump_look();
    return came;
}

/* true: a task is claimed. */
static bool
sleep_with_waiting(bool may)
{
    struct self *self = &job.self;
    bool claimed = false;
    enum arena_mode mode = (enum arena_mode)atom_load(&self->arena->header->mode);
    poller_block(true);
    if (may)
        claimed = idle_wait_with(self, sleep_in_poller, NULL);
    else
        idle_rest(self, mode, sleep_in_poller, NULL);
    poller_block(false);
    return claimed;
}

/* Begins a task if there is one. */
static bool
try_begin(void)
{
    struct fiber *f = fiber_take();
    fibers.no_memory = !f;
    if (!f)
        return false;
    if (run_claim()) {
        begin(f);
        return true;
    }
    fiber_give(f);
    return false;
}

/* What is over, while there is work: after some turns, or some milliseconds. */
static void
look_now_and_then(void)
{
    uint64_t now = clock_coarse_ns();
    if (++fibers.turns < POLL_EVERY && now == fibers.looked_ns)
        return;
    uint64_t passed = now - fibers.looked_ns;
    fibers.turns = 0;
    fibers.looked_ns = now;
    (void)poller_poll(0);
    stack_dump_look();
    if (unlikely(passed >= LONG_NS) && fibers.turn_others && poller_any())
        metrics_blocked(fibers.turn_fn, passed);
    fibers.turn_others = false;
}

static void
wait_for_something(bool may)
{
    struct fiber *f = may ? fiber_take() : NULL;
    if (may && !f)
        fibers.no_memory = true;
    bool by_poller = fibers.begun || poller_due() != CLOCK_NEVER;
    if (by_poller ? sleep_with_waiting(f != NULL) : run_wait_for_task()) {
        run_tell_turn();
        begin(f);
    } else if (f)
        fiber_give(f);
}

/* Nothing is begun, and nothing may be. */
static enum exit_reason
end_of_work(enum exit_reason why)
{
    if (!fibers.no_memory)
        return why;
    log_error("worker %u has no memory for the coroutine of a task (--lua-memory, ulimit -v)",
              job.self.me);
    return REASON_FATAL;
}

enum exit_reason
fibers_run(void)
{
    const uint32_t *mode = &job.arena.header->mode;
    for (;;) {
        enum exit_reason why = REASON_DONE;
        bool may = may_begin(&why);
        if (!fibers.begun && !may)
            return end_of_work(why);
        if (unlikely(!may) && !fibers.stopping && atom_load(mode) != ARENA_RUN)
            note_stop();
        if (solo_due()) {
            go_on(fibers.solo);
            continue;
        }
        if (fibers.begun || poller_due() != CLOCK_NEVER)
            look_now_and_then();
        if (poller_any() && (!may || fibers.row < ROW))
            go_on(fiber_of_wait(poller_next()));
        else if (may && try_begin())
            continue;
        else if (poller_any())
            go_on(fiber_of_wait(poller_next()));
        else if (!poller_moments())
            wait_for_something(may);
    }
}
