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
#include "worker/hooks.h"

#define PAUSE_NS CLOCK_MILLISECOND            /* between looks; doubles while they compute */
#define PAUSE_MAX_NS (20 * CLOCK_MILLISECOND) /* and between workers that come one by one */
#define NO_MEMORY_NS CLOCK_SECOND             /* before they are tried again */
#define COMING_NS CLOCK_SECOND                /* for those that were started: then without them */

enum { SAMPLE = 32 }; /* workers that are looked at, at most */

static struct {
    uint64_t look_ns;  /* the next look; CLOCK_NEVER: no task waits, as far as we know */
    uint64_t pause_ns; /* before the one after it */
    uint64_t since_ns; /* when tasks began to wait, or the last workers were added */
    bool said;         /* that there is no memory for more: once */
} growth;

void
growth_open(void)
{
    uint64_t now = clock_ns();
    growth.look_ns = now + PAUSE_NS;
    growth.pause_ns = PAUSE_NS;
    growth.since_ns = now;
    growth.said = false;
}

/* Is it not yet known whether this worker will do? It has taken no task since it was forked, nor
 * slept for lack of one, nor does worker_begin() keep it. */
static bool
is_coming(uint32_t k)
{
    const struct child *c = child_at(k);
    const struct slot *s = slot_at(&job.arena, k);
    return child_has_process(c) && atom_peek(&s->claims) == c->from.claims &&
           atom_peek(&s->parks) == c->from.parks && !hook_of(atom_peek(&s->hook));
}

static bool
any_coming(void)
{
    uint32_t k = children_count();
    while (k > 0 && !is_coming(k))
        k--;
    return k > 0;
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

uint32_t
growth_more(const struct growth_look *l)
{
    uint32_t more = l->waiting ? l->workers : l->waited_ns >= PAUSE_MAX_NS;
    if (l->coming && l->waited_ns < COMING_NS)
        return 0;
    return more < l->room ? more : l->room;
}

/* Returns how long to wait before the next look. */
static uint64_t
grow(uint32_t by)
{
    uint32_t now = spawn_workers();
    int err = spawn_grow(now + by);
    if (err && !growth.said)
        log_warn("no memory for more than %u workers: %s", now, strerror(-err));
    growth.said |= err != 0;
    growth.since_ns = clock_ns();
    return err ? NO_MEMORY_NS : growth.pause_ns;
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
    if (spawn_refused()) {
        growth.look_ns = now + PAUSE_MAX_NS;
        return;
    }
    if (asleep) {
        growth.since_ns = now;
        growth.pause_ns = PAUSE_NS;
    }
    struct growth_look look = {
        .workers = spawn_workers(),
        .room = job.arena.header->limit - spawn_workers(),
        .coming = any_coming(),
        .waiting = workers_wait(),
        .waited_ns = now - growth.since_ns,
    };
    uint32_t more = growth_more(&look);
    if (more && look.waiting)
        growth.pause_ns = PAUSE_NS;
    growth.look_ns = now + (more ? grow(more) : growth.pause_ns);
    if (growth.pause_ns < PAUSE_MAX_NS)
        growth.pause_ns *= 2;
}

uint64_t
growth_due(void)
{
    return growth.look_ns;
}
