/* step_ops_dict: scenarios of dict operations, of runs that follow a journal, of lock
 * sections and names. */
#include "step_ops.h"

#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "store/dict_tx.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/begin.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/section.h"
#include "task/task.h"

/* Keys that live in the shard of "k": found before anybody is stepped. */
enum { NEIGHBOURS = 50 };
static char neighbour[NEIGHBOURS][16];

void
scenarios_dict_open(void)
{
    uint64_t shard = ops_key("k").hash >> 58;
    for (int n = 0, i = 0; i < NEIGHBOURS; n++) {
        snprintf(neighbour[i], sizeof neighbour[i], "%d", n);
        i += ops_key(neighbour[i]).hash >> 58 == shard;
    }
}

/* ---- dict ---- */

static void
dict_start(struct self *self)
{
    ops_set(&self[0], "n", ops_number(5));
    ops_set(&self[0], "s", ops_string("old"));
    ops_set(&self[0], "z", ops_number(1));
}

static void
dict_one(struct self *self)
{
    dict_start(self);
    ops_publish(&self[1], ROOT, 1, 2, 4);
}

static void
dict_one_with_k(struct self *self)
{
    ops_set(&self[0], "k", ops_number(1));
    dict_one(self);
}

static void
dict_one_with_text(struct self *self)
{
    ops_set(&self[0], "k", ops_string("ab"));
    dict_one(self);
}

/* Of two tasks the first does it, the second only counts. */
static bool
is_second(struct self *self, const struct task *t)
{
    ops_incr(self, "n", 1);
    return ops_number_of(self, t) == 2;
}

static enum outcome
body_set(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    ops_set(self, "k", ops_string("new"));
    ops_set(self, "k", ops_number(7));
    ops_set(self, "k", ops_number(8));
    ops_set(self, "s", ops_string("a longer string than the old one was"));
    return OUTCOME_DONE;
}

static enum outcome
body_add(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    ops_add(self, ops_change(self, DICT_ADD, "k", ops_number(3)).changed ? 1 : 100);
    ops_add(self, ops_change(self, DICT_ADD, "s", ops_number(3)).changed ? 100 : 2);
    return OUTCOME_DONE;
}

static enum outcome
body_incr(struct self *self, const struct task *t)
{
    (void)t;
    ops_incr(self, "k", 1);
    ops_add(self, 1);
    ops_incr(self, "k", 1);
    return OUTCOME_DONE;
}

static enum outcome
body_append(struct self *self, const struct task *t)
{
    (void)t;
    (void)ops_change(self, DICT_APPEND, "k", ops_string("xy"));
    (void)ops_change(self, DICT_APPEND, "k", ops_string("xy"));
    return OUTCOME_DONE;
}

static enum outcome
body_cas(struct self *self, const struct task *t)
{
    struct dict *d = ops_dict(self);
    struct dict_value none = {0};
    if (is_second(self, t))
        return OUTCOME_DONE;
    struct dict_value one = ops_number(1);
    ops_add(self, ops_change_in(self, d, DICT_CAS, "k", ops_number(2), one).changed ? 1 : 100);
    ops_add(self, ops_change_in(self, d, DICT_CAS, "k", ops_number(3), one).changed ? 100 : 2);
    ops_add(self, ops_change_in(self, d, DICT_CAS, "q", ops_string("q"), none).changed ? 4 : 100);
    ops_add(self, ops_change_in(self, d, DICT_CAS, "z", none, ops_number(1)).changed ? 8 : 100);
    return OUTCOME_DONE;
}

static enum outcome
body_delete(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    ops_add(self, ops_change(self, DICT_DELETE, "k", (struct dict_value){0}).changed ? 1 : 100);
    ops_add(self, ops_change(self, DICT_DELETE, "k", (struct dict_value){0}).changed ? 100 : 2);
    (void)ops_change(self, DICT_DELETE, "s", (struct dict_value){0});
    ops_set(self, "k", ops_number(9));
    return OUTCOME_DONE;
}

/* k becomes k + 1, computed outside any lock. */
static enum outcome
body_update(struct self *self, const struct task *t)
{
    struct dict_result r = {0};
    (void)t;
    for (int i = 0; i < 2; i++) {
        do {
            double now = ops_get(self, "k");
            struct dict_op op = {.kind = DICT_CAS, .dict = ops_dict(self), .update = true};
            op.key = ops_key("k");
            op.value = ops_number(now + 1);
            op.old = ops_number(now);
            ops_ok(section_change(self, &op, &r), "section_change");
        } while (!r.changed && !ops_complaint[0]);
    }
    return OUTCOME_DONE;
}

static void
neighbours(struct self *self, int n)
{
    ops_set(&self[0], "k", ops_number(1));
    for (int i = 1; i < n; i++)
        ops_set(&self[0], neighbour[i], ops_number(1));
    ops_publish(&self[1], ROOT, 1, 2, 4);
}

static void
shard_12(struct self *self)
{
    neighbours(self, 12);
}

static void
shard_48(struct self *self)
{
    neighbours(self, 48);
}

static enum outcome
body_grow(struct self *self, const struct task *t)
{
    (void)t;
    ops_incr(self, neighbour[0], 1);
    ops_incr(self, "k", 1);
    return OUTCOME_DONE;
}

static enum outcome
body_fourteen(struct self *self, const struct task *t)
{
    (void)t;
    for (int i = 0; i < 14; i++)
        ops_incr(self, "k", 1);
    return OUTCOME_DONE;
}

static void
count_record(void *arg, const struct dict_entry *r)
{
    *(uint32_t *)arg += r->key_len;
}

static enum outcome
body_walk(struct self *self, const struct task *t)
{
    uint32_t bytes = 0;
    struct dict *d = ops_dict(self);
    (void)t;
    ops_ok(dict_tx_snapshot(self, d, (uint32_t)(ops_key("k").hash >> 58), count_record, &bytes),
           "dict_tx_snapshot");
    ops_incr(self, "k", 1);
    if (bytes < 2)
        ops_complain("a snapshot without its key");
    return OUTCOME_DONE;
}

/* ---- a run that a journal goes before ---- */

/* A task that a worker has already died of, half-way. */
static void
died_before(struct self *self)
{
    struct recovered r;
    dict_one_with_k(self);
    self[1].journaling = true;
    if (!queue_take(&self[1]))
        ops_complain("nothing to take");
    commit_begin(&self[1]);
    ops_post(&self[1], LEAF, 1);
    ops_incr(&self[1], "k", 1);
    ops_ok(commit_part(&self[1]), "commit_part");
    ops_post(&self[1], LEAF, 2);
    ops_incr(&self[1], "k", 1);
    ops_ok(recover(&self[1], &self[0], 200, false, &r), "recover");
    self[1].journaling = false;
}

static enum outcome
body_again(struct self *self, const struct task *t)
{
    (void)t;
    ops_post(self, LEAF, 1);
    ops_incr(self, "k", 1);
    ops_part(self);
    ops_post(self, LEAF, 2);
    ops_incr(self, "k", 1);
    ops_part(self);
    ops_post(self, LEAF, 4);
    ops_incr(self, "k", 1);
    return OUTCOME_DONE;
}

static void
look_for_it(struct self *self)
{
    if (queue_steal(self) || queue_look(self))
        ops_run(self, ops_now);
}

/* ---- lock sections ---- */

static enum outcome
section(struct self *self, const struct task *t)
{
    uint32_t *lock = ops_lock_word(self, "lock");
    ops_ok(section_lock(self, lock, -1), "section_lock");
    double k = ops_get(self, "k");
    ops_set(self, "k", ops_number(k + 1));
    ops_set(self, "s", ops_string("in a section"));
    ops_incr(self, "n", 1);
    ops_incr(self, "a", k);
    ops_set(self, "b", ops_number(k));
    (void)ops_change(self, DICT_APPEND, "c", ops_string("+"));
    (void)ops_change(self, DICT_DELETE, "z", (struct dict_value){0});
    ops_ok(section_unlock(self, lock, true), "section_unlock");
    ops_add(self, ops_number_of(self, t));
    return OUTCOME_DONE;
}

static enum outcome
small_section(struct self *self, const struct task *t)
{
    uint32_t *lock = ops_lock_word(self, "lock");
    (void)t;
    ops_ok(section_lock(self, lock, -1), "section_lock");
    ops_set(self, "k", ops_number(ops_get(self, "k") + 1));
    ops_ok(section_unlock(self, lock, true), "section_unlock");
    ops_incr(self, "n", 1);
    return OUTCOME_DONE;
}

static enum outcome
nested(struct self *self, const struct task *t)
{
    uint32_t *outer = ops_lock_word(self, "outer"), *inner = ops_lock_word(self, "inner");
    (void)t;
    ops_ok(section_lock(self, outer, -1), "section_lock");
    ops_incr(self, "k", 1); /* no read: it would be too old after a death in between */
    ops_ok(section_lock(self, inner, -1), "section_lock");
    ops_incr(self, "n", 1);
    ops_ok(section_unlock(self, inner, true), "section_unlock");
    ops_ok(section_lock(self, inner, -1), "section_lock");
    ops_set(self, "k", ops_number(1000));
    ops_set(self, "never", ops_number(1));
    ops_ok(section_unlock(self, inner, false), "section_unlock");
    ops_incr(self, "a", 1);
    ops_ok(section_unlock(self, outer, true), "section_unlock");
    return OUTCOME_DONE;
}

/* Forgets to unlock, or fails with the lock held. */
static enum outcome
held_at_end(struct self *self, const struct task *t)
{
    ops_ok(section_lock(self, ops_lock_word(self, "lock"), -1), "section_lock");
    ops_incr(self, "k", 1);
    ops_set(self, "s", ops_string("held"));
    return ops_number_of(self, t) == 2 && !t->errors ? OUTCOME_RETRY : OUTCOME_DONE;
}

/* begin() forgets to release the lock, and each task releases what it has not got. */
static void
held_by_begin(struct self *self)
{
    struct begin_left left;
    begin_open(self);
    ops_set(self, "n", ops_number(5));
    ops_set(self, "s", ops_string("old"));
    ops_ok(section_lock(self, ops_lock_word(self, "lock"), -1), "section_lock");
    ops_set(self, "k", ops_number(1));
    for (uint32_t i = 1; i <= 2; i++)
        ops_post(self, ROOT, i);
    begin_close(self, true, &left);
    ops_ok(left.err, "begin_close");
    ops_ok(queue_deal(self, STEP_WORKERS), "queue_deal");
}

static enum outcome
not_the_holder(struct self *self, const struct task *t)
{
    (void)lock_release(self, ops_lock_word(self, "lock"));
    return small_section(self, t);
}

/* ---- names ---- */

static enum outcome
create(struct self *self, const struct task *t)
{
    char text[8] = "e?";
    text[1] = (char)('0' + ops_number_of(self, t));
    uint32_t index = ops_name(self, NAMED_DICT, text);
    struct dict *d = arena_at(self->arena, name_at(self->arena, index)->object);
    (void)ops_change_in(self, d, DICT_INCR, text, ops_number(1), (struct dict_value){0});
    text[0] = 'a';
    (void)ops_name(self, NAMED_SUM, text);
    (void)ops_name(self, NAMED_COLLECT, text);
    uint32_t *lock = ops_lock_word(self, text);
    ops_ok(section_lock(self, lock, -1), "section_lock");
    ops_ok(section_unlock(self, lock, true), "section_unlock");
    return OUTCOME_DONE;
}

static void
two_roots(struct self *self)
{
    ops_publish(&self[1], ROOT, 1, 2, 4);
}

/* ---- all of them ---- */

/* clang-format off */
static const struct scenario all[] = {
    {.name = "dict-set", .plan = dict_one, .act = ops_run_one, .body = body_set,
     .answer = "k=8 n=7 s=#36 z=1", .seen = "||new|7|8|"},
    {.name = "dict-add", .plan = dict_one, .act = ops_run_one, .body = body_add,
     .answer = "sum=3 k=3 n=7 s=old z=1", .seen = "||3|"},
    {.name = "dict-incr", .plan = dict_one, .act = ops_run_one, .body = body_incr,
     .answer = "sum=2 k=4 n=5 s=old z=1", .seen = "||1|2|3|4|"},
    {.name = "dict-cell", .plan = dict_one_with_k, .act = ops_run_one, .body = body_incr,
     .answer = "sum=2 k=5 n=5 s=old z=1", .seen = "|1|2|3|4|5|"},
    {.name = "dict-append", .plan = dict_one_with_text, .act = ops_run_one, .body = body_append,
     .answer = "k=abxyxyxyxy n=5 s=old z=1", .seen = "|ab|abxy|abxyxy|abxyxyxy|abxyxyxyxy|"},
    {.name = "dict-cas", .plan = dict_one_with_k, .act = ops_run_one, .body = body_cas,
     .answer = "sum=15 k=2 n=7 q=q s=old", .seen = "|1|2|"},
    {.name = "dict-delete", .plan = dict_one_with_k, .act = ops_run_one, .body = body_delete,
     .answer = "sum=3 k=9 n=7 z=1", .seen = "|1||9|"},
    {.name = "dict-update", .plan = dict_one_with_k, .act = ops_run_one, .body = body_update,
     .answer = "k=5 n=5 s=old z=1", .seen = "|1|2|3|4|5|"},
    {.name = "dict-grow", .plan = shard_12, .act = ops_run_one, .body = body_grow,
     .seen = "|1|2|3|", .lost_lists = 1},
    {.name = "dict-grow-again", .plan = shard_48, .act = ops_run_one, .body = body_grow,
     .seen = "|1|2|3|", .lost_lists = 1},
    {.name = "dict-walk", .plan = dict_one_with_k, .act = ops_run_one, .body = body_walk,
     .answer = "k=3 n=5 s=old z=1"},
    {.name = "journal", .plan = dict_one_with_k, .act = ops_run_one, .body = body_fourteen,
     .answer = "k=29 n=5 s=old z=1"},
    {.name = "rerun", .plan = died_before, .act = look_for_it, .body = body_again,
     .answer = "sum=14 k=7 n=5 s=old z=1"},
    {.name = "section", .plan = dict_one_with_k, .act = ops_run_one, .body = section,
     .answer = "sum=3 a=3 b=2 c=++ k=3 n=7 s=in a section", .seen = "|1|2|3|"},
    {.name = "small-section", .plan = dict_one_with_k, .act = ops_run_two, .body = small_section,
     .answer = "k=3 n=7 s=old z=1", .seen = "|1|2|3|"},
    {.name = "nested-sections", .plan = dict_one_with_k, .act = ops_run_one, .body = nested,
     .answer = "a=2 k=3 n=7 s=old z=1", .seen = "|1|2|3|"},
    {.name = "held-at-end", .plan = dict_one_with_k, .act = ops_run_two, .body = held_at_end,
     .answer = "k=3 n=5 s=held z=1", .seen = "|1|2|3|"},
    {.name = "held-by-begin", .plan = held_by_begin, .act = ops_run_one, .body = not_the_holder,
     .answer = "k=3 n=7 s=old", .seen = "|1|2|3|"},
    {.name = "names", .plan = two_roots, .act = ops_run_one, .body = create,
     .answer = "e1=1 e2=1"},
};
/* clang-format on */
const struct scenario_set scenarios_dict = {all, sizeof all / sizeof *all};
