/* What the nodes of the simulator's job do with dicts and locks, and next to each
 * what must come out. */
#include "sim_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "codec/codec.h"
#include "base/hash.h"
#include "store/names.h"
#include "task/section.h"

enum {
    COUNTERS = 3,
    TEXTS = 3,
    ACCOUNTS = 5,
    MONEY = 1000, /* on each account */
    MANY = 7,     /* keys that one section writes */
    CROWD = 64,   /* keys that are in one shard */
    CROWD_SHARD = 5,
    LATER = 2, /* dicts, locks, sums that are named while the job runs */
};

/* What must come out. */
static struct {
    double counter[COUNTERS], account[ACCOUNTS], many[MANY], updates, audits;
    double later_dict[LATER], later_sum[LATER];
    uint32_t crowd[CROWD]; /* node whose key stays there; 0: none */
} want;

static uint8_t appended[JOB_NODES][JOB_RUNS]; /* entries of the log still to be found */
static uint32_t crowd_salt[CROWD];
static struct {
    uint32_t lock, who; /* slot + 1 of who is in its section */
} inside[8];

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
change(struct self *self, uint32_t dict, enum dict_op_kind kind, const struct dict_key *k,
       struct dict_value v, size_t head)
{
    struct dict_result r = {0};
    struct dict_op op = {
        .kind = kind,
        .dict = dict_named(self->arena, dict),
        .key = *k,
        .value = v,
        .head = head,
    };
    int err = section_change(self, &op, &r);
    if (err)
        sim_fail("dict operation %d: error %d", kind, err);
    return r;
}

static void
incr(struct self *self, const char *what, uint32_t n, double by)
{
    struct key k;
    (void)change(self, names.dict, DICT_INCR, key(&k, what, n), number(by), 0);
}

static void
set(struct self *self, const char *what, uint32_t n, double v)
{
    struct key k;
    (void)change(self, names.dict, DICT_SET, key(&k, what, n), number(v), 0);
}

static struct dict_value
get(struct self *self, const struct dict_key *k)
{
    struct dict_value v;
    int err = section_get(self, dict_named(self->arena, names.dict), k, &v);
    if (err)
        sim_fail("get: error %d", err);
    return v;
}

static double
get_number(struct self *self, const char *what, uint32_t n)
{
    struct key k;
    struct dict_value v = get(self, key(&k, what, n));
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
enter(struct self *self, uint32_t lock)
{
    uint32_t *who = who_is_in(lock);
    if (*who)
        sim_fail("slots %u and %u both hold lock %u", *who - 1, self->me, lock);
    *who = self->me + 1;
}

static int
lock(struct self *self, uint32_t name, double seconds)
{
    int err = section_lock(self, &name_at(self->arena, name)->lock, seconds);
    if (!err)
        enter(self, name);
    return err;
}

static void
unlock(struct self *self, uint32_t name, bool keep)
{
    *who_is_in(name) = 0;
    int err = section_unlock(self, &name_at(self->arena, name)->lock, keep);
    if (err)
        sim_fail("unlock: error %d", err);
}

static void
do_append(struct self *self, uint32_t node, uint32_t run)
{
    struct key k;
    unsigned char bytes[CODEC_SCALAR_MAX + 32];
    char text[32];
    size_t len = (size_t)snprintf(text, sizeof text, "%u.%u;", node, run);
    size_t head = codec_put_string_head(bytes, len);
    memcpy(bytes + head, text, len);
    struct dict_value v = {.present = true, .bytes = bytes, .len = head + len};
    (void)change(self, names.dict, DICT_APPEND, key(&k, "log", 0), v, head);
}

static void
do_text(struct self *self, uint32_t node)
{
    struct key k;
    struct text t;
    (void)change(self, names.dict, DICT_SET, key(&k, "text", node % TEXTS), text_of(&t, node), 0);
    struct dict_value v = get(self, key(&k, "text", (node + 1) % TEXTS));
    CHECK(!v.present || is_text(&v));
}

/* A key of the node's own among many in its shard: added, and mostly deleted. */
static bool
crowd_stays(uint32_t node)
{
    return node_bits(node, 5) % 2;
}

static void
do_crowd(struct self *self, uint32_t node, uint32_t run)
{
    struct key k;
    struct text t;
    const struct dict_key *own = crowd_key(&k, node);
    struct dict_value v = node % 3 ? text_of(&t, node) : number(node);
    bool was_there = run && crowd_stays(node);
    CHECK(change(self, names.dict, DICT_ADD, own, v, 0).changed == !was_there);
    if (!crowd_stays(node)) {
        CHECK(change(self, names.dict, DICT_DELETE, own, (struct dict_value){0}, 0).changed);
        return;
    }
    v = get(self, own);
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
do_transfer(struct self *self, uint32_t node, bool keep)
{
    struct transfer t = transfer_of(node);
    CHECK(lock(self, names.bank, -1) == 0);
    double from = get_number(self, "account", t.from), to = get_number(self, "account", t.to);
    set(self, "account", t.from, from - t.amount);
    if (node % 2)
        set(self, "account", t.to, to + t.amount);
    else
        incr(self, "account", t.to, t.amount);
    double sum = 0;
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        sum += get_number(self, "account", i);
    CHECK(sum == ACCOUNTS * MONEY);
    unlock(self, names.bank, keep);
}

static void
do_update(struct self *self)
{
    struct key k;
    struct dict_result r = {0};
    struct dict_op op = {
        .kind = DICT_CAS,
        .dict = dict_named(self->arena, names.dict),
        .key = *key(&k, "updates", 0),
        .update = true,
    };
    for (int i = 0; i < 1000; i++) {
        op.old = get(self, &op.key);
        op.value = number((op.old.present ? op.old.number : 0) + 1);
        int err = section_change(self, &op, &r);
        if (err)
            sim_fail("update: error %d", err);
        if (r.changed)
            return;
    }
    sim_fail("update: no end");
}

static void
do_many(struct self *self, uint32_t node)
{
    CHECK(lock(self, names.audit, -1) == 0);
    for (uint32_t i = 0; i < MANY; i++)
        incr(self, "many", i, node);
    unlock(self, names.audit, true);
}

static void
do_nested(struct self *self, uint32_t node)
{
    CHECK(lock(self, names.bank, -1) == 0);
    incr(self, "account", node % ACCOUNTS, 1);
    CHECK(lock(self, names.audit, -1) == 0);
    incr(self, "audits", 0, 1);
    incr(self, "account", node % ACCOUNTS, -1);
    if (node % 2) { /* think better of it */
        unlock(self, names.audit, false);
        incr(self, "account", node % ACCOUNTS, -1);
    } else {
        unlock(self, names.audit, true);
    }
    unlock(self, names.bank, true);
}

static void
do_lock(struct self *self, uint32_t node)
{
    static const double times[] = {0, 10e-6, -1};
    double seconds = times[node % 3];
    int err = lock(self, names.bank, seconds);
    CHECK(err == 0 || (err == -ETIMEDOUT && seconds >= 0));
    if (err)
        return;
    sim_point();
    sim_point();
    unlock(self, names.bank, true);
}

/* The first to come creates what has the name. */
static void
do_name(struct self *self, uint32_t node)
{
    char name[16];
    uint32_t index, which = node % LATER;
    struct key k;
    snprintf(name, sizeof name, "later %u", which);
    CHECK(names_get(self, NAMED_SUM, name, strlen(name), &index) == 0);
    accumulator_add(self, ACCUMULATOR_SUM, name_at(self->arena, index)->number, node);
    CHECK(names_get(self, NAMED_DICT, name, strlen(name), &index) == 0);
    (void)change(self, index, DICT_INCR, key(&k, "n", 0), number(1), 0);
    CHECK(names_get(self, NAMED_LOCK, name, strlen(name), &index) == 0);
    CHECK(lock(self, index, -1) == 0);
    unlock(self, index, true);
}

static void
look_at_record(void *arg, const struct dict_entry *r)
{
    struct dict_value v = {
        .present = true,
        .is_number = r->is_number,
        .number = r->number,
        .bytes = r->bytes + r->key_len,
        .len = r->value_len,
    };
    uint32_t *keys = arg;
    ++*keys;
    CHECK(r->key_len < sizeof(struct key));
    CHECK(v.is_number || r->bytes[1] != 'c' || is_text(&v)); /* "crowd..." */
}

/* Each key of the crowd has one value only, whoever reads it when. */
static void
do_read(struct self *self, uint32_t node)
{
    struct key k;
    for (uint32_t i = node; i < node + 12; i++) {
        struct dict_value v = get(self, key(&k, "text", i % TEXTS));
        CHECK(!v.present || is_text(&v));
        uint32_t n = i % CROWD;
        v = get(self, crowd_key(&k, n));
        CHECK(!v.present || (n % 3 ? is_text_of(n, &v) : v.is_number && v.number == n));
    }
}

/* Looks through the crowded shard. */
static void
do_each(struct self *self)
{
    uint32_t keys = 0;
    CHECK(dict_tx_snapshot(self, dict_named(self->arena, names.dict), CROWD_SHARD, look_at_record,
                           &keys) == 0);
    CHECK(keys < 2 * CROWD);
}

void
ops_do(struct self *self, uint32_t node, uint32_t run)
{
    uint32_t ops = node_ops(node);
    if (ops & OP_INCR)
        incr(self, "counter", node % COUNTERS, node);
    if (ops & OP_APPEND)
        do_append(self, node, run);
    if (ops & OP_TEXT)
        do_text(self, node);
    if (ops & OP_CROWD && node < CROWD)
        do_crowd(self, node, run);
    if (ops & OP_TRANSFER)
        do_transfer(self, node, true);
    if (ops & OP_FAIL_TRANSFER)
        do_transfer(self, node + 1, false);
    if (ops & OP_UPDATE)
        do_update(self);
    if (ops & OP_MANY)
        do_many(self, node);
    if (ops & OP_NESTED)
        do_nested(self, node);
    if (ops & OP_LOCK)
        do_lock(self, node);
    if (ops & OP_NAME)
        do_name(self, node);
    if (ops & OP_EACH)
        do_each(self);
    if (ops & OP_READ)
        do_read(self, node);
}

bool
ops_take_both(struct self *self, uint32_t node)
{
    uint32_t first = node % 2 ? names.bank : names.audit;
    uint32_t second = node % 2 ? names.audit : names.bank;
    int err = lock(self, first, -1);
    CHECK(err == 0);
    sim_point();
    err = lock(self, second, -1);
    CHECK(err == 0 || err == -ELOOP);
    if (!err)
        unlock(self, second, true);
    unlock(self, first, true);
    return !err;
}

void
ops_died(uint32_t k)
{
    for (uint32_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        if (inside[i].who == k + 1)
            inside[i].who = 0;
    }
}

/* ---- what must come out ---- */

/* What ops_do() leaves behind when the run ends, with or without an error. */
static void
expect(uint32_t node)
{
    uint32_t ops = node_ops(node), runs = node_errors(node) + 1;
    bool good = !node_fails(node);
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

void
ops_begin(struct self *self)
{
    memset(inside, 0, sizeof inside);
    memset(&want, 0, sizeof want);
    memset(appended, 0, sizeof appended);
    draw_crowd();
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        want.account[i] = MONEY;
        set(self, "account", i, MONEY);
    }
    for (uint32_t node = 1; node < node_top(); node++)
        expect(node);
}

/* "3.0;17.0;3.1;": each run once. */
static void
check_log(struct self *self)
{
    struct key k;
    struct dict_value v = get(self, key(&k, "log", 0));
    const unsigned char *s = NULL;
    size_t len = 0;
    if (v.present && !codec_get_string(v.bytes, v.len, &s, &len))
        sim_fail("the log is no string");
    char *text = calloc(1, len + 1), *at = text;
    memcpy(text, s ? (const char *)s : "", len);
    for (unsigned node, run; *at; at = strchr(at, ';') + 1) {
        if (sscanf(at, "%u.%u;", &node, &run) != 2 || node >= node_top() || run > 3) {
            sim_fail("damage in the log");
            break;
        }
        appended[node][run]--;
    }
    free(text);
    for (uint32_t node = 1; node < node_top(); node++) {
        for (int run = 0; run < 4; run++)
            SAME("entry in the log", appended[node][run], 0);
    }
}

static void
check_crowd(struct self *self)
{
    struct key k;
    for (uint32_t i = 1; i < CROWD; i++) {
        struct dict_value v = get(self, crowd_key(&k, i));
        SAME("a crowded key", v.present, want.crowd[i] != 0);
        if (v.present && !(i % 3 ? is_text_of(i, &v) : v.number == i))
            sim_fail("crowded key %u has another value", i);
    }
}

void
ops_check(struct self *self)
{
    for (uint32_t i = 0; i < COUNTERS; i++)
        SAME("a counter", get_number(self, "counter", i), want.counter[i]);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        SAME("an account", get_number(self, "account", i), want.account[i]);
    for (uint32_t i = 0; i < MANY; i++)
        SAME("one of many", get_number(self, "many", i), want.many[i]);
    SAME("updates", get_number(self, "updates", 0), want.updates);
    SAME("audits", get_number(self, "audits", 0), want.audits);
    check_log(self);
    check_crowd(self);
    for (uint32_t i = 0; i < LATER; i++) {
        char name[16];
        uint32_t index;
        struct key k;
        struct dict_value v = {0};
        snprintf(name, sizeof name, "later %u", i);
        CHECK(names_get(self, NAMED_SUM, name, strlen(name), &index) == 0);
        SAME("a sum named later", job_acc(self, ACCUMULATOR_SUM, index), want.later_sum[i]);
        CHECK(names_get(self, NAMED_DICT, name, strlen(name), &index) == 0);
        CHECK(dict_get(self, dict_named(self->arena, index), key(&k, "n", 0), &v) == 0);
        SAME("a dict named later", v.present ? v.number : 0, want.later_dict[i]);
    }
}
