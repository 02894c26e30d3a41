#include "lua/getters.h"

#include <errno.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/nudge.h"
#include "job/job.h"
#include "worker/poller.h"

#define TICK_NS (100 * CLOCK_MILLISECOND)

/* Of one queue, in the order in which they came. Once made, it stays. */
struct group {
    struct dict *dict;
    struct getter *first, **end; /* end: if there is a first */
    uint32_t told;               /* of those that are not in line any more */
};

static struct {
    struct group **groups;
    size_t n, cap;
    uint32_t waiting;        /* in all of them */
    uint32_t seen;           /* the event */
    struct poller_wait tick; /* if `ticks` */
    bool ticks;
} getters;

static struct group *
find(const struct dict *d)
{
    for (size_t i = 0; i < getters.n; i++) {
        if (getters.groups[i]->dict == d)
            return getters.groups[i];
    }
    return NULL;
}

static struct group *
find_or_make(struct dict *d)
{
    struct group *g = find(d);
    if (g)
        return g;
    g = calloc(1, sizeof *g);
    if (!g || !array_reserve(&getters.groups, &getters.cap, getters.n + 1, sizeof g)) {
        free(g);
        return NULL;
    }
    g->dict = d;
    getters.groups[getters.n++] = g;
    return g;
}

double
getters_free(struct dict *d)
{
    const struct group *group = getters.n ? find(d) : NULL;
    return queue_length(d) - (group ? group->told : 0);
}

static void
leave_line(struct group *group, struct getter *g)
{
    *g->link = g->next;
    if (g->next)
        g->next->link = g->link;
    else
        group->end = g->link;
    g->link = NULL;
    if (--getters.waiting)
        return;
    atom_store(&job.self.slot->queue_waits, 0);
    poller_look(NULL);
}

void
getters_forget(struct getter *g)
{
    struct group *group = g->link || g->told ? find(g->dict) : NULL;
    if (g->link)
        leave_line(group, g);
    if (!g->told)
        return;
    g->told = false;
    group->told--;
    getters.seen--; /* if it takes none: the next look goes through all */
}

static void
append(struct group *group, struct getter *g)
{
    if (!group->first)
        group->end = &group->first;
    g->next = NULL;
    g->link = group->end;
    *g->link = g;
    group->end = &g->next;
    getters.waiting++;
}

/* ---- telling them ---- */

static void
tell(struct group *group)
{
    double values = group->first ? getters_free(group->dict) : 0;
    for (struct getter *g; values > 0 && (g = group->first); values--) {
        leave_line(group, g);
        g->told = fiber_tell(&g->ticket);
        group->told += g->told;
    }
}

static void
tell_all(void)
{
    for (size_t i = 0; i < getters.n; i++)
        tell(getters.groups[i]);
}

/* By the poller. */
static void
look(void)
{
    uint32_t event = atom_load(&job.arena.header->queue_event);
    if (event == getters.seen)
        return;
    getters.seen = event;
    tell_all();
}

static void
on_tick(struct poller_wait *w)
{
    uint32_t at;
    tell_all();
    w->due_ns = clock_ns() + TICK_NS;
    getters.ticks = getters.waiting && poller_wait(w, &at) == 0;
}

/* ---- waiting ---- */

/* The first one of this worker. */
static int
begin_looking(void)
{
    uint32_t at;
    struct arena_header *h = job.arena.header;
    if (!atom_load(&h->queue_waiters))
        atom_store(&h->queue_waiters, 1);
    atom_store(&job.self.slot->queue_waits, 1);
    poller_look(look);
    if (getters.ticks)
        return 0;
    getters.tick = (struct poller_wait){.due_ns = clock_ns() + TICK_NS, .over = on_tick};
    int err = poller_wait(&getters.tick, &at);
    getters.ticks = !err;
    return err;
}

static void
on_given_back(struct fiber_ticket *ticket)
{
    getters_forget((struct getter *)ticket);
}

int
getters_wait(struct getter *g, struct dict *d, uint64_t due_ns, const char *what)
{
    struct group *group = find_or_make(d);
    if (!group)
        return -ENOMEM;
    append(group, g);
    g->dict = d;
    g->ticket.given_back = on_given_back;
    int err = begin_looking();
    /* Pairs with the fence in getters_call(): either it sees that we wait, or we see its value. */
    atom_fence();
    if (!err && getters_free(d) > 0)
        err = 1;
    if (!err)
        err = fiber_wait_told(&g->ticket, due_ns, what);
    if (err)
        getters_forget(g);
    return err;
}

void
getters_call(void)
{
    struct arena *a = &job.arena;
    uint32_t event = atom_load(&a->header->queue_event);
    while (!atom_cas(&a->header->queue_event, &event, event + 1))
        ;
    /* Pairs with the fence in getters_wait(): our value, then our look. */
    atom_fence();
    futex_wake(&a->header->queue_event, ARENA_SLOTS); /* those that wait in place */
    if (likely(!atom_load(&a->header->queue_waiters)))
        return;
    for (uint32_t k = 1, n = arena_workers(a); k <= n; k++) {
        const struct slot *s = slot_at(a, k);
        bool waits = k != job.self.me && atom_load(&s->queue_waits);
        uint32_t pid = waits ? atom_load(&s->waker_pid) : 0;
        if (pid)
            (void)nudge(pid); /* refused, of another user: a tick late */
    }
}
