#include "supervisor/spawn.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ensure.h"
#include "base/log.h"
#include "base/parent_death.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "supervisor/child.h"
#include "supervisor/descendants.h"
#include "supervisor/stop.h"
#include "task/gate.h"
#include "task/pool.h"
#include "worker/hooks.h"

#define REFUSED_PAUSE_NS (50 * CLOCK_MILLISECOND) /* after a refused fork; doubles */
#define REFUSED_PAUSE_MAX_NS CLOCK_SECOND

static struct {
    void (*enter)(uint32_t k);
    pid_t supervisor;
    uint32_t workers;  /* slots 1..workers are to have one */
    uint64_t again_ns; /* no fork before; 0: none was refused */
    uint64_t pause_ns; /* after the last refused one; 0: forks succeed */
    uint64_t early_ns; /* when a slot's pause after an early death ends; CLOCK_NEVER: none */
} spawn;

void
spawn_open(void (*enter)(uint32_t k))
{
    spawn.enter = enter;
    spawn.supervisor = getpid();
    spawn.workers = children_count();
    for (uint32_t k = 1; k <= children_count(); k++)
        spawn_plan(k);
}

/* ---- how many ---- */

void
spawn_plan(uint32_t k)
{
    struct child *c = child_at(k);
    bool wanted = k <= spawn.workers && !stop_job_over();
    enum child_state next = wanted ? CHILD_WANTED : CHILD_NONE;
    if (c->state != next)
        child_become(c, next);
}

uint32_t
spawn_workers(void)
{
    return spawn.workers;
}

static void
plan_all(uint32_t n)
{
    spawn.workers = n;
    for (uint32_t k = 1; k <= children_count(); k++) {
        enum child_state now = child_at(k)->state;
        if (now == CHILD_NONE || now == CHILD_WANTED)
            spawn_plan(k);
    }
}

int
spawn_grow(uint32_t n)
{
    int err = pool_open(&job.arena, n);
    if (err)
        return err;
    children_grow(n);
    plan_all(n);
    metrics_set_workers(children_count());
    return 0;
}

int
spawn_resize(uint32_t n)
{
    int err = job.config.eager && n > spawn.workers ? spawn_grow(n) : 0;
    if (err)
        return err;
    pool_limit(&job.arena, n);
    if (n < spawn.workers)
        plan_all(n);
    return 0;
}

void
spawn_settle(void)
{
    uint32_t k = job.arena.header->limit + 1;
    if (!(atom_load(&job.arena.header->gate) & GATE_FEWER))
        return;
    while (k <= children_count() && !child_has_process(child_at(k)))
        k++;
    if (k > children_count())
        pool_settled(&job.arena);
}

/* ---- forking ---- */

/* In the new process. */
__attribute__((noreturn)) static void
child_main(uint32_t k)
{
    setpgid(0, 0);
    parent_death_follow(spawn.supervisor);
    descendants_mark();
    spawn.enter(k);
    _exit(1);
}

static void
note_fork_failure(int err)
{
    if (!spawn.pause_ns) {
        log_warn("no process can be started (%s): continuing with %u workers, trying again; "
                 "look at the limits for processes (ulimit -u, pids.max)",
                 strerror(err), children_alive());
        spawn.pause_ns = REFUSED_PAUSE_NS;
    } else if (spawn.pause_ns < REFUSED_PAUSE_MAX_NS) {
        spawn.pause_ns *= 2;
    }
    spawn.again_ns = clock_ns() + spawn.pause_ns;
}

/* false: refused. */
static bool
start_child(uint32_t k)
{
    struct child *c = child_at(k);
    struct slot *s = slot_at(&job.arena, k);
    ENSURE(c->state == CHILD_WANTED); /* so nobody but us writes its slot */
    s->exit_reason = REASON_NONE;
    atom_store(&s->hook, hook_word_none(s->hook)); /* release: read by this process alone */
    c->from = (struct child_progress){s->claims, s->parks};
    pid_t pid = job_fork();
    if (pid < 0) {
        note_fork_failure(errno);
        return false;
    }
    if (!pid)
        child_main(k);
    setpgid(pid, pid); /* as the child does: whoever is first */
    c->pid = pid;
    c->run = (struct child_run){0};
    c->cause = CAUSE_OWN;
    c->grace_ns = 0;
    child_become(c, CHILD_ALIVE);
    s->pid = (uint32_t)pid;
    observers_started(k, pid);
    log_debug("worker %u started: process %d", k, pid);
    return true;
}

/* After early deaths. */
static bool
pauses(const struct child *c)
{
    uint64_t until = c->early.not_before_ns;
    if (until <= clock_ns())
        return false;
    spawn.early_ns = clock_sooner(spawn.early_ns, until);
    return true;
}

/* No task will start: nobody waits for a fork any more. */
static void
withdraw(void)
{
    for (uint32_t k = 1; children_in(CHILD_WANTED) && k <= children_count(); k++) {
        if (child_at(k)->state == CHILD_WANTED)
            child_become(child_at(k), CHILD_NONE);
    }
}

void
spawn_tick(void)
{
    if (stop_job_over()) {
        withdraw();
        spawn.again_ns = 0;
        spawn.early_ns = CLOCK_NEVER;
        return;
    }
    if (spawn.again_ns && clock_ns() < spawn.again_ns)
        return;
    spawn.again_ns = 0;
    spawn.early_ns = CLOCK_NEVER;
    for (uint32_t k = 1; children_in(CHILD_WANTED) && k <= children_count(); k++) {
        if (child_at(k)->state == CHILD_WANTED && !pauses(child_at(k)) && !start_child(k))
            return;
    }
    spawn.pause_ns = 0;
}

bool
spawn_refused(void)
{
    return spawn.pause_ns != 0;
}

void
spawn_try_again(void)
{
    spawn.again_ns = 0;
}

uint64_t
spawn_due(void)
{
    return spawn.again_ns ? spawn.again_ns : spawn.early_ns;
}
