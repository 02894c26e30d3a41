#include "job/throttle.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

#include "memory/self.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "task/gate.h"
#include "task/idle.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "base/human.h"

#define TICK_NS ((uint64_t)200 * 1000 * 1000)

enum {
    LOOKS_AHEAD = 5, /* a second */
    FORGOTTEN = 256, /* what a task takes: half of it in 35 seconds */
    NOTICED = 64,    /* a fall by such a part of what may still be taken */
};

static struct {
    const struct config *config;
    uint32_t load_max;      /* --load as a number of threads; 0: off */
    uint64_t next_look;     /* when to measure again; UINT64_MAX: never */
    uint64_t woken_for;     /* the head->next_start for which somebody was woken */
    uint64_t reasons, said; /* GATE_LOAD, GATE_MEMORY: that hold now; that users know of */
    struct throttle_memory memory;
} throttle;

uint32_t
throttle_running(const char *root)
{
    char name[PATH_MAX];
    unsigned running = 0;
    if (snprintf(name, sizeof name, "%s/proc/loadavg", root) >= (int)sizeof name)
        return 0;
    FILE *f = fopen(name, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*s %*s %*s %u/", &running) != 1)
        running = 0;
    fclose(f);
    return running ? running - 1 : 0;
}

/* The first time something holds the job up its user is told. */
static void
say(uint64_t reason, uint32_t running, uint64_t free_bytes)
{
    if (throttle.said & reason)
        return;
    char size[HUMAN_TEXT];
    throttle.said |= reason;
    if (reason == GATE_LOAD)
        log_warn("--load: %u processes run, more than %u: no task is started until it is less",
                 running, throttle.load_max);
    else
        log_warn("--memfree: %llu MiB are free, less than %s: no task is started until it is more",
                 (unsigned long long)(free_bytes >> 20),
                 human_option_size(size, throttle.config->memfree_bytes));
}

uint32_t
throttle_memory_room(struct throttle_memory *m, const struct throttle_look *l)
{
    uint64_t fell = m->last > l->free_bytes ? m->last - l->free_bytes : 0;
    uint64_t over = l->free_bytes > l->wanted ? l->free_bytes - l->wanted : 0;
    m->last = l->free_bytes;
    m->high = m->high > l->free_bytes ? m->high : l->free_bytes;
    m->peak = m->peak > l->running ? m->peak : l->running;
    uint64_t each = m->peak ? (m->high - l->free_bytes) / m->peak : 0;
    m->each -= m->each / FORGOTTEN;
    m->each = m->each > each ? m->each : each;
    m->falls |= fell > over / NOTICED;
    if (over / LOOKS_AHEAD < fell || !over)
        return 0;

    m->step = m->falls || !m->step ? 1 : 2 * m->step;
    m->step = m->step < l->most ? m->step : l->most;
    uint64_t fit = m->each ? (m->high - l->wanted) / m->each : UINT32_MAX;
    if (l->running >= fit)
        return l->running ? 0 : 1;
    return m->step < fit - l->running ? m->step : (uint32_t)(fit - l->running);
}

static uint32_t
running_tasks(const struct arena *a)
{
    uint32_t n = 0;
    for (uint32_t k = 1; k <= a->header->nworkers; k++)
        n += atom_load(&slot_at(a, k)->phase) != PHASE_IDLE;
    return n;
}

/* How many workers without a permit may start a task before the next look: as many as
 * the load and the memory allow. */
static uint32_t
measure(struct arena *a)
{
    const struct config *c = throttle.config;
    uint32_t room = UINT32_MAX;
    throttle.reasons = 0;
    if (throttle.load_max) {
        uint32_t running = throttle_running("");
        room = running < throttle.load_max ? throttle.load_max - running : 0;
        if (running > throttle.load_max) {
            throttle.reasons |= GATE_LOAD;
            say(GATE_LOAD, running, 0);
        }
    }
    if (c->memfree_bytes) {
        uint64_t free_bytes = memory_limit_free("");
        if (free_bytes < c->memfree_bytes) {
            throttle.reasons |= GATE_MEMORY;
            say(GATE_MEMORY, 0, free_bytes);
        }
        uint32_t limit = atom_load(&a->header->limit);
        struct throttle_look look = {
            .free_bytes = free_bytes,
            .wanted = c->memfree_bytes,
            .running = running_tasks(a),
            .most = (limit + 7) / 8,
        };
        uint32_t step = throttle_memory_room(&throttle.memory, &look);
        room = room < step ? room : step;
    }
    return throttle.reasons ? 0 : room;
}

/* true: tasks may be started that could not before. */
static bool
set_gate(struct arena *a, uint32_t room)
{
    uint64_t watched = GATE_LOAD | GATE_MEMORY, was = atom_load(&a->header->gate);
    atom_store(&a->header->permits, room);
    if (throttle.reasons & ~was)
        gate_close(a, throttle.reasons);
    if (was & watched & ~throttle.reasons)
        gate_open(a, watched & ~throttle.reasons);
    return room > 0;
}

void
throttle_open(const struct config *c, struct arena *a)
{
    uint64_t gate = 0;
    bool watched = c->load.count || c->load.percent || c->memfree_bytes;
    throttle.config = c;
    throttle.said = throttle.woken_for = 0;
    throttle.memory = (struct throttle_memory){0};
    throttle.next_look = watched ? 0 : UINT64_MAX;
    throttle.load_max = (uint32_t)c->load.count;
    if (c->load.percent)
        throttle.load_max = ((uint32_t)cpus_default() * c->load.percent + 99) / 100;
    if (c->serial) {
        gate = watched || c->delay_ns ? GATE_SERIAL : 0;
    } else {
        gate |= watched ? GATE_PERMIT : 0;
        gate |= c->delay_ns ? GATE_DELAY : 0;
    }
    a->header->next_start = 0;
    a->header->delay_ns = (uint64_t)c->delay_ns;
    atom_store(&a->header->gate, gate);
    if (gate & GATE_PERMIT)
        (void)set_gate(a, measure(a));
}

/* When a turn comes, one worker has to look: nobody else will tell it. */
static uint64_t
tick_turns(struct self *self, struct arena *a, uint64_t now)
{
    uint64_t next = atom_load(&a->header->next_start);
    if (!throttle.config->delay_ns || next == throttle.woken_for)
        return UINT64_MAX;
    if (next > now)
        return next;
    throttle.woken_for = next;
    idle_wake(self, 1);
    return UINT64_MAX;
}

uint64_t
throttle_tick(struct self *self, uint64_t now)
{
    struct arena *a = self->arena;
    if (now >= throttle.next_look) {
        if (set_gate(a, measure(a)))
            idle_wake(self, 1);
        throttle.next_look = now + TICK_NS;
    }
    uint64_t turn = tick_turns(self, a, now);
    return turn < throttle.next_look ? turn : throttle.next_look;
}

void
throttle_wait(struct arena *a)
{
    uint64_t now, delay = (uint64_t)throttle.config->delay_ns;
    while (throttle.next_look != UINT64_MAX && !measure(a))
        clock_sleep(TICK_NS);
    now = clock_ns();
    if (a->header->next_start > now)
        clock_sleep(a->header->next_start - now);
    if (delay)
        a->header->next_start = clock_ns() + delay;
}

void
throttle_be_nice(const struct config *c)
{
    if (getpriority(PRIO_PROCESS, 0) < c->nice)
        (void)setpriority(PRIO_PROCESS, 0, c->nice);
}
