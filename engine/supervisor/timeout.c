#include "supervisor/timeout.h"

#include "base/clock.h"
#include "job/job.h"
#include "supervisor/child.h"
#include "supervisor/run_kill.h"
#include "task/task.h"

#define TICK_MIN_NS (5 * CLOCK_MILLISECOND)
#define TICK_MAX_NS (500 * CLOCK_MILLISECOND)

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

static void
check_child(uint32_t k, uint64_t now)
{
    struct child *c = child_at(k);
    if (c->state != CHILD_ALIVE)
        return;
    struct child_run run = run_kill_look(k, now);
    if (!run.task || run.task != c->run.task || run.word != c->run.word) {
        c->run = run;
        return;
    }
    int64_t limit = job_timeout_ns(task_at(&job.arena, run.task)->fn);
    if (limit > 0 && now - c->run.since_ns >= (uint64_t)limit)
        run_kill(c, CAUSE_TIMEOUT, now);
}

void
timeout_tick(void)
{
    uint64_t now = clock_ns();
    if (!tick_ns)
        return;
    for (uint32_t k = 1; k <= children_count(); k++)
        check_child(k, now);
}

uint64_t
timeout_due(void)
{
    return tick_ns ? clock_ns() + tick_ns : CLOCK_NEVER;
}
