/* What must come out of what the nodes do with dicts and locks. */
#include "sim_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/names.h"
#include "task/section.h"

/* What must come out. */
static struct {
    double counter[COUNTERS], account[ACCOUNTS], many[MANY], updates, audits;
    double later_dict[LATER], later_sum[LATER];
    uint32_t crowd[CROWD]; /* node whose key stays there; 0: none */
} want;

static uint8_t appended[JOB_NODES][JOB_RUNS]; /* entries of the log still to be found */

/* What ops_do() leaves behind when the run ends, with or without an error. */
static void
expect(uint32_t node)
{
    uint32_t ops = node_ops(node), runs = node_errors(node) + 1;
    bool good = !node_fails(node);
    struct ops_transfer t = ops_transfer_of(node);
    if (ops & OP_INCR)
        want.counter[node % COUNTERS] += node * runs;
    if (ops & OP_APPEND) {
        for (uint32_t i = 0; i < runs; i++)
            appended[node][i] = 1;
    }
    if (ops & OP_CROWD && node < CROWD && ops_crowd_stays(node))
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
    ops_forget();
    memset(&want, 0, sizeof want);
    memset(appended, 0, sizeof appended);
    ops_draw_crowd();
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        want.account[i] = MONEY;
        ops_set(self, "account", i, MONEY);
    }
    /* begin() forgets to release this. */
    CHECK(section_lock(self, &name_at(self->arena, names.audit)->lock, -1) == 0);
    ops_set(self, "begun", 0, MONEY);
    for (uint32_t node = 1; node < node_top(); node++)
        expect(node);
}

/* "3.0;17.0;3.1;": each run once. */
static void
check_log(struct self *self)
{
    struct ops_key k;
    struct dict_value v = ops_get(self, ops_key(&k, "log", 0));
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
    struct ops_key k;
    for (uint32_t i = 1; i < CROWD; i++) {
        struct dict_value v = ops_get(self, ops_crowd_key(&k, i));
        SAME("a crowded key", v.present, want.crowd[i] != 0);
        if (v.present && !(i % 3 ? ops_is_text_of(i, &v) : v.number == i))
            sim_fail("crowded key %u has another value", i);
    }
}

void
ops_check(struct self *self)
{
    for (uint32_t i = 0; i < COUNTERS; i++)
        SAME("a counter", ops_get_number(self, "counter", i), want.counter[i]);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        SAME("an account", ops_get_number(self, "account", i), want.account[i]);
    for (uint32_t i = 0; i < MANY; i++)
        SAME("one of many", ops_get_number(self, "many", i), want.many[i]);
    SAME("updates", ops_get_number(self, "updates", 0), want.updates);
    SAME("audits", ops_get_number(self, "audits", 0), want.audits);
    check_log(self);
    check_crowd(self);
    for (uint32_t i = 0; i < LATER; i++) {
        char name[16];
        uint32_t index;
        struct ops_key k;
        struct dict_value v = {0};
        snprintf(name, sizeof name, "later %u", i);
        CHECK(names_get(self, NAMED_SUM, name, strlen(name), &index) == 0);
        SAME("a sum named later", job_acc(self, ACCUMULATOR_SUM, index), want.later_sum[i]);
        CHECK(names_get(self, NAMED_DICT, name, strlen(name), &index) == 0);
        CHECK(dict_get(self, ops_dict_named(self->arena, index), ops_key(&k, "n", 0), &v) == 0);
        SAME("a dict named later", v.present ? v.number : 0, want.later_dict[i]);
    }
}
