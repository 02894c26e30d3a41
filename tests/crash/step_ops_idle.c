/* step_ops_idle: scenarios of sleeping and waking, and of a task that runs alone. */
#include "step_ops.h"

#include "task/idle.h"
#include "task/queue.h"
#include "task/task.h"

/* ---- sleeping ---- */

static void
nothing(struct self *self)
{
    (void)self;
}

static void
wait_for_work(struct self *self)
{
    if (idle_wait(self))
        ops_run(self, ops_now);
}

/* Worker 2 runs the only task. */
static void
busy_other(struct self *self)
{
    ops_publish(&self[2], ROOT, 3, 1, 4);
    if (!queue_take(&self[2]))
        ops_complain("nothing to take");
}

static void
other_ends(struct self *self)
{
    ops_run(self, ops_now);
}

static void
root_and_sleeper(struct self *self)
{
    ops_root_and_leaf(self);
    ops_put_to_sleep(self);
}

/* ---- a task that runs alone ---- */

/* It is worker 1's; the leaves are worker 2's. */
static void
alone_and_leaves(struct self *self)
{
    ops_publish(&self[2], LEAF, 1, 4, 4);
    ops_open_posts(&self[1]);
    ops_post(&self[1], ROOT, 3);
    uint32_t index = self[1].staged_tail;
    ops_end_posts(&self[1]);
    idle_run_alone(self->arena, index);
}

static void
alone_and_sleeper(struct self *self)
{
    alone_and_leaves(self);
    ops_put_to_sleep(self);
}

/* The task that runs alone, and what comes after it. */
static void
take_three(struct self *self)
{
    for (int i = 0; i < 3; i++) {
        if (crew_take(self))
            ops_run(self, ops_now);
    }
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario all[] = {
    {.name = "all-done", .plan = nothing, .act = wait_for_work, .answer = ""},
    {.name = "sleep", .plan = busy_other, .act = wait_for_work, .body = ops_post_three,
     .rouse = other_ends, .answer = "sum=1006"},
    {.name = "wake", .plan = root_and_sleeper, .act = ops_run_one, .body = ops_post_three,
     .answer = "sum=1106", .sleeper = true},
    {.name = "alone", .plan = alone_and_leaves, .act = take_three, .body = ops_post_three,
     .answer = "sum=1016", .alone = true},
    {.name = "alone-lifo", .plan = alone_and_leaves, .act = take_three, .body = ops_post_three,
     .answer = "sum=1016", .alone = true, .lifo = true},
    {.name = "alone-over", .plan = alone_and_sleeper, .act = take_three, .body = ops_post_nothing,
     .answer = "sum=1010", .alone = true, .sleeper = true},
    {.name = "alone-oom", .plan = alone_and_leaves, .act = take_three, .body = ops_post_three,
     .answer = "sum=1016", .alone = true, .oom_killed = true},
};
/* clang-format on */
const struct scenario_set scenarios_idle = {all, sizeof all / sizeof *all};
