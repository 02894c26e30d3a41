/* What the nodes of the simulator's job do with dicts and locks. */
#include "sim_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "codec/codec.h"
#include "base/hash.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/section.h"

static struct {
    uint32_t lock, who; /* slot + 1 of who is in its section */
} inside[8];

struct dict *
ops_dict_named(const struct arena *a, uint32_t name)
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
        .dict = ops_dict_named(self->arena, dict),
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
    struct ops_key k;
    (void)change(self, names.dict, DICT_INCR, ops_key(&k, what, n), ops_number(by), 0);
}

void
ops_set(struct self *self, const char *what, uint32_t n, double v)
{
    struct ops_key k;
    (void)change(self, names.dict, DICT_SET, ops_key(&k, what, n), ops_number(v), 0);
}

struct dict_value
ops_get(struct self *self, const struct dict_key *k)
{
    struct dict_value v;
    int err = section_get(self, ops_dict_named(self->arena, names.dict), k, &v);
    if (err)
        sim_fail("get: error %d", err);
    return v;
}

double
ops_get_number(struct self *self, const char *what, uint32_t n)
{
    struct ops_key k;
    struct dict_value v = ops_get(self, ops_key(&k, what, n));
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
    struct ops_key k;
    unsigned char bytes[CODEC_SCALAR_MAX + 32];
    char text[32];
    size_t len = (size_t)snprintf(text, sizeof text, "%u.%u;", node, run);
    size_t head = codec_put_string_head(bytes, len);
    memcpy(bytes + head, text, len);
    struct dict_value v = {.present = true, .bytes = bytes, .len = head + len};
    (void)change(self, names.dict, DICT_APPEND, ops_key(&k, "log", 0), v, head);
}

static void
do_text(struct self *self, uint32_t node)
{
    struct ops_key k;
    struct ops_text t;
    (void)change(self, names.dict, DICT_SET, ops_key(&k, "text", node % TEXTS),
                 ops_text_of(&t, node), 0);
    struct dict_value v = ops_get(self, ops_key(&k, "text", (node + 1) % TEXTS));
    CHECK(!v.present || ops_is_text(&v));
}

static void
do_crowd(struct self *self, uint32_t node, uint32_t run)
{
    struct ops_key k;
    struct ops_text t;
    const struct dict_key *own = ops_crowd_key(&k, node);
    struct dict_value v = node % 3 ? ops_text_of(&t, node) : ops_number(node);
    bool was_there = run && ops_crowd_stays(node);
    CHECK(change(self, names.dict, DICT_ADD, own, v, 0).changed == !was_there);
    if (!ops_crowd_stays(node)) {
        CHECK(change(self, names.dict, DICT_DELETE, own, (struct dict_value){0}, 0).changed);
        return;
    }
    v = ops_get(self, own);
    CHECK(v.present && (node % 3 ? ops_is_text_of(node, &v) : v.number == node));
}

static void
do_transfer(struct self *self, uint32_t node, bool keep)
{
    struct ops_transfer t = ops_transfer_of(node);
    if (node % 3 == 0) /* it is not self's: whoever is in there stays alone */
        (void)lock_release(self, &name_at(self->arena, names.bank)->lock);
    CHECK(ops_get_number(self, "begun", 0) == MONEY);
    CHECK(lock(self, names.bank, -1) == 0);
    double from = ops_get_number(self, "account", t.from);
    double to = ops_get_number(self, "account", t.to);
    ops_set(self, "account", t.from, from - t.amount);
    if (node % 2)
        ops_set(self, "account", t.to, to + t.amount);
    else
        incr(self, "account", t.to, t.amount);
    double sum = 0;
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        sum += ops_get_number(self, "account", i);
    CHECK(sum == ACCOUNTS * MONEY);
    unlock(self, names.bank, keep);
}

static void
do_update(struct self *self)
{
    struct ops_key k;
    struct dict_result r = {0};
    struct dict_op op = {
        .kind = DICT_CAS,
        .dict = ops_dict_named(self->arena, names.dict),
        .key = *ops_key(&k, "updates", 0),
        .update = true,
    };
    for (int i = 0; i < 1000; i++) {
        op.old = ops_get(self, &op.key);
        op.value = ops_number((op.old.present ? op.old.number : 0) + 1);
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
    struct ops_key k;
    snprintf(name, sizeof name, "later %u", which);
    CHECK(names_get(self, NAMED_SUM, name, strlen(name), &index) == 0);
    accumulator_add(self, ACCUMULATOR_SUM, name_at(self->arena, index)->number, node);
    CHECK(names_get(self, NAMED_DICT, name, strlen(name), &index) == 0);
    (void)change(self, index, DICT_INCR, ops_key(&k, "n", 0), ops_number(1), 0);
    CHECK(names_get(self, NAMED_LOCK, name, strlen(name), &index) == 0);
    CHECK(lock(self, index, -1) == 0);
    unlock(self, index, true);
}

static void
look_at_record(void *arg, const struct dict_entry *r)
{
    struct dict_value v = {
        .present = true,
        .is_number = r->kind == ENTRY_NUMBER,
        .number = r->number,
        .bytes = r->bytes + r->key_len,
        .len = r->value_len,
    };
    uint32_t *keys = arg;
    ++*keys;
    CHECK(r->key_len < sizeof(struct ops_key));
    CHECK(v.is_number || r->bytes[1] != 'c' || ops_is_text(&v)); /* "crowd..." */
}

/* Each key of the crowd has one value only, whoever reads it when. */
static void
do_read(struct self *self, uint32_t node)
{
    struct ops_key k;
    for (uint32_t i = node; i < node + 12; i++) {
        struct dict_value v = ops_get(self, ops_key(&k, "text", i % TEXTS));
        CHECK(!v.present || ops_is_text(&v));
        uint32_t n = i % CROWD;
        v = ops_get(self, ops_crowd_key(&k, n));
        CHECK(!v.present || (n % 3 ? ops_is_text_of(n, &v) : v.is_number && v.number == n));
    }
}

/* Looks through the crowded shard. */
static void
do_each(struct self *self)
{
    uint32_t keys = 0;
    CHECK(dict_tx_snapshot(self, ops_dict_named(self->arena, names.dict), CROWD_SHARD,
                           look_at_record, &keys) == 0);
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

void
ops_forget(void)
{
    memset(inside, 0, sizeof inside);
}
