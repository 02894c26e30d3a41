#include "supervisor/timeout.h"

#include "base/clock.h"
#include "job/job.h"
#include "supervisor/child.h"
#include "supervisor/run_kill.h"
#include "supervisor/stop.h"
#include "task/task.h"
#include "worker/hooks.h"

#define TICK_MIN_NS (5 * CLOCK_MILLISECOND)
#define TICK_MAX_NS (500 * CLOCK_MILLISECOND)

#define HOOK_GRACE_NS (5 * CLOCK_SECOND) /* for hooks without a limit, after --deadline */

static uint64_t tick_ns; /* between two looks; 0: there are no limits */

void
timeout_open(void)
{
    uint64_t shortest = (uint64_t)job.config.timeout_ns;
    for (uint32_t f = 1; f <= job.nfns; f++) {
        int64_t t = job.fns[f].options.timeout_ns;
        if (t > 0 && (!shortest || (uint64_t)t < shortest))
            shortest = (uint64_t)t;
    }
    tick_ns = shortest / 20;
    if (shortest && tick_ns < TICK_MIN_NS)
        tick_ns = TICK_MIN_NS;
    if (tick_ns > TICK_MAX_NS)
        tick_ns = TICK_MAX_NS;
}

/* What slot k is in: a hook, or a run; word 0: nothing. */
static struct child_run
current_run(uint32_t k, uint64_t now)
{
    uint64_t hook = atom_load(&slot_at(&job.arena, k)->hook); /* acquire: pairs with enter_hook() */
    if (hook_of(hook))
        return (struct child_run){0, hook, now};
    return run_kill_look(k, now);
}

/* Has it taken too long? */
static bool
is_overdue(const struct child_run *run, uint64_t now)
{
    bool hook = !run->task;
    uint32_t fn = hook ? hook_fn(run->word) : task_at(&job.arena, run->task)->fn;
    int64_t limit = job_timeout_ns(fn);
    if (limit > 0)
        return now >= run->since_ns + (uint64_t)limit;
    uint64_t deadline = stop_deadline_ns();
    uint64_t from = run->since_ns > deadline ? run->since_ns : deadline;
    return hook && stop_deadline_over() && now >= from + HOOK_GRACE_NS;
}

static void
check_child(uint32_t k, uint64_t now)
{
    struct child *c = child_at(k);
    if (c->state != CHILD_ALIVE)
        return;
    struct child_run run = current_run(k, now);
    if (!run.word || run.task != c->run.task || run.word != c->run.word) {
        c->run = run;
        return;
    }
    if (run.since_ns != now) /* it has waited since, and has told when its time began */
        c->run.since_ns = run.since_ns;
    if (is_overdue(&c->run, now))
        run_kill(c, CAUSE_TIMEOUT, now);
}

static uint64_t
time_between_looks(void)
{
    return tick_ns ? tick_ns : stop_deadline_over() ? TICK_MAX_NS
                                                    : 0;
}

void
timeout_tick(void)
{
    uint64_t now = clock_ns();
    if (!time_between_looks())
        return;
    for (uint32_t k = 1; k <= children_count(); k++)
        check_child(k, now);
}

uint64_t
timeout_due(void)
{
    uint64_t ns = time_between_looks();
    return ns ? clock_ns() + ns : CLOCK_NEVER;
}
