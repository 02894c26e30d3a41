#include "supervisor/delayed.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "job/job.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/task.h"

#define RETRY_NS (100 * CLOCK_MILLISECOND)      /* no memory: try again */
#define ALONE_TICK_NS (100 * CLOCK_MILLISECOND) /* a task runs alone: is it over? */
#define ALONE_AFTER_NS CLOCK_SECOND             /* others may have given memory back by then */
#define ALONE_MAX_NS (600 * CLOCK_SECOND)       /* it may wait for others: then they start again */

struct delayed_task {
    uint32_t task;
    uint64_t word;
    uint64_t until_ns;
    bool alone; /* it then runs while no other starts */
};

static struct {
    struct delayed_task *list; /* in no order */
    size_t n, cap;
    uint64_t alone_until_ns; /* when a task runs alone: at most so long */
} delayed;

/* false: no memory. */
static bool
add(struct delayed_task d)
{
    if (!array_reserve(&delayed.list, &delayed.cap, delayed.n + 1, sizeof d))
        return false;
    delayed.list[delayed.n++] = d;
    return true;
}

bool
delayed_note(uint32_t task)
{
    const struct task *t = task_at(&job.arena, task);
    uint64_t word = atom_load(&t->word);
    if (task_state(word) != TASK_WAIT)
        return true; /* the same one twice, after a redo */
    const struct task_record *r = task_record_of(&job.arena, t);
    uint64_t until_ns = r ? arena_monotonic(&job.arena, r->until_ns) : 0;
    return add((struct delayed_task){task, word, until_ns, false});
}

/* From WAIT to READY. There is room for the hint. */
static void
make_ready(const struct delayed_task *d)
{
    struct self *self = &job.self;
    uint64_t word = d->word;
    if (!atom_cas(&task_at(&job.arena, d->task)->word, &word,
                  task_word(task_generation(word), task_attempt(word), 0, TASK_READY)))
        return; /* no longer our business */
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
    uint64_t word = atom_load(&task_at(&job.arena, task)->word);
    struct delayed_task d = {task, word, clock_ns() + ALONE_AFTER_NS, true};
    if (add(d))
        return;
    d.alone = false;
    make_ready(&d);
}

/* What workers have put into their wait_rings. false: no memory for some of it. */
static bool
collect(void)
{
    bool all = true;
    for (uint32_t k = 1, n = arena_workers(&job.arena); k <= n; k++) {
        struct slot *s = slot_at(&job.arena, k);
        /* acquire: pairs with the release in apply_own(). */
        uint32_t tail = atom_load(&s->wait_tail), head = s->wait_head;
        while (head != tail && delayed_note(s->wait_ring[head % SLOT_WAITS]))
            head++;
        /* release: pairs with the acquire in commit_wait(): its place may be used again. */
        atom_store(&s->wait_head, head);
        all = all && head == tail;
    }
    return all;
}

/* When it may run: a task that is to run alone, when no other one does. */
static uint64_t
due_ns(const struct delayed_task *d, uint64_t now)
{
    if (d->alone && d->until_ns <= now && !idle_alone_over(&job.arena))
        return now + ALONE_TICK_NS;
    return d->until_ns;
}

/* Returns when the next one is due. */
static uint64_t
make_due_ready(uint64_t now)
{
    uint64_t next = CLOCK_NEVER;
    for (size_t i = 0; i < delayed.n;) {
        uint64_t due = due_ns(&delayed.list[i], now);
        bool room = due > now || queue_reserve(&job.self, 1) == 0;
        if (due <= now && room) {
            struct delayed_task d = delayed.list[i];
            delayed.list[i] = delayed.list[--delayed.n];
            make_ready(&d);
            continue;
        }
        next = clock_sooner(next, room ? due : now + RETRY_NS);
        i++;
    }
    return next;
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
    free(delayed.list);
    delayed.list = NULL;
    delayed.n = delayed.cap = 0;
}
