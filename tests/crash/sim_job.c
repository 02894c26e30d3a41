/* The job that the simulator runs: a tree of tasks whose answer is known. What a
 * task does follows from the seed and its number (its node) alone.
 *
 *   node k posts 2k and 2k + 1 until first_leaf; the first few leaves post `fan`
 *   further leaves each (long producers, which commit in parts)
 *
 * Some nodes end by an error first, once or twice; some for good; one may kill its
 * worker whenever it runs. The rest of this file is a list of what they do with
 * dicts, locks and accumulators, and next to each what must come out. */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acc.h"
#include "actor.h"
#include "block.h"
#include "chunk.h"
#include "codec.h"
#include "commit.h"
#include "hash.h"
#include "idle.h"
#include "names.h"
#include "post.h"
#include "task.h"
#include "view.h"

enum {
    FN = 7,
    NODES_MAX = 1024,
    COUNTERS = 3,
    TEXTS = 3,
    ACCOUNTS = 5,
    MONEY = 1000, /* on each account */
    MANY = 7,     /* keys that one section writes */
    CROWD = 64,   /* keys that are in one shard */
    CROWD_SHARD = 5,
    LATER = 2, /* dicts, locks, sums that are named while the job runs */
    ARGS_MAX = 40000,
};

/* What a node may do beside posting and adding. Each bit is one line in do_ops(). */
enum op {
    OP_INCR = 1,
    OP_APPEND = 2,
    OP_TEXT = 4,
    OP_CROWD = 8,
    OP_TRANSFER = 16,
    OP_FAIL_TRANSFER = 32,
    OP_UPDATE = 64,
    OP_MANY = 128,
    OP_NESTED = 256,
    OP_LOCK = 512,
    OP_NAME = 1024,
    OP_EACH = 2048,
    OP_READ = 4096,
    OP_ALL = 8191,
};

static struct {
    uint64_t seed;
    uint32_t first_leaf, producers, fan;
    bool lifo, partial, no_memory;
    uint32_t ops;        /* that nodes may do */
    uint32_t ops_one_in; /* nodes do any */
    bool blocks;         /* arguments that need blocks */
    bool errors;
    bool circles;         /* tasks take two locks in any order, and do nothing else */
    uint32_t poison;      /* 0: none */
    uint32_t patients;    /* leaves that wait until all else is done */
    uint32_t attempts;    /* that poison has */
    uint32_t first_posts; /* begin() posts the root and so many leaves */
} job;

/* What must come out. */
static struct {
    double counter[COUNTERS], account[ACCOUNTS], many[MANY], updates, audits;
    double later_dict[LATER], later_sum[LATER];
    double sum, count, max, pointed;
    uint32_t failed, errors;
    uint32_t crowd[CROWD]; /* node whose key stays there; 0: none */
} want;

static uint32_t dict_name, sum_name, count_name, max_name, list_name, pointed_name;
static uint32_t bank, audit;           /* names of locks */
static uint8_t appended[NODES_MAX][4]; /* by node and run: seen in the log */
static struct {
    uint32_t lock, who; /* slot + 1 of who is in its section */
} inside[8];
static bool waits[SIM_WORKERS + 1]; /* by slot: runs a patient that waits */
static uint32_t crowd_salt[CROWD];
static uint32_t reported;
static bool no_reports; /* the supervisor died: it may have reported nothing */

#define CHECK(x) ((x) ? (void)0 : sim_fail("sim_job.c:%d: %s", __LINE__, #x))

/* ---- what a node is ---- */

static uint64_t
node_bits(uint32_t node, uint32_t what)
{
    uint64_t h = hash_mix(job.seed + what, node);
    return hash_mix(h, h >> 31);
}

static uint32_t
top(void)
{
    return 2 * job.first_leaf + job.producers * job.fan + job.first_posts;
}

static bool
is_inner(uint32_t node)
{
    return node < job.first_leaf + (job.fan ? job.producers : 0);
}

/* A long producer that commits every now and then, with a cursor. */
static bool
is_pointing(uint32_t node)
{
    return node >= job.first_leaf && is_inner(node) && node_bits(node, 10) % 2;
}

static size_t
arg_bytes(uint32_t node)
{
    uint64_t r = node_bits(node, 1);
    if (!job.blocks || r % 3)
        return sizeof node + (r >> 8) % (TASK_INLINE - sizeof node + 1);
    if (r % 97 == 0)
        return ARGS_MAX; /* a chunk of its own */
    return 20 + (r >> 8) % (r % 2 ? 100 : 5000);
}

/* A task that ends only when nothing but its like is left. There are fewer of them
 * than workers: work must go on next to them, so nobody may sleep who is needed. */
static bool
is_patient(uint32_t node)
{
    return node != job.poison && !is_inner(node) && node + job.patients >= top();
}

/* So many runs end by an error before one succeeds. */
static uint32_t
errors_of(uint32_t node)
{
    uint64_t r = node_bits(node, 2);
    if (node == job.poison || is_patient(node))
        return 0;
    return job.errors && r % 8 == 0 ? 1 + (r >> 8) % 2 : 0;
}

static bool
fails_for_good(uint32_t node)
{
    return job.errors && node != job.poison && !is_inner(node) && !is_patient(node) &&
           !errors_of(node) && node_bits(node, 3) % 12 == 0;
}

static uint32_t
ops_of(uint32_t node)
{
    uint64_t r = node_bits(node, 4);
    if (node == job.poison || is_patient(node) || r % job.ops_one_in)
        return 0;
    return job.ops & (uint32_t)(r >> 8) & (uint32_t)(r >> 24);
}

/* ---- keys and values ---- */

struct key {
    char bytes[40];
    struct dict_key k;
};

static const struct dict_key *
key(struct key *out, const char *what, uint32_t n)
{
    char *text = out->bytes + 1;
    int len = snprintf(text, sizeof out->bytes - 1, "%s%u", what, n);
    (void)codec_put_string_head((unsigned char *)out->bytes, (size_t)len); /* one byte */
    out->k = (struct dict_key){out->bytes, 1 + (size_t)len,
                               hash_bytes(out->bytes, 1 + (size_t)len)};
    return &out->k;
}

/* Keys of one shard, so that its index grows. */
static const struct dict_key *
crowd_key(struct key *out, uint32_t i)
{
    return key(out, "crowd", crowd_salt[i]);
}

static void
draw_crowd(void)
{
    struct key k;
    uint32_t salt = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        do
            salt++;
        while (key(&k, "crowd", salt)->hash >> 58 != CROWD_SHARD);
        crowd_salt[i] = salt;
    }
}

static struct dict_value
number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

struct text {
    unsigned char bytes[CODEC_SCALAR_MAX + 2048];
};

/* Text that tells by itself whether it is whole. */
static struct dict_value
text_of(struct text *t, uint32_t n)
{
    size_t len = 8 + n * 37 % (n % 7 ? 300 : 2000);
    size_t head = codec_put_string_head(t->bytes, len);
    memset(t->bytes + head, (int)(n & 0xff), len);
    memcpy(t->bytes + head, &n, sizeof n);
    return (struct dict_value){.present = true, .bytes = t->bytes, .len = head + len};
}

static bool
is_text_of(uint32_t n, const struct dict_value *v)
{
    struct text text;
    struct dict_value same = text_of(&text, n);
    return !v->is_number && same.len == v->len && memcmp(same.bytes, v->bytes, v->len) == 0;
}

static bool
is_text(const struct dict_value *v)
{
    uint32_t n;
    const unsigned char *s;
    size_t len;
    if (v->is_number || !codec_get_string(v->bytes, v->len, &s, &len) || len < 8)
        return false;
    memcpy(&n, s, sizeof n);
    return is_text_of(n, v);
}

/* ---- what tasks do ---- */

static struct dict *
dict_named(const struct arena *a, uint32_t name)
{
    return arena_at(a, name_at(a, name)->object);
}

static struct dict_result
change(struct actor *x, uint32_t dict, enum dict_op_kind kind, const struct dict_key *k,
       struct dict_value v, size_t head)
{
    struct dict_result r = {0};
    struct dict_op op = {.kind = kind, .dict = dict_named(x->arena, dict), .key = *k, .value = v, .head = head};
    int err = view_change(x, &op, &r);
    if (err)
        sim_fail("dict operation %d: error %d", kind, err);
    return r;
}

static void
incr(struct actor *x, const char *what, uint32_t n, double by)
{
    struct key k;
    (void)change(x, dict_name, DICT_INCR, key(&k, what, n), number(by), 0);
}

static void
set(struct actor *x, const char *what, uint32_t n, double v)
{
    struct key k;
    (void)change(x, dict_name, DICT_SET, key(&k, what, n), number(v), 0);
}

static struct dict_value
get(struct actor *x, const struct dict_key *k)
{
    struct dict_value v;
    int err = view_get(x, dict_named(x->arena, dict_name), k, &v);
    if (err)
        sim_fail("get: error %d", err);
    return v;
}

static double
get_number(struct actor *x, const char *what, uint32_t n)
{
    struct key k;
    struct dict_value v = get(x, key(&k, what, n));
    CHECK(!v.present || v.is_number);
    return v.present ? v.number : 0;
}

static uint32_t *
who_is_in(uint32_t lock)
{
    for (uint32_t i = 0;; i++) {
        if (i == sizeof inside / sizeof inside[0])
            abort();
        if (!inside[i].lock)
            inside[i].lock = lock;
        if (inside[i].lock == lock)
            return &inside[i].who;
    }
}

/* Two in one section would be seen here, whoever is at fault. */
static void
enter(struct actor *x, uint32_t lock)
{
    uint32_t *who = who_is_in(lock);
    if (*who)
        sim_fail("slots %u and %u both hold lock %u", *who - 1, x->me, lock);
    *who = x->me + 1;
}

static int
lock(struct actor *x, uint32_t name, double seconds)
{
    int err = view_lock(x, &name_at(x->arena, name)->lock, seconds);
    if (!err)
        enter(x, name);
    return err;
}

static void
unlock(struct actor *x, uint32_t name, bool keep)
{
    *who_is_in(name) = 0;
    int err = view_unlock(x, &name_at(x->arena, name)->lock, keep);
    if (err)
        sim_fail("unlock: error %d", err);
}

static void
do_append(struct actor *x, uint32_t node, uint32_t run)
{
    struct key k;
    unsigned char bytes[CODEC_SCALAR_MAX + 32];
    char text[32];
    size_t len = (size_t)snprintf(text, sizeof text, "%u.%u;", node, run);
    size_t head = codec_put_string_head(bytes, len);
    memcpy(bytes + head, text, len);
    struct dict_value v = {.present = true, .bytes = bytes, .len = head + len};
    (void)change(x, dict_name, DICT_APPEND, key(&k, "log", 0), v, head);
}

static void
do_text(struct actor *x, uint32_t node)
{
    struct key k;
    struct text t;
    (void)change(x, dict_name, DICT_SET, key(&k, "text", node % TEXTS), text_of(&t, node), 0);
    struct dict_value v = get(x, key(&k, "text", (node + 1) % TEXTS));
    CHECK(!v.present || is_text(&v));
}

/* A key of the node's own among many in its shard: added, and mostly deleted. */
static bool
crowd_stays(uint32_t node)
{
    return node_bits(node, 5) % 2;
}

static void
do_crowd(struct actor *x, uint32_t node, uint32_t run)
{
    struct key k;
    struct text t;
    const struct dict_key *own = crowd_key(&k, node);
    struct dict_value v = node % 3 ? text_of(&t, node) : number(node);
    bool was_there = run && crowd_stays(node);
    CHECK(change(x, dict_name, DICT_ADD, own, v, 0).changed == !was_there);
    if (!crowd_stays(node)) {
        CHECK(change(x, dict_name, DICT_DELETE, own, (struct dict_value){0}, 0).changed);
        return;
    }
    v = get(x, own);
    CHECK(v.present && (node % 3 ? is_text_of(node, &v) : v.number == node));
}

struct transfer {
    uint32_t from, to;
    double amount;
};

static struct transfer
transfer_of(uint32_t node)
{
    uint64_t r = node_bits(node, 6);
    struct transfer t = {.from = r % ACCOUNTS, .amount = (double)(1 + (r >> 16) % 9)};
    t.to = (t.from + 1 + (r >> 8) % (ACCOUNTS - 1)) % ACCOUNTS;
    return t;
}

static void
do_transfer(struct actor *x, uint32_t node, bool keep)
{
    struct transfer t = transfer_of(node);
    CHECK(lock(x, bank, -1) == 0);
    double from = get_number(x, "account", t.from), to = get_number(x, "account", t.to);
    set(x, "account", t.from, from - t.amount);
    if (node % 2)
        set(x, "account", t.to, to + t.amount);
    else
        incr(x, "account", t.to, t.amount);
    double sum = 0;
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        sum += get_number(x, "account", i);
    CHECK(sum == ACCOUNTS * MONEY);
    unlock(x, bank, keep);
}

static void
do_update(struct actor *x)
{
    struct key k;
    struct dict_result r = {0};
    struct dict_op op = {.kind = DICT_CAS, .dict = dict_named(x->arena, dict_name), .key = *key(&k, "updates", 0), .update = true};
    for (int i = 0; i < 1000; i++) {
        op.old = get(x, &op.key);
        op.value = number((op.old.present ? op.old.number : 0) + 1);
        int err = view_change(x, &op, &r);
        if (err)
            sim_fail("update: error %d", err);
        if (r.changed)
            return;
    }
    sim_fail("update: no end");
}

static void
do_many(struct actor *x, uint32_t node)
{
    CHECK(lock(x, audit, -1) == 0);
    for (uint32_t i = 0; i < MANY; i++)
        incr(x, "many", i, node);
    unlock(x, audit, true);
}

static void
do_nested(struct actor *x, uint32_t node)
{
    CHECK(lock(x, bank, -1) == 0);
    incr(x, "account", node % ACCOUNTS, 1);
    CHECK(lock(x, audit, -1) == 0);
    incr(x, "audits", 0, 1);
    incr(x, "account", node % ACCOUNTS, -1);
    if (node % 2) { /* think better of it */
        unlock(x, audit, false);
        incr(x, "account", node % ACCOUNTS, -1);
    } else {
        unlock(x, audit, true);
    }
    unlock(x, bank, true);
}

static void
do_lock(struct actor *x, uint32_t node)
{
    double seconds = node % 3 == 0 ? 0 : node % 3 == 1 ? 10e-6
                                                       : -1;
    int err = lock(x, bank, seconds);
    CHECK(err == 0 || (err == -ETIMEDOUT && seconds >= 0));
    if (err)
        return;
    sim_point();
    sim_point();
    unlock(x, bank, true);
}

/* The first to come creates what has the name. */
static void
do_name(struct actor *x, uint32_t node)
{
    char name[16];
    uint32_t index, which = node % LATER;
    struct key k;
    snprintf(name, sizeof name, "later %u", which);
    CHECK(names_get(x, NAMED_SUM, name, strlen(name), &index) == 0);
    acc_add(x, ACC_SUM, name_at(x->arena, index)->number, node);
    CHECK(names_get(x, NAMED_DICT, name, strlen(name), &index) == 0);
    (void)change(x, index, DICT_INCR, key(&k, "n", 0), number(1), 0);
    CHECK(names_get(x, NAMED_LOCK, name, strlen(name), &index) == 0);
    CHECK(lock(x, index, -1) == 0);
    unlock(x, index, true);
}

static void
look_at_record(void *arg, const struct dict_record *r)
{
    struct dict_value v = {.present = true, .is_number = r->is_number, .number = r->number, .bytes = r->bytes + r->key_len, .len = r->value_len};
    uint32_t *keys = arg;
    ++*keys;
    CHECK(r->key_len < sizeof(struct key));
    CHECK(v.is_number || r->bytes[1] != 'c' || is_text(&v)); /* "crowd..." */
}

/* Each key of the crowd has one value only, whoever reads it when. */
static void
do_read(struct actor *x, uint32_t node)
{
    struct key k;
    for (uint32_t i = node; i < node + 12; i++) {
        struct dict_value v = get(x, key(&k, "text", i % TEXTS));
        CHECK(!v.present || is_text(&v));
        uint32_t n = i % CROWD;
        v = get(x, crowd_key(&k, n));
        CHECK(!v.present || (n % 3 ? is_text_of(n, &v) : v.is_number && v.number == n));
    }
}

/* Looks through the crowded shard. */
static void
do_each(struct actor *x)
{
    uint32_t keys = 0;
    CHECK(dict_tx_snapshot(x, dict_named(x->arena, dict_name), CROWD_SHARD, look_at_record,
                           &keys) == 0);
    CHECK(keys < 2 * CROWD);
}

static void
do_ops(struct actor *x, uint32_t node, uint32_t run)
{
    uint32_t ops = ops_of(node);
    if (ops & OP_INCR)
        incr(x, "counter", node % COUNTERS, node);
    if (ops & OP_APPEND)
        do_append(x, node, run);
    if (ops & OP_TEXT)
        do_text(x, node);
    if (ops & OP_CROWD && node < CROWD)
        do_crowd(x, node, run);
    if (ops & OP_TRANSFER)
        do_transfer(x, node, true);
    if (ops & OP_FAIL_TRANSFER)
        do_transfer(x, node + 1, false);
    if (ops & OP_UPDATE)
        do_update(x);
    if (ops & OP_MANY)
        do_many(x, node);
    if (ops & OP_NESTED)
        do_nested(x, node);
    if (ops & OP_LOCK)
        do_lock(x, node);
    if (ops & OP_NAME)
        do_name(x, node);
    if (ops & OP_EACH)
        do_each(x);
    if (ops & OP_READ)
        do_read(x, node);
}

/* What do_ops() leaves behind when the run ends, with or without an error. */
static void
expect_ops(uint32_t node)
{
    uint32_t ops = ops_of(node), runs = errors_of(node) + 1;
    bool good = !fails_for_good(node);
    struct transfer t = transfer_of(node);
    if (ops & OP_INCR)
        want.counter[node % COUNTERS] += node * runs;
    if (ops & OP_APPEND) {
        for (uint32_t i = 0; i < runs; i++)
            appended[node][i] = 1;
    }
    if (ops & OP_CROWD && node < CROWD && crowd_stays(node))
        want.crowd[node] = node;
    if (ops & OP_TRANSFER) {
        want.account[t.from] -= t.amount * runs;
        want.account[t.to] += t.amount * runs;
    }
    if (ops & OP_UPDATE)
        want.updates += runs;
    for (uint32_t i = 0; ops & OP_MANY && i < MANY; i++)
        want.many[i] += node * runs;
    if (ops & OP_NESTED && node % 2 == 0)
        want.audits += runs;
    if (ops & OP_NAME) {
        want.later_dict[node % LATER] += runs;
        want.later_sum[node % LATER] += good ? node : 0;
    }
}

/* Two locks in an order that may close a circle. false: it did. */
static bool
take_both(struct actor *x, uint32_t node)
{
    uint32_t first = node % 2 ? bank : audit, second = node % 2 ? audit : bank;
    int err = lock(x, first, -1);
    CHECK(err == 0);
    sim_point();
    err = lock(x, second, -1);
    CHECK(err == 0 || err == -ELOOP);
    if (!err)
        unlock(x, second, true);
    unlock(x, first, true);
    return !err;
}

/* ---- posting and running ---- */

static int
post_node(struct actor *x, uint32_t node)
{
    char bytes[ARGS_MAX];
    size_t len = arg_bytes(node);
    memset(bytes, (int)(node * 31 & 0xff), len);
    memcpy(bytes, &node, sizeof node);
    return post(x, FN, bytes, len);
}

static uint32_t
read_args(struct actor *x)
{
    const struct task *t = task_at(x->arena, x->slot->cur);
    const char *args = task_args(x->arena, t);
    uint32_t node;
    memcpy(&node, args, sizeof node);
    if (t->fn != FN || !node || node >= top() || t->bytes != arg_bytes(node))
        sim_fail("a task with fn %u, node %u, %u bytes", t->fn, node, t->bytes);
    for (size_t i = sizeof node; i < t->bytes; i++) {
        if ((unsigned char)args[i] != (unsigned char)(node * 31))
            sim_fail("the arguments of node %u were overwritten", node);
    }
    return node;
}

static uint32_t
cursor_of(struct actor *x)
{
    uint32_t at = 0;
    const struct task_record *r = task_record_of(x->arena, task_at(x->arena, x->slot->cur));
    if (r && r->cursor) {
        struct task_cursor *c = (struct task_cursor *)block_at(x->arena, r->cursor)->bytes;
        CHECK(c->bytes == sizeof at || c->bytes == 100);
        memcpy(&at, c->text, sizeof at);
    }
    return at;
}

static int
point(struct actor *x, uint32_t cursor)
{
    char bytes[100] = {0};
    uint32_t ready = x->staged_count;
    memcpy(bytes, &cursor, sizeof cursor);
    int err = commit_point(x, bytes, cursor % 3 ? sizeof cursor : sizeof bytes);
    if (!err)
        idle_wake(x, ready);
    return err;
}

static int
post_by_points(struct actor *x, uint32_t node, uint32_t from)
{
    uint32_t step = 1 + node_bits(node, 11) % 20;
    int err = 0;
    for (uint32_t i = cursor_of(x); !err && i < job.fan; i++) {
        err = post_node(x, from + i);
        acc_add(x, ACC_SUM, name_at(x->arena, pointed_name)->number, 1);
        if (!err && (i + 1) % step == 0)
            err = point(x, i + 1);
    }
    return err;
}

static int
post_children(struct actor *x, uint32_t node)
{
    int err = 0;
    uint32_t turn = node_bits(node, 12) % 2; /* patients first? */
    if (node < job.first_leaf) {
        err = post_node(x, 2 * node + turn);
        return err ? err : post_node(x, 2 * node + !turn);
    }
    if (!is_inner(node))
        return 0;
    uint32_t from = 2 * job.first_leaf + (node - job.first_leaf) * job.fan;
    if (is_pointing(node))
        return post_by_points(x, node, from);
    for (uint32_t i = 0; !err && i < job.fan; i++)
        err = post_node(x, turn ? from + job.fan - 1 - i : from + i);
    return err;
}

static int
add(struct actor *x, uint32_t node)
{
    acc_add(x, ACC_SUM, name_at(x->arena, sum_name)->number, node);
    acc_add(x, ACC_SUM, name_at(x->arena, count_name)->number, 1);
    acc_add(x, ACC_MAX, name_at(x->arena, max_name)->number, node);
    char bytes[2000] = {0};
    memcpy(bytes, &node, sizeof node);
    size_t len = node % 5 ? sizeof node : sizeof node + node_bits(node, 7) % 1990;
    return acc_collect(x, name_at(x->arena, list_name)->number, bytes, len);
}

/* What the script's function would do. false: it ends by an error. */
static bool
body(struct actor *x, uint32_t node, uint32_t run)
{
    if (node == job.poison) {
        for (uint32_t i = sim_dice(50); i; i--)
            sim_point();
        sim_kill(x->me);
    }
    if (is_patient(node)) {
        waits[x->me] = true;
        sim_sleep(0); /* until job_go_on() */
    }
    /* What comes before a point belongs to it. */
    bool pointing = is_pointing(node), ops_first = !pointing && node_bits(node, 8) % 2;
    if (ops_first)
        do_ops(x, node, run);
    int err = pointing && cursor_of(x) ? 0 : add(x, node);
    if (!err)
        err = post_children(x, node);
    if (err && !(job.no_memory && (err == -ENOSPC || err == -ENOMEM)))
        sim_fail("node %u cannot post: error %d", node, err);
    if (err)
        return false;
    if (x->skip)
        sim_fail("node %u: %u posts were not repeated", node, x->skip);
    if (!ops_first)
        do_ops(x, node, task_at(x->arena, x->slot->cur)->errors);
    if (job.circles && !is_patient(node) && !take_both(x, node))
        return false;
    run = task_at(x->arena, x->slot->cur)->errors; /* a point begins a new count */
    return run >= errors_of(node) && !fails_for_good(node);
}

bool
job_run(struct actor *x)
{
    bool poke = false;
    x->partial = job.partial;
    commit_begin(x);
    uint32_t node = read_args(x), run = task_at(x->arena, x->slot->cur)->errors;
    bool ok = body(x, node, run);
    if (view_take_warning())
        sim_fail("node %u: a second run differs from the first", node);
    if (view_any_held())
        sim_fail("node %u holds a lock", node);
    if (ok) {
        idle_wake(x, commit_end(x, OUTCOME_DONE));
    } else if (fails_for_good(node) && !job.no_memory) {
        (void)commit_end(x, OUTCOME_FAILED);
    } else if (node_bits(node, 9) % 2) {
        idle_wake(x, commit_end(x, OUTCOME_RETRY));
    } else {
        commit_wait(x, sim_now_ns() + sim_dice(3) * 50000);
        poke = true;
    }
    return poke;
}

void
job_died(uint32_t k)
{
    waits[k] = false;
    for (uint32_t i = 0; i < 8; i++) {
        if (inside[i].who == k + 1)
            inside[i].who = 0;
    }
}

static uint32_t
node_of(struct arena *a, uint32_t task)
{
    uint32_t node;
    memcpy(&node, task_args(a, task_at(a, task)), sizeof node);
    return node;
}

static void
count_others(void *arg, uint32_t index)
{
    struct actor *super = ((void **)arg)[0];
    uint32_t *others = ((void **)arg)[1];
    enum task_state state = task_state(task_at(super->arena, index)->word);
    if (state != TASK_FREE && state != TASK_DEAD && state != TASK_STAGED)
        *others += !is_patient(node_of(super->arena, index));
}

bool
job_go_on(struct actor *super)
{
    uint32_t others = 0, patients = 0;
    void *arg[] = {super, &others};
    for (uint32_t k = 0; k <= super->arena->head->nworkers; k++)
        slab_each(super->arena, k, SLAB_TASK, count_others, arg);
    for (uint32_t k = 1; !others && k <= SIM_WORKERS; k++) {
        if (waits[k])
            sim_rouse(k);
        patients += waits[k];
        waits[k] = false;
    }
    return patients != 0;
}

uint32_t
job_attempts(struct arena *a, uint32_t task)
{
    return job.poison && node_of(a, task) == job.poison ? job.attempts : 255;
}

void
job_reported(struct arena *a, uint32_t task)
{
    if (node_of(a, task) != job.poison)
        sim_fail("node %u was set aside", node_of(a, task));
    reported++;
}

void
job_forget_reports(void)
{
    no_reports = true;
}

/* ---- drawing and describing ---- */

static void
expect(void)
{
    memset(&want, 0, sizeof want);
    memset(appended, 0, sizeof appended);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        want.account[i] = MONEY;
    for (uint32_t node = 1; node < top(); node++) {
        expect_ops(node);
        want.errors += errors_of(node);
        want.failed += fails_for_good(node);
        if (node == job.poison || fails_for_good(node))
            continue;
        want.sum += node;
        want.pointed += is_pointing(node) ? job.fan : 0;
        want.count++;
        want.max = node;
    }
}

void
job_draw(uint32_t nworkers)
{
    static const uint32_t fans[] = {0, 0, 0, 2, 12, 70, 130, 300};
    memset(inside, 0, sizeof inside);
    memset(waits, 0, sizeof waits);
    memset(&job, 0, sizeof job);
    reported = no_reports = 0;
    draw_crowd();
    job.seed = sim_random();
    job.first_leaf = 1u << sim_dice(5);
    job.fan = fans[sim_dice(8)];
    job.producers = 1 + sim_dice(2);
    if (job.producers > job.first_leaf)
        job.producers = job.first_leaf;
    job.first_posts = sim_dice(3) ? 0 : sim_dice(2 * nworkers);
    job.lifo = sim_dice(2);
    job.partial = sim_dice(4) != 0;
    job.blocks = sim_dice(2);
    job.errors = sim_dice(3) == 0;
    job.ops_one_in = 1;
    switch (sim_dice(6)) {
    case 0: /* tasks only */
        break;
    case 1:
        sim_policy.no_memory = 2 + sim_dice(20);
        job.no_memory = true;
        job.errors = false;
        break;
    case 2:
        job.circles = true;
        break;
    case 3: /* one kind of operation, by all */
        job.ops = 1u << sim_dice(13) | OP_TEXT * sim_dice(2) | OP_CROWD * sim_dice(2);
        break;
    default:
        job.ops = OP_ALL;
        job.ops_one_in = 1 + sim_dice(4);
    }
    job.poison = sim_dice(6) ? 0 : top() - 1;
    if (job.poison && is_inner(job.poison))
        job.poison = 0;
    job.patients = sim_dice(2) ? sim_dice(nworkers) : 0;
    job.attempts = 1 + sim_dice(3);
    expect();
}

bool
job_lifo(void)
{
    return job.lifo;
}

uint32_t
job_patients(void)
{
    return job.patients;
}

const char *
job_describe(void)
{
    static char text[200];
    snprintf(text, sizeof text, "%u tasks, %s, fan %u%s%s%s%s%s%s, %u patients, ops %x",
             top() - 1,
             job.lifo ? "lifo" : "fifo", job.fan, job.partial ? "" : " in one",
             job.blocks ? ", blocks" : "", job.errors ? ", errors" : "",
             job.no_memory ? ", no memory" : "", job.circles ? ", circles" : "",
             job.poison ? ", poison" : "", job.patients, job.ops);
    return text;
}

void
job_begin(struct actor *x)
{
    static const struct {
        enum name_kind kind;
        const char *name;
        uint32_t *index;
    } names[] = {
        {NAMED_DICT, "d", &dict_name},
        {NAMED_SUM, "sum", &sum_name},
        {NAMED_SUM, "count", &count_name},
        {NAMED_MAX, "max", &max_name},
        {NAMED_COLLECT, "list", &list_name},
        {NAMED_SUM, "pointed", &pointed_name},
        {NAMED_LOCK, "bank", &bank},
        {NAMED_LOCK, "audit", &audit},
    };
    uint32_t refuse = sim_policy.no_memory;
    sim_policy.no_memory = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK(names_get(x, names[i].kind, names[i].name, strlen(names[i].name),
                        names[i].index) == 0);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        set(x, "account", i, MONEY);
    commit_begin(x);
    CHECK(post_node(x, 1) == 0);
    for (uint32_t i = 0; i < job.first_posts; i++)
        CHECK(post_node(x, top() - 1 - i) == 0);
    (void)commit_end(x, OUTCOME_DONE);
    sim_policy.no_memory = refuse;
}

/* ---- is the answer right? ---- */

#define SAME(what, is, must)  \
    ((is) == (must) ? (void)0 \
                    : sim_fail("%s is %.17g, not %.17g", what, (double)(is), (double)(must)))

static double
acc(struct actor *x, enum acc_kind kind, uint32_t name)
{
    double v = 0;
    (void)acc_get(x, kind, name_at(x->arena, name)->number, &v);
    return v;
}

static void
count_collected(void *arg, const void *bytes, size_t len)
{
    uint8_t *seen = arg;
    uint32_t node = 0;
    if (len >= sizeof node)
        memcpy(&node, bytes, sizeof node);
    if (!node || node >= top())
        sim_fail("the list holds node %u", node);
    else
        seen[node]++;
}

static void
check_accumulators(struct actor *x)
{
    static uint8_t seen[NODES_MAX];
    SAME("sum", acc(x, ACC_SUM, sum_name), want.sum);
    SAME("count", acc(x, ACC_SUM, count_name), want.count);
    SAME("counted by points", acc(x, ACC_SUM, pointed_name), want.pointed);
    SAME("max", acc(x, ACC_MAX, max_name), want.max);
    memset(seen, 0, sizeof seen);
    acc_each(x, name_at(x->arena, list_name)->number, count_collected, seen);
    for (uint32_t node = 1; node < top(); node++) {
        uint8_t times = node != job.poison && !fails_for_good(node);
        if (seen[node] != times)
            sim_fail("node %u is %u times in the list", node, seen[node]);
    }
}

/* "3.0;17.0;3.1;": each run once. */
static void
check_log(struct actor *x)
{
    struct key k;
    struct dict_value v = get(x, key(&k, "log", 0));
    const unsigned char *s = NULL;
    size_t len = 0;
    if (v.present && !codec_get_string(v.bytes, v.len, &s, &len))
        sim_fail("the log is no string");
    char *text = calloc(1, len + 1), *at = text;
    memcpy(text, s ? (const char *)s : "", len);
    for (unsigned node, run; *at; at = strchr(at, ';') + 1) {
        if (sscanf(at, "%u.%u;", &node, &run) != 2 || node >= top() || run > 3) {
            sim_fail("damage in the log");
            break;
        }
        appended[node][run]--;
    }
    free(text);
    for (uint32_t node = 1; node < top(); node++) {
        for (int run = 0; run < 4; run++)
            SAME("entry in the log", appended[node][run], 0);
    }
}

static void
check_crowd(struct actor *x)
{
    struct key k;
    for (uint32_t i = 1; i < CROWD; i++) {
        struct dict_value v = get(x, crowd_key(&k, i));
        SAME("a crowded key", v.present, want.crowd[i] != 0);
        if (v.present && !(i % 3 ? is_text_of(i, &v) : v.number == i))
            sim_fail("crowded key %u has another value", i);
    }
}

static void
check_dict(struct actor *x)
{
    for (uint32_t i = 0; i < COUNTERS; i++)
        SAME("a counter", get_number(x, "counter", i), want.counter[i]);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        SAME("an account", get_number(x, "account", i), want.account[i]);
    for (uint32_t i = 0; i < MANY; i++)
        SAME("one of many", get_number(x, "many", i), want.many[i]);
    SAME("updates", get_number(x, "updates", 0), want.updates);
    SAME("audits", get_number(x, "audits", 0), want.audits);
    check_log(x);
    check_crowd(x);
    for (uint32_t i = 0; i < LATER; i++) {
        char name[16];
        uint32_t index;
        struct key k;
        struct dict_value v = {0};
        snprintf(name, sizeof name, "later %u", i);
        CHECK(names_get(x, NAMED_SUM, name, strlen(name), &index) == 0);
        SAME("a sum named later", acc(x, ACC_SUM, index), want.later_sum[i]);
        CHECK(names_get(x, NAMED_DICT, name, strlen(name), &index) == 0);
        CHECK(dict_get(x, dict_named(x->arena, index), key(&k, "n", 0), &v) == 0);
        SAME("a dict named later", v.present ? v.number : 0, want.later_dict[i]);
    }
}

/* ---- is anything held or lost? ---- */

/* Blocks that somebody refers to. */
static struct {
    uint32_t at[8192];
    uint32_t n;
    uint32_t lost_lists;
    struct arena *a;
} live;

static void
refer(uint32_t block)
{
    if (block && live.n < sizeof live.at / sizeof live.at[0])
        live.at[live.n++] = block;
}

static void
refer_to_bytes(const struct arena *a, size_t offset)
{
    refer(arena_index(a, arena_at(a, offset - sizeof(struct block))));
}

static void
refer_to_record(const struct arena *a, uint32_t record)
{
    refer(record);
    if (record)
        refer(((struct task_record *)block_at(a, record)->bytes)->cursor);
}

static void
refer_to_dict(struct arena *a, const struct name *n)
{
    struct dict *d = arena_at(a, n->object);
    uint64_t keys = 0;
    /* The dict itself is aligned within its block. */
    for (size_t back = 0; back < 2 * ARENA_GRAIN; back += ARENA_GRAIN)
        refer(arena_index(a, d) - (uint32_t)(back / ARENA_GRAIN));
    for (uint32_t i = 0; i < DICT_SHARDS; i++) {
        struct shard *s = &d->shards[i];
        uint64_t *words = arena_at(a, s->index >> 24), size = (uint64_t)1 << (s->index & 0xff);
        uint32_t in_shard = 0, used = 0;
        SAME("a shard's lock", s->lock, 0);
        if (words != d->first[i])
            refer_to_bytes(a, s->index >> 24);
        for (uint64_t w = 0; w < size; w++) {
            refer((uint32_t)words[w]);
            in_shard += (uint32_t)words[w] != 0;
            used += words[w] != 0;
        }
        SAME("a shard's keys", s->live, in_shard);
        CHECK(s->used >= used); /* more: died while it grew */
        keys += in_shard;
    }
    SAME("dict_len", dict_len(d), keys);
}

static void
look_at_block(void *arg, uint32_t index)
{
    (void)arg;
    struct block *b = block_at(live.a, index);
    if ((b->word & 0xff) == BLOCK_FREE)
        return;
    for (uint32_t i = 0; i < live.n; i++) {
        if (live.at[i] == index)
            return;
    }
    if (b->serves == SERVES_LIST)
        live.lost_lists++; /* one a death is the price: see grow_index() */
    else
        sim_fail("block %u (word %llx, serves %llx) is lost", index,
                 (unsigned long long)b->word, (unsigned long long)b->serves);
}

static void
look_at_task(void *arg, uint32_t index)
{
    uint32_t *dead = arg;
    struct task *t = task_at(live.a, index);
    enum task_state state = task_state(t->word);
    uint32_t block;
    if (state == TASK_FREE)
        return;
    if (state != TASK_DEAD) {
        sim_fail("task %u is left in state %d", index, state);
        return;
    }
    ++*dead;
    refer_to_record(live.a, t->record);
    memcpy(&block, t->args + TASK_INLINE - sizeof block, sizeof block);
    if (t->bytes > TASK_INLINE)
        refer(block);
}

static void
check_slot(struct arena *a, uint32_t k)
{
    struct slot *s = slot_at(a, k);
    SAME("phase", s->phase, PHASE_IDLE);
    SAME("tx.state", s->tx.state, TX_IDLE);
    SAME("loose", s->loose, 0);
    SAME("chunk_intent", s->chunk_intent, 0);
    SAME("waits_for", s->waits_for, 0);
    SAME("park", s->park, 0);
    refer_to_record(a, s->record);
    if (s->tx.list != arena_offset(a, s->tx.own))
        refer_to_bytes(a, s->tx.list);
}

static void
is_free(void *arg, uint32_t *word)
{
    (void)arg;
    SAME("a lock", *word, 0);
}

static void
check_counts(struct arena *a)
{
    uint64_t posted = 0, done = 0, failed = 0, retried = 0, dead = 0;
    for (uint32_t k = 0; k <= a->head->nworkers; k++) {
        struct slot *s = slot_at(a, k);
        posted += s->posted;
        done += s->done;
        failed += s->failed;
        retried += s->retried;
        dead += s->dead;
    }
    SAME("posted", posted, top() - 1);
    SAME("done", done, top() - 1);
    SAME("failed", failed, want.failed);
    SAME("dead", dead, job.poison != 0);
    if (!job.no_memory && !job.circles)
        SAME("retried", retried, want.errors);
    CHECK(reported == (job.poison != 0) || no_reports);
}

/* Every unit that was taken is in its owner's list, once. */
static void
check_units(struct arena *a, uint32_t from)
{
    for (uint32_t u = from; u < a->units && a->table[u]; u += (uint32_t)(a->table[u] >> 32)) {
        uint64_t word = a->table[u];
        uint32_t times = 0;
        for (uint32_t k = 0; k <= a->head->nworkers; k++) {
            for (uint32_t class = 0; class < SLOT_CLASSES; class ++) {
                for (uint32_t c = slot_at(a, k)->chunks[class]; c; c = chunk_at(a, c - 1)->next)
                    times += c == u + 1 && k == (uint16_t)(word >> 16);
            }
        }
        SAME("places of a unit in its owner's lists", times, !(word & 1 << 8)); /* not FREE */
    }
}

static void
check_left_overs(struct arena *a)
{
    uint32_t n = a->head->nworkers, dead = 0;
    live.n = live.lost_lists = 0;
    live.a = a;
    check_units(a, 0);
    check_units(a, a->spill_unit);
    for (uint32_t k = 0; k <= n; k++) {
        check_slot(a, k);
        slab_each(a, k, SLAB_TASK, look_at_task, &dead);
    }
    SAME("tasks set aside", dead, job.poison != 0);
    SAME("idle_bits", a->head->idle_bits[0], 0);
    SAME("names_lock", a->head->names_lock, 0);
    names_each_lock(a, is_free, NULL);
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        if (name_at(a, i)->kind == NAMED_DICT)
            refer_to_dict(a, name_at(a, i));
    }
    for (uint32_t k = 0; k <= n; k++) {
        for (uint32_t class = SLAB_BLOCK; class <= SLAB_LARGE; class ++)
            slab_each(a, k, class, look_at_block, NULL);
    }
}

void
job_check(struct actor *super)
{
    check_counts(super->arena);
    if (sim_failed())
        return;
    check_accumulators(super);
    check_left_overs(super->arena);
    check_dict(super);
}
