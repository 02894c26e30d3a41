#include "supervisor/delayed.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "job/job.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/task.h"
#include "task/wait_list.h"

#define RETRY_NS (100 * CLOCK_MILLISECOND)      /* no memory: try again */
#define ALONE_TICK_NS (100 * CLOCK_MILLISECOND) /* a task runs alone: is it over? */
#define ALONE_AFTER_NS CLOCK_SECOND             /* others may have given memory back by then */
#define ALONE_MAX_NS (600 * CLOCK_SECOND)       /* it may wait for others: then they start again */

/* Many may wait: no more than needed. */
struct delayed_task {
    uint64_t until_ns;
    uint32_t task;
    bool alone; /* it then runs while no other starts */
};

static struct {
    struct delayed_task *heap; /* heap[i] is due no later than heap[2 i + 1] and heap[2 i + 2] */
    size_t n, cap;
    uint64_t alone_until_ns; /* when a task runs alone: until then at most */
} delayed;

/* ---- the heap ---- */

/* false: no memory. */
static bool
reserve(size_t more)
{
    return array_reserve(&delayed.heap, &delayed.cap, delayed.n + more, sizeof *delayed.heap);
}

/* There is room. */
static void
add(struct delayed_task d)
{
    size_t i = delayed.n++;
    for (size_t up; i > 0 && d.until_ns < delayed.heap[up = (i - 1) / 2].until_ns; i = up)
        delayed.heap[i] = delayed.heap[up];
    delayed.heap[i] = d;
}

/* Takes out the first one. */
static struct delayed_task
take_first(void)
{
    struct delayed_task first = delayed.heap[0], last = delayed.heap[--delayed.n];
    size_t i = 0;
    for (size_t down; (down = 2 * i + 1) < delayed.n; i = down) {
        down += down + 1 < delayed.n &&
                delayed.heap[down + 1].until_ns < delayed.heap[down].until_ns;
        if (last.until_ns <= delayed.heap[down].until_ns)
            break;
        delayed.heap[i] = delayed.heap[down];
    }
    delayed.heap[i] = last;
    return first;
}

/* ---- coming ---- */

static void
add_task(uint32_t task)
{
    const struct task_record *r = task_record_of(&job.arena, task_at(&job.arena, task));
    add((struct delayed_task){r ? arena_monotonic(&job.arena, r->until_ns) : 0, task, false});
}

bool
delayed_note(uint32_t task)
{
    if (!reserve(1))
        return false;
    add_task(task);
    return true;
}

/* What a slot's process has made WAIT. false: no memory. */
static bool
collect_of(struct slot *s)
{
    const struct arena *a = &job.arena;
    uint32_t first = wait_list_first(a, s);
    size_t n = 0;
    for (uint32_t t = first; t; t = wait_list_next(a, t))
        n++;
    if (!reserve(n))
        return false;
    if (first && wait_list_take(s, first)) {
        for (uint32_t t = first; t; t = wait_list_next(a, t))
            add_task(t);
    }
    return true;
}

/* false: no memory for some of it. */
static bool
collect(void)
{
    bool all = true;
    for (uint32_t k = 1, n = arena_workers(&job.arena); k <= n; k++)
        all = collect_of(slot_at(&job.arena, k)) && all;
    return all;
}

/* ---- going ---- */

/* From WAIT to READY. There is room for the hint. */
static void
make_ready(const struct delayed_task *d)
{
    struct self *self = &job.self;
    struct task *t = task_at(&job.arena, d->task);
    uint64_t word = atom_load(&t->word);
    if (task_state(word) != TASK_WAIT)
        return;
    /* Nobody else ends that. */
    atom_store(&t->word, task_word(task_generation(word), task_attempt(word), 0, TASK_READY));
    if (d->alone) {
        idle_run_alone(&job.arena, d->task);
        delayed.alone_until_ns = clock_ns() + ALONE_MAX_NS;
    }
    queue_put(self, self->slot->tail, d->task);
    idle_wake(self, 1);
}

void
delayed_alone(uint32_t task)
{
    struct delayed_task d = {clock_ns() + ALONE_AFTER_NS, task, true};
    if (reserve(1)) {
        add(d);
        return;
    }
    d.alone = false;
    make_ready(&d);
}

/* Returns when the next one is due. */
static uint64_t
make_due_ready(uint64_t now)
{
    while (delayed.n && delayed.heap[0].until_ns <= now) {
        if (queue_reserve(&job.self, 1))
            return now + RETRY_NS;
        struct delayed_task d = take_first();
        if (d.alone && !idle_alone_over(&job.arena)) {
            d.until_ns = now + ALONE_TICK_NS; /* another one does: after it */
            add(d);
        } else {
            make_ready(&d);
        }
    }
    return delayed.n ? delayed.heap[0].until_ns : CLOCK_NEVER;
}

uint64_t
delayed_tick(void)
{
    uint64_t now = clock_ns();
    if (!idle_alone_over(&job.arena) && now >= delayed.alone_until_ns)
        idle_end_alone(&job.arena);
    bool all = collect();
    uint64_t next = make_due_ready(now);
    if (!all)
        next = clock_sooner(next, now + RETRY_NS);
    if (gate_alone(atom_load(&job.arena.header->gate)))
        next = clock_sooner(next, now + ALONE_TICK_NS);
    return next;
}

void
delayed_close(void)
{
    free(delayed.heap);
    delayed.heap = NULL;
    delayed.n = delayed.cap = 0;
}
