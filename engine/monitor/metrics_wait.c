/* The part of metrics that looks at tasks that wait while their worker runs others, and at a worker
 * without a task. */
#include "monitor/metrics.h"

#include "base/clock.h"
#include "memory/self.h"
#include "task/task.h"

void
metrics_suspend(const struct self *self, struct metrics_saved *out)
{
    struct metrics_slot *s = metrics.slot;
    out->id = s->id;
    out->fn = s->fn;
    out->at_ns = clock_ns();
    out->waited_ns = metrics.waited_ns;
    out->locked_ns = self->lock_ns - metrics.lock_ns;
    metrics.waited_ns = 0;
    if (self->slot->staged)
        metrics_dropped(self->arena, self->me);
    atom_set(&s->fn, 0);
    atom_set(&s->waiting, s->waiting + 1);
}

void
metrics_resume(const struct self *self, uint64_t from, const struct metrics_saved *in)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t waited = clock_ns() - in->at_ns;
    atom_set(&s->waiting, s->waiting - 1);
    atom_set(&s->wait_ns, s->wait_ns + waited);
    atom_set(&s->id, in->id);
    atom_set(&s->since_ns, from);
    atom_set(&s->since_run, s->runs);
    atom_set(&s->fn, in->fn);
    metrics.waited_ns = in->waited_ns + waited;
    metrics.lock_ns = self->lock_ns - in->locked_ns;
    for (uint32_t i = self->slot->staged; i; i = task_at(self->arena, i)->next)
        metrics_posted(task_at(self->arena, i)->fn);
}

/* ---- without a task ---- */

void
metrics_idle_start(void)
{
    struct metrics_slot *s = metrics.slot;
    atom_set(&s->fn, 0);
    atom_set(&s->idle_since_ns, clock_ns());
}

void
metrics_idle_end(void)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t since = s->idle_since_ns;
    atom_set(&s->idle_ns, s->idle_ns + (clock_ns() - since));
    atom_set(&s->idle_since_ns, 0);
}
