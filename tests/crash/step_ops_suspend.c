/* step_ops_suspend: scenarios of tasks that wait while their worker runs others (suspend.h). */
#include "step_ops.h"

#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/suspend.h"
#include "task/task.h"

enum { MOST = 4 };

/* The task at hand waits while its worker runs another one. Who has no words, which are those that
 * go on after the death, has nothing to wait for. */
static void
pause_here(struct self *self)
{
    struct suspended s = {0};
    if (!self->slot->words)
        return;
    ops_ok(queue_reserve(self, 1), "queue_reserve");
    ops_ok(suspend_prepare(self, &s), "suspend_prepare");
    suspend_task(self, &s);
    if (queue_take(self) || queue_steal(self))
        ops_run(self, ops_now);
    ops_ok(suspend_resume(self, &s), "suspend_resume");
}

static void
open_words(struct self *self)
{
    ops_ok(suspend_open(self, MOST), "suspend_open");
}

/* The first task waits while its worker runs another one, and is given back, as by a job that
 * stops. */
static void
give_back_one(struct self *self)
{
    struct suspended s = {0};
    if (!queue_take(self) && !queue_steal(self))
        return;
    commit_begin(self);
    ops_post(self, LEAF, 100);
    ops_post_bytes(self, LEAF, 100, 60);
    ops_incr(self, "k", 1);
    ops_add(self, 1000);
    ops_ok(queue_reserve(self, 1), "queue_reserve");
    ops_ok(suspend_prepare(self, &s), "suspend_prepare");
    suspend_task(self, &s);
    if (queue_take(self) || queue_steal(self))
        ops_run(self, ops_now);
    suspend_give_back(self, &s);
}

static void
roots_and_leaves(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_open_posts(&self[1]);
    ops_post(&self[1], ROOT, 1);
    ops_post(&self[1], ROOT, 2);
    ops_post(&self[1], LEAF, 10);
    ops_end_posts(&self[1]);
}

static void
root_alone(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_publish(&self[1], ROOT, 1, 1, 4);
}

/* All kinds of what a transaction has, before the wait and after it. */
static enum outcome
before_and_after(struct self *self, const struct task *t)
{
    (void)t;
    ops_post(self, LEAF, 100);
    ops_post_bytes(self, LEAF, 100, 60);
    ops_incr(self, "k", 1);
    ops_add(self, 1000);
    ops_ok(accumulator_collect(self, COLLECT, ops_args(1, 21), 21), "accumulator_collect");
    pause_here(self);
    ops_incr(self, "k", 1);
    ops_add(self, 1000);
    ops_ok(accumulator_collect(self, COLLECT, ops_args(1, 8), 8), "accumulator_collect");
    ops_post(self, LEAF, 100);
    return OUTCOME_DONE;
}

static enum outcome
part_before(struct self *self, const struct task *t)
{
    (void)t;
    ops_post(self, LEAF, 1);
    ops_incr(self, "k", 1);
    ops_part(self);
    ops_post(self, LEAF, 2);
    pause_here(self);
    ops_post(self, LEAF, 4);
    ops_part(self);
    pause_here(self);
    ops_incr(self, "k", 1);
    ops_post(self, LEAF, 8);
    return OUTCOME_DONE;
}

static enum outcome
fail_after(struct self *self, const struct task *t)
{
    ops_post(self, LEAF, 100);
    ops_incr(self, "k", 1);
    pause_here(self);
    ops_add(self, 1000);
    return t->errors ? OUTCOME_DONE : OUTCOME_RETRY;
}

static enum outcome
wait_after(struct self *self, const struct task *t)
{
    return fail_after(self, t) == OUTCOME_DONE ? OUTCOME_DONE : OUTCOME_WAIT;
}

static enum outcome
once_around(struct self *self, const struct task *t)
{
    (void)t;
    ops_post_once(self, 1, 1);
    ops_post(self, LEAF, 10);
    ops_post_once(self, 1, 1);
    pause_here(self);
    ops_post_once(self, 2, 100);
    ops_part(self);
    ops_post_once(self, 1, 1);
    pause_here(self);
    ops_post(self, LEAF, 1000);
    return OUTCOME_DONE;
}

static void
keyed_and_roots(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_open_posts(&self[1]);
    ops_post_once(&self[1], 1, 1);
    ops_post(&self[1], ROOT, 1);
    ops_post(&self[1], LEAF, 10000);
    ops_end_posts(&self[1]);
}

static unsigned
number_behind(const char *answer, const char *what)
{
    const char *at = strstr(answer, what);
    return at ? (unsigned)atoi(at + strlen(what)) : 0;
}

/* Of two roots and two kinds of leaves one task is ended, quarantined or by its time: that which
 * ran, or waited alone. A root leaves what a part had published: stepping is slow, so its posts
 * are old. */
static bool
one_ends(const char *answer, const char *how)
{
    unsigned ended = number_behind(answer, how), sum = number_behind(answer, "sum=");
    if (!ended)
        return sum == 4610;
    bool leaf = sum == 4600 || sum == 4510;
    return ended == 1 && (leaf || (sum >= 2310 && sum <= 2610 && sum % 100 == 10));
}

static bool
blamed_fits(const char *answer)
{
    return one_ends(answer, "quarantined=");
}

static bool
overdue_fits(const char *answer)
{
    return one_ends(answer, "failed=");
}

/* clang-format off */
static const struct scenario all[] = {
    {.name = "suspend", .plan = roots_and_leaves, .past = open_words, .act = ops_run_one,
     .body = before_and_after, .answer = "sum=4610 collect=4/62 k=4"},
    {.name = "suspend-open", .plan = roots_and_leaves, .act = open_words,
     .body = before_and_after, .answer = "sum=4610 collect=4/62 k=4"},
    {.name = "suspend-lifo", .plan = roots_and_leaves, .past = open_words, .act = ops_run_two,
     .body = before_and_after, .answer = "sum=4610 collect=4/62 k=4", .lifo = true},
    {.name = "suspend-only", .plan = root_alone, .past = open_words, .act = ops_run_one,
     .body = before_and_after, .answer = "sum=2300 collect=2/31 k=2"},
    {.name = "suspend-part", .plan = roots_and_leaves, .past = open_words, .act = ops_run_one,
     .body = part_before, .answer = "sum=40 k=4"},
    {.name = "suspend-retry", .plan = roots_and_leaves, .past = open_words, .act = ops_run_two,
     .body = fail_after, .answer = "sum=2210 k=4"},
    {.name = "suspend-wait", .plan = roots_and_leaves, .past = open_words, .act = ops_run_two,
     .body = wait_after, .answer = "sum=2210 k=4"},
    {.name = "suspend-once", .plan = keyed_and_roots, .past = open_words, .act = ops_run_two,
     .body = once_around, .answer = "sum=11111"},
    {.name = "suspend-back", .plan = roots_and_leaves, .past = open_words, .act = give_back_one,
     .body = before_and_after, .answer = "sum=4610 collect=4/62 k=4"},
    {.name = "suspend-blamed", .plan = roots_and_leaves, .past = open_words, .act = ops_run_one,
     .body = before_and_after, .fits = blamed_fits, .max_crashes = 1},
    {.name = "suspend-oom", .plan = roots_and_leaves, .past = open_words, .act = ops_run_one,
     .body = before_and_after, .answer = "sum=4610 collect=4/62 k=4", .oom_killed = true},
    {.name = "suspend-overdue", .plan = roots_and_leaves, .past = open_words, .act = ops_run_one,
     .body = before_and_after, .fits = overdue_fits, .overdue = OUTCOME_FAILED},
};
/* clang-format on */
const struct scenario_set scenarios_suspend = {all, sizeof all / sizeof *all};
