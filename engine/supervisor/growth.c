#include "supervisor/growth.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/procstat.h"
#include "job/job.h"
#include "supervisor/child.h"
#include "supervisor/spawn.h"
#include "supervisor/stop.h"
#include "task/idle.h"

#define PAUSE_NS CLOCK_MILLISECOND            /* between looks; doubles while they compute */
#define PAUSE_MAX_NS (20 * CLOCK_MILLISECOND) /* and between workers that come one by one */

enum { SAMPLE = 32 }; /* workers that are looked at, at most */

static struct {
    uint64_t look_ns;  /* the next look; CLOCK_NEVER: no task waits, as far as we know */
    uint64_t pause_ns; /* before the one after it */
    uint64_t since_ns; /* when tasks began to wait, or the last workers were added */
} growth;

void
growth_open(void)
{
    growth.pause_ns = PAUSE_NS;
    growth.since_ns = clock_ns();
    growth.look_ns = growth.since_ns + PAUSE_NS;
}

/* Do most of the workers sleep in the middle of a task? */
static bool
workers_wait(void)
{
    uint32_t n = children_count(), seen = 0, computing = 0;
    struct procstat p;
    for (uint32_t k = 1; k <= n; k += n / SAMPLE + 1) {
        if (!child_has_process(child_at(k)) || !procstat_read(&p, child_at(k)->pid))
            continue;
        seen++;
        computing += p.state == 'R';
    }
    return seen && computing <= seen / 2;
}

/* Is there a use for more, and may there be more? */
static bool
wanted(void)
{
    if (spawn_workers() >= job.arena.header->limit || stop_stopping() || stop_job_over())
        return false;
    return idle_want_more(&job.self);
}

static void
grow(uint32_t by)
{
    uint32_t now = spawn_workers(), room = job.arena.header->limit - now;
    int err = spawn_grow(now + (by < room ? by : room));
    if (err)
        log_warn("no memory for more than %u workers: %s", now, strerror(-err));
}

void
growth_tick(void)
{
    uint64_t now = clock_ns();
    bool asleep = growth.look_ns == CLOCK_NEVER;
    if (!asleep && now < growth.look_ns)
        return;
    if (!wanted()) {
        growth.look_ns = CLOCK_NEVER;
        return;
    }
    if (asleep) {
        growth.since_ns = now;
        growth.pause_ns = PAUSE_NS;
    }
    if (spawn_refused()) {
        growth.pause_ns = PAUSE_MAX_NS;
    } else if (workers_wait()) {
        grow(spawn_workers());
        growth.pause_ns = PAUSE_NS;
        growth.since_ns = now;
    } else if (now - growth.since_ns >= PAUSE_MAX_NS) {
        grow(1);
        growth.since_ns = now;
    }
    growth.look_ns = now + growth.pause_ns;
    if (growth.pause_ns < PAUSE_MAX_NS)
        growth.pause_ns *= 2;
}

uint64_t
growth_due(void)
{
    return growth.look_ns;
}
