/* step_ops_task: scenarios of claiming and stealing tasks, posts, parts of runs, outcomes
 * and accumulators. */
#include "step_ops.h"

#include <stdlib.h>
#include <string.h>

#include "memory/block.h"
#include "store/accumulator.h"
#include "task/commit.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"

/* ---- claim, steal ---- */

static void
look_and_run(struct self *self)
{
    if (queue_look(self))
        ops_run(self, ops_now);
}

static void
three_leaves(struct self *self)
{
    ops_publish(&self[1], LEAF, 1, 3, 4);
}

static void
begin_leaves(struct self *self)
{
    ops_publish(&self[0], LEAF, 1, 6, 4);
    ops_ok(queue_deal(&self[0], STEP_WORKERS), "queue_deal");
}

static void
victim_leaves(struct self *self)
{
    ops_publish(&self[2], LEAF, 1, 8, 4);
}

static void
super_leaves(struct self *self)
{
    ops_publish(&self[0], LEAF, 1, 3, 4);
}

/* ---- posts ---- */

static enum outcome
post_tree(struct self *self, const struct task *t)
{
    uint32_t n = ops_number_of(self, t);
    if (n > 1) {
        ops_post(self, ROOT, n - 1);
        ops_post(self, ROOT, n - 1);
    }
    ops_add(self, n);
    return OUTCOME_DONE;
}

static enum outcome
post_blocks(struct self *self, const struct task *t)
{
    uint32_t n = ops_number_of(self, t);
    for (uint32_t i = 1; i <= n; i++)
        ops_post_bytes(self, LEAF, i, 20 + 40 * i);
    ops_add(self, 1000);
    return OUTCOME_DONE;
}

static enum outcome
post_large(struct self *self, const struct task *t)
{
    ops_post_bytes(self, LEAF, ops_number_of(self, t), 33000);
    return OUTCOME_DONE;
}

/* Tasks with blocks of worker 2's slab: whoever ends one frees what is not its own,
 * and worker 2 takes it again at once. */
static void
foreign_blocks(struct self *self)
{
    ops_open_posts(&self[2]);
    for (uint32_t i = 1; i <= 3; i++)
        ops_post_bytes(&self[2], OTHER, i, 100);
    ops_end_posts(&self[2]);
}

static enum outcome
post_same_size(struct self *self, const struct task *t)
{
    ops_add(self, 1000);
    if (t->fn == OTHER)
        ops_post_bytes(self, ROOT, ops_number_of(self, t), 100);
    else
        ops_post_bytes(self, LEAF, ops_number_of(self, t), 100);
    return OUTCOME_DONE;
}

/* Ring and descriptors of worker 1 are nearly used up. */
static void
nearly_full(struct self *self)
{
    ops_open_posts(&self[1]);
    ops_post(&self[1], ROOT, 10);
    for (uint32_t i = 0; i < 249; i++)
        ops_post(&self[1], LEAF, 1);
    ops_end_posts(&self[1]);
}

/* ---- parts ---- */

/* Each number once, whoever dies: keys that are known, that are on their way, and between them
 * a part. Worker 2 may run children of a part while this one goes on. */
static enum outcome
post_once_parts(struct self *self, const struct task *t)
{
    (void)t;
    ops_post_once(self, 1, 1);
    ops_post_once(self, 2, 10);
    ops_part(self);
    ops_post_once(self, 1, 1);
    ops_post(self, LEAF, 100);
    ops_part(self);
    ops_post_once(self, 3, 1000);
    ops_post_once(self, 3, 1000);
    return OUTCOME_DONE;
}

/* The key 1 is known, and so is the number that belongs to it: 1. */
static void
keyed_and_root(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_open_posts(&self[1]);
    ops_post_once(&self[1], 1, 1);
    ops_post(&self[1], ROOT, 3);
    ops_end_posts(&self[1]);
}

/* Two of one key, ready at the same time. */
static void
twins(struct self *self)
{
    ops_open_posts(&self[1]);
    ops_post_once(&self[1], 7, 5);
    ops_post_once(&self[1], 7, 5);
    ops_end_posts(&self[1]);
}

static enum outcome
post_parts(struct self *self, const struct task *t)
{
    (void)t;
    ops_post(self, LEAF, 1);
    ops_incr(self, "k", 1);
    ops_post_bytes(self, LEAF, 2, 60);
    ops_part(self);
    ops_post(self, LEAF, 4);
    ops_part(self);
    ops_add(self, 1000);
    ops_incr(self, "k", 1);
    ops_post(self, LEAF, 8);
    return OUTCOME_DONE;
}

static void
one_root(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_publish(&self[1], ROOT, 3, 1, 4);
}

static enum outcome
post_seventy(struct self *self, const struct task *t)
{
    (void)t;
    for (uint32_t i = 1; i <= 70; i++)
        ops_post(self, LEAF, 1);
    return OUTCOME_DONE;
}

static void
seventy_and_sleeper(struct self *self)
{
    ops_publish(&self[1], ROOT, 3, 1, 4);
    ops_put_to_sleep(self);
}

/* From where its last commit says, to 3; then one more post. */
static enum outcome
points(struct self *self, const struct task *t, bool fail_once)
{
    const struct task_record *r = task_record_of(self->arena, t);
    uint32_t from = 0;
    if (r && r->cursor) {
        struct task_cursor *c = (struct task_cursor *)block_at(self->arena, r->cursor)->bytes;
        memcpy(&from, c->text, sizeof from);
    }
    while (from < 3) {
        ops_post_bytes(self, LEAF, 1u << from, 40);
        ops_incr(self, "k", 1);
        ops_add(self, 100);
        if (fail_once && from == 1 && !t->errors)
            return OUTCOME_RETRY;
        from++;
        uint32_t n = self->staged_count;
        ops_ok(commit_checkpoint(self, &from, sizeof from), "commit_checkpoint");
        ops_wake(self, n);
    }
    ops_incr(self, "k", 1);
    ops_post(self, LEAF, 8);
    return OUTCOME_DONE;
}

static enum outcome
post_points(struct self *self, const struct task *t)
{
    return points(self, t, false);
}

static enum outcome
fail_at_point(struct self *self, const struct task *t)
{
    return points(self, t, true);
}

/* ---- outcomes ---- */

static enum outcome
fail(struct self *self, const struct task *t)
{
    (void)t;
    ops_incr(self, "k", 1);
    ops_post_bytes(self, LEAF, 1, 50);
    ops_add(self, 1);
    ops_post(self, LEAF, 1);
    return OUTCOME_FAILED;
}

static enum outcome
fail_first(struct self *self, const struct task *t, enum outcome how)
{
    ops_incr(self, "k", 1);
    ops_post_bytes(self, LEAF, 1, 50);
    ops_add(self, 100);
    accumulator_add(self, ACCUMULATOR_MAX, ACCUMULATOR_MAX, t->errors);
    ops_incr(self, "k", 1);
    return t->errors ? OUTCOME_DONE : how;
}

static enum outcome
retry(struct self *self, const struct task *t)
{
    return fail_first(self, t, OUTCOME_RETRY);
}

static enum outcome
wait(struct self *self, const struct task *t)
{
    return fail_first(self, t, OUTCOME_WAIT);
}

/* What it has published stays, if its time is over then; all else is done again, or never. */
static enum outcome
publish_and_add(struct self *self, const struct task *t)
{
    ops_number_of(self, t);
    ops_post(self, LEAF, 1);
    ops_part(self);
    ops_post_bytes(self, LEAF, 10, 30);
    ops_incr(self, "n", 1);
    ops_ok(accumulator_collect(self, COLLECT, ops_args(1, 8), 8), "accumulator_collect");
    ops_add(self, 100);
    return OUTCOME_DONE;
}

/* It waits with a record that it has had before. */
static enum outcome
publish_and_wait(struct self *self, const struct task *t)
{
    (void)publish_and_add(self, t);
    return t->errors ? OUTCOME_DONE : OUTCOME_WAIT;
}

static enum outcome
poison(struct self *self, const struct task *t)
{
    ops_number_of(self, t);
    ops_post_bytes(self, LEAF, 100, 30);
    ops_add(self, 1);
    ops_incr(self, "k", 1);
    return OUTCOME_DONE;
}

static void
three_poisons(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_publish(&self[1], ROOT, 1, 3, 30);
}

/* Failed: with or without what a part has posted. */
static bool
overdue_fits(const char *answer)
{
    unsigned failed = 0, sum = 0;
    const char *at;
    if ((at = strstr(answer, "sum=")))
        sum = (unsigned)atoi(at + 4);
    if ((at = strstr(answer, "failed=")))
        failed = (unsigned)atoi(at + 7);
    return failed <= 1 && (sum == 111 * (3 - failed) || sum == 111 * (3 - failed) + failed);
}

/* Tried again: each part of it once, but for the dict, which nobody rolls back. */
static bool
overdue_again_fits(const char *answer)
{
    return strstr(answer, "sum=333 ") && strstr(answer, "collect=3/27") && !strstr(answer, "failed");
}

/* Done: 1 and a leaf's 100. Quarantined: counted, its dict operation done or not. */
static bool
poison_fits(const char *answer)
{
    double sum = 0, k = 0;
    unsigned quarantined = 0;
    const char *at;
    if ((at = strstr(answer, "sum=")))
        sum = atof(at + 4);
    if ((at = strstr(answer, "quarantined=")))
        quarantined = (unsigned)atoi(at + strlen("quarantined="));
    if ((at = strstr(answer, "k=")))
        k = atof(at + 2);
    return quarantined <= 1 && sum == 101 * (3 - quarantined) && k >= 3 - quarantined && k <= 3;
}

/* ---- accumulators ---- */

static enum outcome
accumulate(struct self *self, const struct task *t)
{
    uint32_t n = ops_number_of(self, t);
    ops_add(self, n);
    ops_add(self, 10);
    accumulator_add(self, ACCUMULATOR_MAX, ACCUMULATOR_MAX, n);
    accumulator_add(self, ACCUMULATOR_MIN, ACCUMULATOR_MIN, n);
    ops_ok(accumulator_collect(self, COLLECT, ops_args(n, 21), 21), "accumulator_collect");
    ops_ok(accumulator_collect(self, COLLECT, ops_args(n, 8), 8), "accumulator_collect");
    return OUTCOME_DONE;
}

static void
three_roots(struct self *self)
{
    (void)ops_dict(&self[0]);
    ops_publish(&self[1], ROOT, 1, 3, 4);
}

static enum outcome
collect_much(struct self *self, const struct task *t)
{
    ops_ok(accumulator_collect(self, COLLECT, ops_args(ops_number_of(self, t), 6000), 6000),
           "accumulator_collect");
    if (ops_number_of(self, t) == 3 && !t->errors)
        return OUTCOME_RETRY;
    return OUTCOME_DONE;
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario all[] = {
    {.name = "claim", .plan = three_leaves, .act = ops_run_one, .answer = "sum=6"},
    {.name = "claim-lifo", .plan = three_leaves, .act = ops_run_two, .answer = "sum=6",
     .lifo = true},
    {.name = "dealt", .plan = begin_leaves, .act = ops_run_two, .answer = "sum=21"},
    {.name = "steal", .plan = victim_leaves, .act = ops_run_two, .answer = "sum=36"},
    {.name = "steal-lifo", .plan = victim_leaves, .act = ops_run_two, .answer = "sum=36",
     .lifo = true},
    {.name = "look", .plan = super_leaves, .act = look_and_run, .answer = "sum=6"},
    {.name = "post", .plan = ops_root_and_leaf, .act = ops_run_two, .body = ops_post_three,
     .answer = "sum=1106"},
    {.name = "post-lifo", .plan = ops_root_and_leaf, .act = ops_run_two, .body = ops_post_three,
     .answer = "sum=1106", .lifo = true},
    {.name = "tree", .plan = one_root, .act = ops_run_two, .past = ops_run_one, .body = post_tree,
     .answer = "sum=11"},
    {.name = "blocks", .plan = ops_root_and_leaf, .act = ops_run_one, .body = post_blocks,
     .answer = "sum=1106"},
    {.name = "foreign-blocks", .plan = foreign_blocks, .act = ops_run_one, .body = post_same_size,
     .answer = "sum=6006"},
    {.name = "grow", .plan = nearly_full, .act = ops_run_one, .body = ops_post_three,
     .answer = "sum=1304"},
    {.name = "spill", .plan = one_root, .act = ops_run_one, .body = post_blocks,
     .answer = "sum=1006", .spill = true},
    {.name = "part", .plan = one_root, .act = ops_run_one, .body = post_parts,
     .answer = "sum=1015 k=2", .seen = "||1|2|"},
    {.name = "once", .plan = keyed_and_root, .past = ops_run_one, .act = ops_run_one,
     .body = post_once_parts, .answer = "sum=1111"},
    {.name = "once-claimed", .plan = twins, .act = ops_run_two, .answer = "sum=5"},
    {.name = "point", .plan = one_root, .act = ops_run_one, .body = post_points,
     .answer = "sum=315 k=4", .seen = "||1|2|3|4|"},
    {.name = "point-retry", .plan = one_root, .act = ops_run_two, .body = fail_at_point,
     .answer = "sum=315 k=5", .seen = "||1|2|3|4|5|"},
    {.name = "part-auto", .plan = seventy_and_sleeper, .act = ops_run_one, .body = post_seventy,
     .answer = "sum=70", .sleeper = true},
    {.name = "failed", .plan = three_roots, .act = ops_run_one, .body = fail,
     .answer = "failed=3 k=3", .seen = "||1|2|3|"},
    {.name = "retry", .plan = three_roots, .act = ops_run_one, .body = retry,
     .answer = "sum=303 max=1 k=12"},
    {.name = "wait", .plan = three_roots, .act = ops_run_one, .body = wait,
     .answer = "sum=303 max=1 k=12"},
    {.name = "wait-again", .plan = three_roots, .act = ops_run_one, .past = ops_run_one,
     .body = wait, .answer = "sum=303 max=1 k=12"},
    {.name = "quarantine", .plan = three_poisons, .act = ops_run_one, .body = poison,
     .fits = poison_fits, .max_crashes = 1},
    {.name = "overdue", .plan = three_poisons, .act = ops_run_one, .body = publish_and_add,
     .fits = overdue_fits, .overdue = OUTCOME_FAILED},
    {.name = "overdue-retry", .plan = three_poisons, .act = ops_run_one, .body = publish_and_add,
     .fits = overdue_again_fits, .overdue = OUTCOME_RETRY},
    {.name = "overdue-wait", .plan = three_poisons, .act = ops_run_one, .body = publish_and_add,
     .fits = overdue_again_fits, .overdue = OUTCOME_WAIT},
    {.name = "wait-oom", .plan = three_poisons, .past = ops_run_one, .act = ops_run_one,
     .body = publish_and_wait, .answer = "sum=333 collect=3/27 n=6", .alone = true,
     .oom_killed = true},
    {.name = "accumulate", .plan = three_roots, .act = ops_run_two, .body = accumulate,
     .answer = "sum=36 max=3 min=1 collect=6/99"},
    {.name = "collect-chunk", .plan = three_roots, .past = ops_run_two, .act = ops_run_two,
     .body = collect_much, .answer = "collect=3/18006"},
    {.name = "large", .plan = ops_root_and_leaf, .act = ops_run_one, .body = post_large,
     .answer = "sum=103"},
};
/* clang-format on */
const struct scenario_set scenarios_task = {all, sizeof all / sizeof *all};
