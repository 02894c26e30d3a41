/* step_ops: what all scenarios are made of: short ways to post, to change dicts, to run
 * tasks. The scenarios themselves: step_ops_task.c, step_ops_dict.c, step_ops_idle.c,
 * step_ops_suspend.c. */
#include "step_ops.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec/codec.h"
#include "store/accumulator.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/once.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/section.h"
#include "task/task.h"

/* In the order they are tried. */
const struct scenario_set *const ops_sets[OPS_SETS] = {&scenarios_task, &scenarios_dict,
                                                       &scenarios_idle, &scenarios_suspend};

const struct scenario *ops_now;
char ops_complaint[STEP_TEXT];

void
ops_complain(const char *text)
{
    if (!ops_complaint[0])
        snprintf(ops_complaint, sizeof ops_complaint, "%s", text);
}

/* ---- short ways to say things ---- */

void
ops_ok(int err, const char *what)
{
    char text[128];
    snprintf(text, sizeof text, "%s: error %d", what, -err);
    if (err)
        ops_complain(text);
}

/* Arguments: a number, then bytes that count up from it. */
enum { ARGS_MAX = 40 << 10 };
static unsigned char counting[ARGS_MAX + 256];

const void *
ops_args(uint32_t number, size_t bytes)
{
    static unsigned char args[ARGS_MAX];
    memcpy(args, &number, sizeof number);
    memcpy(args + sizeof number, counting + number % 256, bytes - sizeof number);
    return args;
}

uint32_t
ops_number_of(struct self *self, const struct task *t)
{
    uint32_t number;
    const unsigned char *args = task_args(self->arena, t);
    size_t bytes = t->bytes;
    if (t->fn == KEYED) {
        args += KEYED_BYTES;
        bytes -= KEYED_BYTES;
    }
    memcpy(&number, args, sizeof number);
    if (memcmp(args + sizeof number, counting + number % 256, bytes - sizeof number) != 0)
        ops_complain("the arguments of a task are damaged");
    return number;
}

void
ops_post_bytes(struct self *self, uint32_t fn, uint32_t number, size_t bytes)
{
    ops_ok(post(self, fn, ops_args(number, bytes), bytes), "post");
}

void
ops_post(struct self *self, uint32_t fn, uint32_t number)
{
    ops_post_bytes(self, fn, number, sizeof number);
}

void
ops_post_once(struct self *self, int32_t key, uint32_t number)
{
    unsigned char bytes[KEYED_BYTES + sizeof number] = {CODEC_KEY, CODEC_I32};
    bool known = false;
    memcpy(bytes + 2, &key, sizeof key);
    memcpy(bytes + KEYED_BYTES, ops_args(number, sizeof number), sizeof number);
    ops_ok(post_is_known(self, KEYED, bytes, sizeof bytes, &known), "post_is_known");
    if (!known)
        ops_ok(post(self, KEYED, bytes, sizeof bytes), "post");
}

/* As begin() does, in any slot's name: what is posted in between is public then. */
void
ops_open_posts(struct self *self)
{
    self->slot->cur = 0;
    commit_begin(self);
}

void
ops_end_posts(struct self *self)
{
    (void)commit_end(self, OUTCOME_DONE);
}

void
ops_publish(struct self *self, uint32_t fn, uint32_t from, uint32_t n, size_t bytes)
{
    ops_open_posts(self);
    for (uint32_t i = 0; i < n; i++)
        ops_post_bytes(self, fn, from + i, bytes);
    ops_end_posts(self);
}

uint32_t
ops_name(struct self *self, enum name_kind kind, const char *text)
{
    uint32_t index = 0;
    ops_ok(names_get(self, kind, text, strlen(text), &index), "names_get");
    return index;
}

struct dict *
ops_dict(struct self *self)
{
    return arena_at(self->arena, name_at(self->arena, ops_name(self, NAMED_DICT, "d"))->object);
}

uint32_t *
ops_lock_word(struct self *self, const char *text)
{
    return &name_at(self->arena, ops_name(self, NAMED_LOCK, text))->lock;
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

struct dict_key
ops_key(const char *text)
{
    struct dict_key k;
    size_t head;
    k.bytes = encode(text, &k.len, &head);
    k.hash = hash_bytes(k.bytes, k.len);
    return k;
}

void
ops_open(void)
{
    for (size_t i = 0; i < sizeof counting; i++)
        counting[i] = (unsigned char)(i + 1);
    scenarios_dict_open();
}

struct dict_value
ops_number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

struct dict_value
ops_string(const char *text)
{
    struct dict_value v = {.present = true};
    size_t head;
    v.bytes = encode(text, &v.len, &head);
    return v;
}

struct dict_result
ops_change_in(struct self *self, struct dict *d, enum dict_op_kind kind, const char *key,
              struct dict_value v, struct dict_value old)
{
    struct dict_op op = {.kind = kind, .dict = d, .key = ops_key(key), .value = v, .old = old};
    struct dict_result r = {0};
    size_t body;
    if (kind == DICT_APPEND)
        op.head = codec_get_string_head(v.bytes, v.len, &body);
    ops_ok(section_change(self, &op, &r), "section_change");
    return r;
}

struct dict_result
ops_change(struct self *self, enum dict_op_kind kind, const char *key, struct dict_value v)
{
    return ops_change_in(self, ops_dict(self), kind, key, v, (struct dict_value){0});
}

void
ops_set(struct self *self, const char *key, struct dict_value v)
{
    (void)ops_change(self, DICT_SET, key, v);
}

double
ops_incr(struct self *self, const char *key, double by)
{
    return ops_change(self, DICT_INCR, key, ops_number(by)).number;
}

double
ops_get(struct self *self, const char *key)
{
    struct dict_key k = ops_key(key);
    struct dict_value v;
    ops_ok(section_get(self, ops_dict(self), &k, &v), "section_get");
    return v.present && v.is_number ? v.number : 0;
}

void
ops_add(struct self *self, double v)
{
    accumulator_add(self, ACCUMULATOR_SUM, ACCUMULATOR_SUM, v);
}

void
ops_part(struct self *self)
{
    uint32_t n = self->staged_count;
    if (!n)
        return;
    ops_ok(commit_part(self), "commit_part");
    ops_wake(self, n);
}

void
ops_put_to_sleep(struct self *self)
{
    slot_at(self->arena, 2)->park = 1;
    self->arena->header->idle_bits[0] = 1 << 2;
}

/* ---- a worker's life ---- */

void
ops_wake(struct self *self, uint32_t n)
{
    idle_wake(self, n);
}

void
ops_run(struct self *self, const struct scenario *s)
{
    uint32_t *words[16];
    int err = 0;
    const struct task *t = task_at(self->arena, self->slot->cur);
    bool first;
    commit_begin(self);
    enum outcome o = OUTCOME_DONE;
    if (t->fn == KEYED) {
        ops_ok(once_enter(self, t, &first), "once_enter");
        if (first)
            ops_add(self, ops_number_of(self, t));
        else
            o = OUTCOME_DUPLICATE;
    } else if (t->fn == LEAF)
        ops_add(self, ops_number_of(self, t));
    else
        o = s->body(self, t);
    if (self->skip)
        ops_complain("the second run posted fewer tasks than the first one had published");
    if (journal_take_warning(self))
        ops_complain("the second run differs from the journal of the first one");
    if (section_any_held(self)) {
        (void)section_end(self, o == OUTCOME_DONE, words, 16, &err);
        ops_ok(o == OUTCOME_DONE ? err : 0, "section_end");
    }
    if (o == OUTCOME_WAIT)
        commit_wait(self, 1);
    else
        ops_wake(self, commit_end(self, o));
}

static void
run_tasks(struct self *self, int n)
{
    while (n-- > 0 && (queue_take(self) || queue_steal(self)))
        ops_run(self, ops_now);
}

void
ops_run_one(struct self *self)
{
    run_tasks(self, 1);
}

void
ops_run_two(struct self *self)
{
    run_tasks(self, 2);
}

/* ---- what scenarios of several subjects have in common ---- */

void
ops_root_and_leaf(struct self *self)
{
    ops_open_posts(&self[1]);
    ops_post(&self[1], ROOT, 3);
    ops_post(&self[1], LEAF, 100);
    ops_end_posts(&self[1]);
}

enum outcome
ops_post_three(struct self *self, const struct task *t)
{
    uint32_t n = ops_number_of(self, t);
    for (uint32_t i = 1; i <= n; i++)
        ops_post(self, LEAF, i);
    ops_add(self, 1000);
    return OUTCOME_DONE;
}

enum outcome
ops_post_nothing(struct self *self, const struct task *t)
{
    (void)t;
    ops_add(self, 1000);
    return OUTCOME_DONE;
}
