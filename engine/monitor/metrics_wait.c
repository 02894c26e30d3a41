/* The part of metrics that looks at tasks that wait while their worker runs others, and at a worker
 * without a task. */
#include "monitor/metrics.h"

#include "base/clock.h"
#include "memory/self.h"
#include "task/task.h"

/* What waits stands for itself alone, and is timed in any case: the samples are of the others. */
static void
leave_samples(void)
{
    if (!metrics.waited_ns)
        metrics.last_run++;
    if (!metrics.left)
        metrics.left = 1;
}

void
metrics_suspend(const struct self *self, struct metrics_saved *out)
{
    struct metrics_slot *s = metrics.slot;
    leave_samples();
    out->id = s->id;
    out->fn = s->fn;
    out->at_ns = clock_ns();
    out->waited_ns = metrics.waited_ns;
    out->wait_from_ns = metrics.wait_from_ns;
    out->wait_to_ns = metrics.wait_to_ns;
    out->locked_ns = self->lock_ns - metrics.lock_ns;
    metrics_waits_none();
    if (self->slot->staged)
        metrics_dropped(self->arena, self->me);
    atom_set(&s->fn, 0);
    atom_set(&s->waiting, s->waiting + 1);
}

void
metrics_resume(const struct self *self, uint64_t from, const struct metrics_saved *in)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t now = clock_ns(), waited = now - in->at_ns;
    uint64_t *of_fn = &s->fn_wait_ns[metrics_index(in->fn)];
    bool longest = waited > in->wait_to_ns - in->wait_from_ns;
    atom_set(&s->waiting, s->waiting - 1);
    atom_set(&s->wait_ns, s->wait_ns + waited);
    atom_set(of_fn, *of_fn + waited);
    atom_set(&s->id, in->id);
    atom_set(&s->since_ns, from);
    atom_set(&s->since_run, s->runs);
    atom_set(&s->fn, in->fn);
    metrics.waited_ns = in->waited_ns + waited;
    metrics.wait_from_ns = longest ? in->at_ns : in->wait_from_ns;
    metrics.wait_to_ns = longest ? now : in->wait_to_ns;
    metrics.lock_ns = self->lock_ns - in->locked_ns;
    for (uint32_t i = self->slot->staged; i; i = task_at(self->arena, i)->next)
        metrics_posted(task_at(self->arena, i)->fn);
}

void
metrics_give_back(void)
{
    struct metrics_slot *s = metrics.slot;
    atom_set(&s->waiting, s->waiting - 1);
}

void
metrics_blocked(uint32_t fn, uint64_t ns)
{
    struct metrics_slot *s = metrics.slot;
    atom_set(&s->blocks, s->blocks + 1);
    if (ns <= s->block_ns)
        return;
    atom_set(&s->block_fn, metrics_index(fn));
    atom_set(&s->block_ns, ns);
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
    uint64_t idle = clock_ns() - s->idle_since_ns;
    atom_set(&s->idle_ns, s->idle_ns + idle);
    if (s->waiting)
        atom_set(&s->idle_waits_ns, s->idle_waits_ns + idle);
    atom_set(&s->idle_since_ns, 0);
}
