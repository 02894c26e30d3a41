#include "store/accumulator.h"
#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/block.h"
#include "codec/codec.h"
#include "task/record.h"
#include "task/commit.h"
#include "store/dict_tx.h"
#include "base/hash.h"
#include "task/idle.h"
#include "store/names.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"
#include "task/section.h"

/* Accumulators are numbered by their kind; collect() comes behind. */
enum { COLLECT = 4 };
/* Functions: what they mean is the scenario's, but for this one: adds its number. */
enum { LEAF = 1,
       ROOT = 2,
       OTHER = 3 };

const struct scenario *ops_now;
char ops_complaint[STEP_TEXT];

void
ops_complain(const char *text)
{
    if (!ops_complaint[0])
        snprintf(ops_complaint, sizeof ops_complaint, "%s", text);
}

/* ---- short ways to say things ---- */

static void
ok(int err, const char *what)
{
    char text[128];
    snprintf(text, sizeof text, "%s: error %d", what, -err);
    if (err)
        ops_complain(text);
}

/* Arguments: a number, then bytes that count up from it. */
enum { ARGS_MAX = 40 << 10 };
static unsigned char counting[ARGS_MAX + 256];

static const void *
args_of(uint32_t number, size_t bytes)
{
    static unsigned char args[ARGS_MAX];
    memcpy(args, &number, sizeof number);
    memcpy(args + sizeof number, counting + number % 256, bytes - sizeof number);
    return args;
}

static uint32_t
number_of(struct self *self, const struct task *t)
{
    uint32_t number;
    const unsigned char *args = task_args(self->arena, t);
    memcpy(&number, args, sizeof number);
    if (memcmp(args + sizeof number, counting + number % 256, t->bytes - sizeof number) != 0)
        ops_complain("the arguments of a task are damaged");
    return number;
}

static void
post_bytes(struct self *self, uint32_t fn, uint32_t number, size_t bytes)
{
    ok(post(self, fn, args_of(number, bytes), bytes), "post");
}

static void
post_one(struct self *self, uint32_t fn, uint32_t number)
{
    post_bytes(self, fn, number, sizeof number);
}

/* As begin() does, in any slot's name: what is posted in between is public then. */
static void
open_posts(struct self *self)
{
    self->slot->cur = 0;
    commit_begin(self);
}

static void
end_posts(struct self *self)
{
    (void)commit_end(self, OUTCOME_DONE);
}

static void
publish(struct self *self, uint32_t fn, uint32_t from, uint32_t n, size_t bytes)
{
    open_posts(self);
    for (uint32_t i = 0; i < n; i++)
        post_bytes(self, fn, from + i, bytes);
    end_posts(self);
}

static uint32_t
name_of(struct self *self, enum name_kind kind, const char *text)
{
    uint32_t index = 0;
    ok(names_get(self, kind, text, strlen(text), &index), "names_get");
    return index;
}

struct dict *
ops_dict(struct self *self)
{
    return arena_at(self->arena, name_at(self->arena, name_of(self, NAMED_DICT, "d"))->object);
}

static uint32_t *
lock_word(struct self *self, const char *text)
{
    return &name_at(self->arena, name_of(self, NAMED_LOCK, text))->lock;
}

/* Encoded strings live until 16 further calls. */
static const unsigned char *
encode(const char *text, size_t *bytes, size_t *head)
{
    static unsigned char strings[16][256];
    static unsigned n;
    unsigned char *to = strings[n++ % 16];
    size_t len = strlen(text);
    *head = codec_put_string_head(to, len);
    memcpy(to + *head, text, len);
    *bytes = *head + len;
    return to;
}

static struct dict_key
key_of(const char *text)
{
    struct dict_key k;
    size_t head;
    k.bytes = encode(text, &k.len, &head);
    k.hash = hash_bytes(k.bytes, k.len);
    return k;
}

/* Keys that live in the shard of "k": found before anybody is stepped. */
enum { NEIGHBOURS = 50 };
static char neighbour[NEIGHBOURS][16];

static void
find_neighbours(void)
{
    uint64_t shard = key_of("k").hash >> 58;
    for (int n = 0, i = 0; i < NEIGHBOURS; n++) {
        snprintf(neighbour[i], sizeof neighbour[i], "%d", n);
        i += key_of(neighbour[i]).hash >> 58 == shard;
    }
}

void
ops_open(void)
{
    for (size_t i = 0; i < sizeof counting; i++)
        counting[i] = (unsigned char)(i + 1);
    find_neighbours();
}

static struct dict_value
number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

static struct dict_value
string(const char *text)
{
    struct dict_value v = {.present = true};
    size_t head;
    v.bytes = encode(text, &v.len, &head);
    return v;
}

static struct dict_result
change_in(struct self *self, struct dict *d, enum dict_op_kind kind, const char *key,
          struct dict_value v, struct dict_value old)
{
    struct dict_op op = {.kind = kind, .dict = d, .key = key_of(key), .value = v, .old = old};
    struct dict_result r = {0};
    size_t body;
    if (kind == DICT_APPEND)
        op.head = codec_get_string_head(v.bytes, v.len, &body);
    ok(section_change(self, &op, &r), "section_change");
    return r;
}

static struct dict_result
change(struct self *self, enum dict_op_kind kind, const char *key, struct dict_value v)
{
    return change_in(self, ops_dict(self), kind, key, v, (struct dict_value){0});
}

static void
set(struct self *self, const char *key, struct dict_value v)
{
    (void)change(self, DICT_SET, key, v);
}

static double
incr(struct self *self, const char *key, double by)
{
    return change(self, DICT_INCR, key, number(by)).number;
}

static double
get(struct self *self, const char *key)
{
    struct dict_key k = key_of(key);
    struct dict_value v;
    ok(section_get(self, ops_dict(self), &k, &v), "section_get");
    return v.present && v.is_number ? v.number : 0;
}

static void
add(struct self *self, double v)
{
    accumulator_add(self, ACCUMULATOR_SUM, ACCUMULATOR_SUM, v);
}

/* ---- a worker's life ---- */

static void
wake(struct self *self, uint32_t n)
{
    idle_wake(self, n);
}

void
ops_run(struct self *self, const struct scenario *s)
{
    uint32_t *words[16];
    int err = 0;
    const struct task *t = task_at(self->arena, self->slot->cur);
    commit_begin(self);
    enum outcome o = OUTCOME_DONE;
    if (t->fn == LEAF)
        add(self, number_of(self, t));
    else
        o = s->body(self, t);
    if (self->skip)
        ops_complain("the second run posted fewer tasks than the first one had published");
    if (journal_take_warning(self))
        ops_complain("the second run differs from the journal of the first one");
    if (section_any_held(self)) {
        (void)section_end(self, o == OUTCOME_DONE, words, 16, &err);
        ok(o == OUTCOME_DONE ? err : 0, "section_end");
    }
    if (o == OUTCOME_WAIT)
        commit_wait(self, 1);
    else
        wake(self, commit_end(self, o));
}

static void
run_tasks(struct self *self, int n)
{
    while (n-- > 0 && (queue_take(self) || queue_steal(self)))
        ops_run(self, ops_now);
}

static void
run_one(struct self *self)
{
    run_tasks(self, 1);
}

static void
run_two(struct self *self)
{
    run_tasks(self, 2);
}

static void
look_and_run(struct self *self)
{
    if (queue_look(self))
        ops_run(self, ops_now);
}

/* ---- claim, steal ---- */

static void
three_leaves(struct self *self)
{
    publish(&self[1], LEAF, 1, 3, 4);
}

static void
begin_leaves(struct self *self)
{
    publish(&self[0], LEAF, 1, 6, 4);
    ok(queue_deal(&self[0], STEP_WORKERS), "queue_deal");
}

static void
victim_leaves(struct self *self)
{
    publish(&self[2], LEAF, 1, 8, 4);
}

static void
super_leaves(struct self *self)
{
    publish(&self[0], LEAF, 1, 3, 4);
}

/* ---- posts ---- */

static void
root_and_leaf(struct self *self)
{
    open_posts(&self[1]);
    post_one(&self[1], ROOT, 3);
    post_one(&self[1], LEAF, 100);
    end_posts(&self[1]);
}

static enum outcome
post_three(struct self *self, const struct task *t)
{
    uint32_t n = number_of(self, t);
    for (uint32_t i = 1; i <= n; i++)
        post_one(self, LEAF, i);
    add(self, 1000);
    return OUTCOME_DONE;
}

static enum outcome
post_nothing(struct self *self, const struct task *t)
{
    (void)t;
    add(self, 1000);
    return OUTCOME_DONE;
}

static enum outcome
post_tree(struct self *self, const struct task *t)
{
    uint32_t n = number_of(self, t);
    if (n > 1) {
        post_one(self, ROOT, n - 1);
        post_one(self, ROOT, n - 1);
    }
    add(self, n);
    return OUTCOME_DONE;
}

static enum outcome
post_blocks(struct self *self, const struct task *t)
{
    uint32_t n = number_of(self, t);
    for (uint32_t i = 1; i <= n; i++)
        post_bytes(self, LEAF, i, 20 + 40 * i);
    add(self, 1000);
    return OUTCOME_DONE;
}

static enum outcome
post_large(struct self *self, const struct task *t)
{
    post_bytes(self, LEAF, number_of(self, t), 33000);
    return OUTCOME_DONE;
}

/* Tasks with blocks of worker 2's slab: whoever ends one frees what is not its own,
 * and worker 2 takes it again at once. */
static void
foreign_blocks(struct self *self)
{
    open_posts(&self[2]);
    for (uint32_t i = 1; i <= 3; i++)
        post_bytes(&self[2], OTHER, i, 100);
    end_posts(&self[2]);
}

static enum outcome
post_same_size(struct self *self, const struct task *t)
{
    add(self, 1000);
    if (t->fn == OTHER)
        post_bytes(self, ROOT, number_of(self, t), 100);
    else
        post_bytes(self, LEAF, number_of(self, t), 100);
    return OUTCOME_DONE;
}

/* Ring and descriptors of worker 1 are nearly used up. */
static void
nearly_full(struct self *self)
{
    open_posts(&self[1]);
    post_one(&self[1], ROOT, 10);
    for (uint32_t i = 0; i < 249; i++)
        post_one(&self[1], LEAF, 1);
    end_posts(&self[1]);
}

/* ---- parts ---- */

static void
part(struct self *self)
{
    uint32_t n = self->staged_count;
    if (!n)
        return;
    ok(commit_part(self), "commit_part");
    wake(self, n);
}

static enum outcome
post_parts(struct self *self, const struct task *t)
{
    (void)t;
    post_one(self, LEAF, 1);
    incr(self, "k", 1);
    post_bytes(self, LEAF, 2, 60);
    part(self);
    post_one(self, LEAF, 4);
    part(self);
    add(self, 1000);
    incr(self, "k", 1);
    post_one(self, LEAF, 8);
    return OUTCOME_DONE;
}

static void
one_root(struct self *self)
{
    (void)ops_dict(&self[0]);
    publish(&self[1], ROOT, 3, 1, 4);
}

static enum outcome
post_seventy(struct self *self, const struct task *t)
{
    (void)t;
    for (uint32_t i = 1; i <= 70; i++)
        post_one(self, LEAF, 1);
    return OUTCOME_DONE;
}

static void
seventy_and_sleeper(struct self *self)
{
    publish(&self[1], ROOT, 3, 1, 4);
    slot_at(self->arena, 2)->park = 1;
    self->arena->header->idle_bits[0] = 1 << 2;
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
        post_bytes(self, LEAF, 1u << from, 40);
        incr(self, "k", 1);
        add(self, 100);
        if (fail_once && from == 1 && !t->errors)
            return OUTCOME_RETRY;
        from++;
        uint32_t n = self->staged_count;
        ok(commit_checkpoint(self, &from, sizeof from), "commit_checkpoint");
        wake(self, n);
    }
    incr(self, "k", 1);
    post_one(self, LEAF, 8);
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
    incr(self, "k", 1);
    post_bytes(self, LEAF, 1, 50);
    add(self, 1);
    post_one(self, LEAF, 1);
    return OUTCOME_FAILED;
}

static enum outcome
fail_first(struct self *self, const struct task *t, enum outcome how)
{
    incr(self, "k", 1);
    post_bytes(self, LEAF, 1, 50);
    add(self, 100);
    accumulator_add(self, ACCUMULATOR_MAX, ACCUMULATOR_MAX, t->errors);
    incr(self, "k", 1);
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

static enum outcome
poison(struct self *self, const struct task *t)
{
    number_of(self, t);
    post_bytes(self, LEAF, 100, 30);
    add(self, 1);
    incr(self, "k", 1);
    return OUTCOME_DONE;
}

static void
three_poisons(struct self *self)
{
    (void)ops_dict(&self[0]);
    publish(&self[1], ROOT, 1, 3, 30);
}

/* Done: 1 and a leaf's 100. Set aside: counted, its dict operation done or not. */
static bool
poison_fits(const char *answer)
{
    double sum = 0, k = 0;
    unsigned dead = 0;
    const char *at;
    if ((at = strstr(answer, "sum=")))
        sum = atof(at + 4);
    if ((at = strstr(answer, "dead=")))
        dead = (unsigned)atoi(at + 5);
    if ((at = strstr(answer, "k=")))
        k = atof(at + 2);
    return dead <= 1 && sum == 101 * (3 - dead) && k >= 3 - dead && k <= 3;
}

/* ---- accumulators ---- */

static enum outcome
accumulate(struct self *self, const struct task *t)
{
    uint32_t n = number_of(self, t);
    add(self, n);
    add(self, 10);
    accumulator_add(self, ACCUMULATOR_MAX, ACCUMULATOR_MAX, n);
    accumulator_add(self, ACCUMULATOR_MIN, ACCUMULATOR_MIN, n);
    ok(accumulator_collect(self, COLLECT, args_of(n, 21), 21), "accumulator_collect");
    ok(accumulator_collect(self, COLLECT, args_of(n, 8), 8), "accumulator_collect");
    return OUTCOME_DONE;
}

static void
three_roots(struct self *self)
{
    (void)ops_dict(&self[0]);
    publish(&self[1], ROOT, 1, 3, 4);
}

static enum outcome
collect_much(struct self *self, const struct task *t)
{
    ok(accumulator_collect(self, COLLECT, args_of(number_of(self, t), 6000), 6000), "accumulator_collect");
    if (number_of(self, t) == 3 && !t->errors)
        return OUTCOME_RETRY;
    return OUTCOME_DONE;
}

/* ---- dict ---- */

static void
dict_start(struct self *self)
{
    set(&self[0], "n", number(5));
    set(&self[0], "s", string("old"));
    set(&self[0], "z", number(1));
}

static void
dict_one(struct self *self)
{
    dict_start(self);
    publish(&self[1], ROOT, 1, 2, 4);
}

static void
dict_one_with_k(struct self *self)
{
    set(&self[0], "k", number(1));
    dict_one(self);
}

static void
dict_one_with_text(struct self *self)
{
    set(&self[0], "k", string("ab"));
    dict_one(self);
}

/* Of two tasks the first does it, the second only counts. */
static bool
is_second(struct self *self, const struct task *t)
{
    incr(self, "n", 1);
    return number_of(self, t) == 2;
}

static enum outcome
op_set(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    set(self, "k", string("new"));
    set(self, "k", number(7));
    set(self, "k", number(8));
    set(self, "s", string("a longer string than the old one was"));
    return OUTCOME_DONE;
}

static enum outcome
op_add(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    add(self, change(self, DICT_ADD, "k", number(3)).changed ? 1 : 100);
    add(self, change(self, DICT_ADD, "s", number(3)).changed ? 100 : 2);
    return OUTCOME_DONE;
}

static enum outcome
op_incr(struct self *self, const struct task *t)
{
    (void)t;
    incr(self, "k", 1);
    add(self, 1);
    incr(self, "k", 1);
    return OUTCOME_DONE;
}

static enum outcome
op_append(struct self *self, const struct task *t)
{
    (void)t;
    (void)change(self, DICT_APPEND, "k", string("xy"));
    (void)change(self, DICT_APPEND, "k", string("xy"));
    return OUTCOME_DONE;
}

static enum outcome
op_cas(struct self *self, const struct task *t)
{
    struct dict *d = ops_dict(self);
    struct dict_value none = {0};
    if (is_second(self, t))
        return OUTCOME_DONE;
    add(self, change_in(self, d, DICT_CAS, "k", number(2), number(1)).changed ? 1 : 100);
    add(self, change_in(self, d, DICT_CAS, "k", number(3), number(1)).changed ? 100 : 2);
    add(self, change_in(self, d, DICT_CAS, "q", string("q"), none).changed ? 4 : 100);
    add(self, change_in(self, d, DICT_CAS, "z", none, number(1)).changed ? 8 : 100);
    return OUTCOME_DONE;
}

static enum outcome
op_delete(struct self *self, const struct task *t)
{
    if (is_second(self, t))
        return OUTCOME_DONE;
    add(self, change(self, DICT_DELETE, "k", (struct dict_value){0}).changed ? 1 : 100);
    add(self, change(self, DICT_DELETE, "k", (struct dict_value){0}).changed ? 100 : 2);
    (void)change(self, DICT_DELETE, "s", (struct dict_value){0});
    set(self, "k", number(9));
    return OUTCOME_DONE;
}

/* k becomes k + 1, computed outside any lock. */
static enum outcome
op_update(struct self *self, const struct task *t)
{
    struct dict_result r = {0};
    (void)t;
    for (int i = 0; i < 2; i++) {
        do {
            double now = get(self, "k");
            struct dict_op op = {.kind = DICT_CAS, .dict = ops_dict(self), .update = true};
            op.key = key_of("k");
            op.value = number(now + 1);
            op.old = number(now);
            ok(section_change(self, &op, &r), "section_change");
        } while (!r.changed && !ops_complaint[0]);
    }
    return OUTCOME_DONE;
}

static void
neighbours(struct self *self, int n)
{
    set(&self[0], "k", number(1));
    for (int i = 1; i < n; i++)
        set(&self[0], neighbour[i], number(1));
    publish(&self[1], ROOT, 1, 2, 4);
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
op_grow(struct self *self, const struct task *t)
{
    (void)t;
    incr(self, neighbour[0], 1);
    incr(self, "k", 1);
    return OUTCOME_DONE;
}

static enum outcome
op_fourteen(struct self *self, const struct task *t)
{
    (void)t;
    for (int i = 0; i < 14; i++)
        incr(self, "k", 1);
    return OUTCOME_DONE;
}

static void
count_record(void *arg, const struct dict_entry *r)
{
    *(uint32_t *)arg += r->key_len;
}

static enum outcome
op_walk(struct self *self, const struct task *t)
{
    uint32_t bytes = 0;
    struct dict *d = ops_dict(self);
    (void)t;
    ok(dict_tx_snapshot(self, d, (uint32_t)(key_of("k").hash >> 58), count_record, &bytes),
       "dict_tx_snapshot");
    incr(self, "k", 1);
    if (bytes < 2)
        ops_complain("a snapshot without its key");
    return OUTCOME_DONE;
}

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
    post_one(&self[1], LEAF, 1);
    incr(&self[1], "k", 1);
    ok(commit_part(&self[1]), "commit_part");
    post_one(&self[1], LEAF, 2);
    incr(&self[1], "k", 1);
    ok(recover(&self[1], &self[0], 200, false, &r), "recover");
    self[1].journaling = false;
}

static enum outcome
op_again(struct self *self, const struct task *t)
{
    (void)t;
    post_one(self, LEAF, 1);
    incr(self, "k", 1);
    part(self);
    post_one(self, LEAF, 2);
    incr(self, "k", 1);
    part(self);
    post_one(self, LEAF, 4);
    incr(self, "k", 1);
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
    uint32_t *lock = lock_word(self, "lock");
    ok(section_lock(self, lock, -1), "section_lock");
    double k = get(self, "k");
    set(self, "k", number(k + 1));
    set(self, "s", string("in a section"));
    incr(self, "n", 1);
    incr(self, "a", k);
    set(self, "b", number(k));
    (void)change(self, DICT_APPEND, "c", string("+"));
    (void)change(self, DICT_DELETE, "z", (struct dict_value){0});
    ok(section_unlock(self, lock, true), "section_unlock");
    add(self, number_of(self, t));
    return OUTCOME_DONE;
}

static enum outcome
small_section(struct self *self, const struct task *t)
{
    uint32_t *lock = lock_word(self, "lock");
    (void)t;
    ok(section_lock(self, lock, -1), "section_lock");
    set(self, "k", number(get(self, "k") + 1));
    ok(section_unlock(self, lock, true), "section_unlock");
    incr(self, "n", 1);
    return OUTCOME_DONE;
}

static enum outcome
nested(struct self *self, const struct task *t)
{
    uint32_t *outer = lock_word(self, "outer"), *inner = lock_word(self, "inner");
    (void)t;
    ok(section_lock(self, outer, -1), "section_lock");
    incr(self, "k", 1); /* no read: it would be too old after a death in between */
    ok(section_lock(self, inner, -1), "section_lock");
    incr(self, "n", 1);
    ok(section_unlock(self, inner, true), "section_unlock");
    ok(section_lock(self, inner, -1), "section_lock");
    set(self, "k", number(1000));
    set(self, "never", number(1));
    ok(section_unlock(self, inner, false), "section_unlock");
    incr(self, "a", 1);
    ok(section_unlock(self, outer, true), "section_unlock");
    return OUTCOME_DONE;
}

/* Forgets to unlock, or fails with the lock held. */
static enum outcome
held_at_end(struct self *self, const struct task *t)
{
    ok(section_lock(self, lock_word(self, "lock"), -1), "section_lock");
    incr(self, "k", 1);
    set(self, "s", string("held"));
    return number_of(self, t) == 2 && !t->errors ? OUTCOME_RETRY : OUTCOME_DONE;
}

/* ---- names ---- */

static enum outcome
create(struct self *self, const struct task *t)
{
    char text[8] = "e?";
    text[1] = (char)('0' + number_of(self, t));
    uint32_t index = name_of(self, NAMED_DICT, text);
    struct dict *d = arena_at(self->arena, name_at(self->arena, index)->object);
    (void)change_in(self, d, DICT_INCR, text, number(1), (struct dict_value){0});
    text[0] = 'a';
    (void)name_of(self, NAMED_SUM, text);
    (void)name_of(self, NAMED_COLLECT, text);
    uint32_t *lock = lock_word(self, text);
    ok(section_lock(self, lock, -1), "section_lock");
    ok(section_unlock(self, lock, true), "section_unlock");
    return OUTCOME_DONE;
}

static void
two_roots(struct self *self)
{
    publish(&self[1], ROOT, 1, 2, 4);
}

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
    publish(&self[2], ROOT, 3, 1, 4);
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
    root_and_leaf(self);
    slot_at(self->arena, 2)->park = 1;
    self->arena->header->idle_bits[0] = 1 << 2;
}

/* ---- a task that runs alone ---- */

/* It is worker 1's; the leaves are worker 2's. */
static void
alone_and_leaves(struct self *self)
{
    publish(&self[2], LEAF, 1, 4, 4);
    open_posts(&self[1]);
    post_one(&self[1], ROOT, 3);
    uint32_t index = self[1].staged_tail;
    end_posts(&self[1]);
    idle_run_alone(self->arena, index);
}

static void
alone_and_sleeper(struct self *self)
{
    alone_and_leaves(self);
    slot_at(self->arena, 2)->park = 1;
    self->arena->header->idle_bits[0] = 1 << 2;
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
const struct scenario ops_all[] = {
    {.name = "claim", .plan = three_leaves, .act = run_one, .answer = "sum=6"},
    {.name = "claim-lifo", .plan = three_leaves, .act = run_two, .answer = "sum=6", .lifo = true},
    {.name = "dealt", .plan = begin_leaves, .act = run_two, .answer = "sum=21"},
    {.name = "steal", .plan = victim_leaves, .act = run_two, .answer = "sum=36"},
    {.name = "steal-lifo", .plan = victim_leaves, .act = run_two, .answer = "sum=36", .lifo = true},
    {.name = "look", .plan = super_leaves, .act = look_and_run, .answer = "sum=6"},
    {.name = "post", .plan = root_and_leaf, .act = run_two, .body = post_three,
     .answer = "sum=1106"},
    {.name = "post-lifo", .plan = root_and_leaf, .act = run_two, .body = post_three,
     .answer = "sum=1106", .lifo = true},
    {.name = "tree", .plan = one_root, .act = run_two, .past = run_one, .body = post_tree,
     .answer = "sum=11"},
    {.name = "blocks", .plan = root_and_leaf, .act = run_one, .body = post_blocks,
     .answer = "sum=1106"},
    {.name = "foreign-blocks", .plan = foreign_blocks, .act = run_one, .body = post_same_size,
     .answer = "sum=6006"},
    {.name = "grow", .plan = nearly_full, .act = run_one, .body = post_three,
     .answer = "sum=1304"},
    {.name = "spill", .plan = one_root, .act = run_one, .body = post_blocks,
     .answer = "sum=1006", .spill = true},
    {.name = "part", .plan = one_root, .act = run_one, .body = post_parts,
     .answer = "sum=1015 k=2", .seen = "||1|2|"},
    {.name = "point", .plan = one_root, .act = run_one, .body = post_points,
     .answer = "sum=315 k=4", .seen = "||1|2|3|4|"},
    {.name = "point-retry", .plan = one_root, .act = run_two, .body = fail_at_point,
     .answer = "sum=315 k=5", .seen = "||1|2|3|4|5|"},
    {.name = "part-auto", .plan = seventy_and_sleeper, .act = run_one, .body = post_seventy,
     .answer = "sum=70", .sleeper = true},
    {.name = "failed", .plan = three_roots, .act = run_one, .body = fail,
     .answer = "failed=3 k=3", .seen = "||1|2|3|"},
    {.name = "retry", .plan = three_roots, .act = run_one, .body = retry,
     .answer = "sum=303 max=1 k=12"},
    {.name = "wait", .plan = three_roots, .act = run_one, .body = wait,
     .answer = "sum=303 max=1 k=12"},
    {.name = "set-aside", .plan = three_poisons, .act = run_one, .body = poison,
     .fits = poison_fits, .attempts = 1},
    {.name = "accumulate", .plan = three_roots, .act = run_two, .body = accumulate,
     .answer = "sum=36 max=3 min=1 collect=6/99"},
    {.name = "collect-chunk", .plan = three_roots, .past = run_two, .act = run_two,
     .body = collect_much, .answer = "collect=3/18006"},
    {.name = "dict-set", .plan = dict_one, .act = run_one, .body = op_set,
     .answer = "k=8 n=7 s=#36 z=1", .seen = "||new|7|8|"},
    {.name = "dict-add", .plan = dict_one, .act = run_one, .body = op_add,
     .answer = "sum=3 k=3 n=7 s=old z=1", .seen = "||3|"},
    {.name = "dict-incr", .plan = dict_one, .act = run_one, .body = op_incr,
     .answer = "sum=2 k=4 n=5 s=old z=1", .seen = "||1|2|3|4|"},
    {.name = "dict-cell", .plan = dict_one_with_k, .act = run_one, .body = op_incr,
     .answer = "sum=2 k=5 n=5 s=old z=1", .seen = "|1|2|3|4|5|"},
    {.name = "dict-append", .plan = dict_one_with_text, .act = run_one, .body = op_append,
     .answer = "k=abxyxyxyxy n=5 s=old z=1", .seen = "|ab|abxy|abxyxy|abxyxyxy|abxyxyxyxy|"},
    {.name = "dict-cas", .plan = dict_one_with_k, .act = run_one, .body = op_cas,
     .answer = "sum=15 k=2 n=7 q=q s=old", .seen = "|1|2|"},
    {.name = "dict-delete", .plan = dict_one_with_k, .act = run_one, .body = op_delete,
     .answer = "sum=3 k=9 n=7 z=1", .seen = "|1||9|"},
    {.name = "dict-update", .plan = dict_one_with_k, .act = run_one, .body = op_update,
     .answer = "k=5 n=5 s=old z=1", .seen = "|1|2|3|4|5|"},
    {.name = "dict-grow", .plan = shard_12, .act = run_one, .body = op_grow,
     .seen = "|1|2|3|", .lost_lists = 1},
    {.name = "dict-grow-again", .plan = shard_48, .act = run_one, .body = op_grow,
     .seen = "|1|2|3|", .lost_lists = 1},
    {.name = "dict-walk", .plan = dict_one_with_k, .act = run_one, .body = op_walk,
     .answer = "k=3 n=5 s=old z=1"},
    {.name = "journal", .plan = dict_one_with_k, .act = run_one, .body = op_fourteen,
     .answer = "k=29 n=5 s=old z=1"},
    {.name = "rerun", .plan = died_before, .act = look_for_it, .body = op_again,
     .answer = "sum=14 k=7 n=5 s=old z=1"},
    {.name = "section", .plan = dict_one_with_k, .act = run_one, .body = section,
     .answer = "sum=3 a=3 b=2 c=++ k=3 n=7 s=in a section", .seen = "|1|2|3|"},
    {.name = "small-section", .plan = dict_one_with_k, .act = run_two, .body = small_section,
     .answer = "k=3 n=7 s=old z=1", .seen = "|1|2|3|"},
    {.name = "nested-sections", .plan = dict_one_with_k, .act = run_one, .body = nested,
     .answer = "a=2 k=3 n=7 s=old z=1", .seen = "|1|2|3|"},
    {.name = "held-at-end", .plan = dict_one_with_k, .act = run_two, .body = held_at_end,
     .answer = "k=3 n=5 s=held z=1", .seen = "|1|2|3|"},
    {.name = "names", .plan = two_roots, .act = run_one, .body = create,
     .answer = "e1=1 e2=1"},
    {.name = "all-done", .plan = nothing, .act = wait_for_work, .answer = ""},
    {.name = "sleep", .plan = busy_other, .act = wait_for_work, .body = post_three,
     .rouse = other_ends, .answer = "sum=1006"},
    {.name = "wake", .plan = root_and_sleeper, .act = run_one, .body = post_three,
     .answer = "sum=1106", .sleeper = true},
    {.name = "alone", .plan = alone_and_leaves, .act = take_three, .body = post_three,
     .answer = "sum=1016", .alone = true},
    {.name = "alone-lifo", .plan = alone_and_leaves, .act = take_three, .body = post_three,
     .answer = "sum=1016", .alone = true, .lifo = true},
    {.name = "alone-over", .plan = alone_and_sleeper, .act = take_three, .body = post_nothing,
     .answer = "sum=1010", .alone = true, .sleeper = true},
    {.name = "alone-oom", .plan = alone_and_leaves, .act = take_three, .body = post_three,
     .answer = "sum=1016", .alone = true, .oom_killed = true},
    {.name = "large", .plan = root_and_leaf, .act = run_one, .body = post_large,
     .answer = "sum=103"},
};
/* clang-format on */
const uint32_t ops_count = sizeof ops_all / sizeof ops_all[0];
