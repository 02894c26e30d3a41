/* Workers that are killed while they run tasks that change dicts, with a journal
 * (kill_dict.h). */
#include "kill_dict.h"

#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"

enum {
    CHAINS = 7,
    LOG_TASKS = 64, /* after so many a chain starts its log anew */
    TOP = 100,      /* keys that each chain adds and deletes in turn */
};

struct step {
    uint32_t chain, seq;
};

static uint64_t
random_of_step(struct step s)
{
    uint64_t r = hash_mix(seed, (uint64_t)s.chain << 32 | s.seq);
    return hash_mix(r, r >> 32);
}

/* The dict operations of one task: no matter how often it is begun, each counts
 * once. */
static void
do_step(struct step s)
{
    uint64_t r = random_of_step(s);
    struct dict_result res = {0};
    struct key k;
    size_t head;
    incr("counter", r % COUNTERS, 0, 1);
    struct dict_value v = text_of(s.chain, s.seq % 700, &head);
    set("text", s.chain, 0, v);
    CHECK(change(DICT_INCR, key(&k, "text", s.chain, 0), number(1), 0, &res) == -EINVAL);

    char line[16];
    unsigned char more[CODEC_SCALAR_MAX + sizeof line];
    size_t len = (size_t)snprintf(line, sizeof line, "%u;", s.seq);
    head = codec_put_string_head(more, len);
    memcpy(more + head, line, len);
    v = (struct dict_value){.present = true, .bytes = more, .len = head + len};
    if (s.seq && s.seq % LOG_TASKS == 0)
        CHECK(remove_key("log", s.chain, 0));
    CHECK(change(DICT_APPEND, key(&k, "log", s.chain, 0), v, head, &res) == 0);

    if (r % 3)
        transfer(r);
    else
        fail_to_transfer(r);
    CHECK(section_lock(&self, audit, -1) == 0); /* guards nothing that is in a dict */
    CHECK(section_unlock(&self, audit, true) == 0);

    do {
        struct dict_op op = {.kind = DICT_CAS, .dict = dict, .key = *key(&k, "updates", 0, 0)};
        CHECK(section_get(&self, dict, &op.key, &op.old) == 0);
        op.update = true;
        op.value = number(op.old.number + 1);
        CHECK(section_change(&self, &op, &res) == 0);
    } while (!res.changed);

    CHECK(change(DICT_ADD, key(&k, "passing", s.chain, s.seq % TOP), number(s.seq), 0, &res) == 0);
    CHECK(res.changed);
    bool was = remove_key("passing", s.chain, (s.seq + TOP / 2) % TOP);
    CHECK(was == (s.seq >= TOP / 2));
    incr("counter", (r >> 32) % COUNTERS, 0, (double)(r % 5));
}

static void
run_task(void)
{
    struct step s;
    memcpy(&s, task_args(&arena, task_at(&arena, self.slot->cur)), sizeof s);
    do_step(s);
    if (atom_peek(&control->stop)) {
        set("end", s.chain, 0, number(s.seq));
    } else {
        s.seq++;
        CHECK(post(&self, 1, &s, sizeof s) == 0);
    }
    CHECK(!journal_take_warning(&self));
    CHECK(!section_any_held(&self));
    (void)commit_end(&self, OUTCOME_DONE);
}

static void
run_tasks(void)
{
    self.journaling = true;
    while (!idle_all_done(&arena)) {
        if (queue_take(&self) || queue_look(&self)) {
            commit_begin(&self);
            self.journal_warned = false;
            run_task();
            atom_set(&control->ops[self.me], control->ops[self.me] + 1);
        } else {
            sched_yield();
        }
    }
}

static void
post_chains(void)
{
    commit_begin(&boss);
    for (uint32_t c = 0; c < CHAINS; c++) {
        struct step s = {c, 0};
        CHECK(post(&boss, 1, &s, sizeof s) == 0);
    }
    (void)commit_end(&boss, OUTCOME_DONE);
}

/* ---- what must come of it ---- */

/* What the tasks must have made, by doing it in plain C. */
static struct {
    double counters[COUNTERS], accounts[ACCOUNTS], audits, updates;
} want;

static void
want_step(struct step s)
{
    uint64_t r = random_of_step(s);
    want.counters[r % COUNTERS]++;
    want.counters[(r >> 32) % COUNTERS] += (double)(r % 5);
    want.updates++;
    if (r % 3 == 0)
        return;
    want.accounts[from_of(r)] -= amount_of(r);
    want.accounts[to_of(r)] += amount_of(r);
    want.audits += r % 4 == 1 && r % 8 != 1;
}

static void
check_chain(uint32_t chain)
{
    static char log[LOG_TASKS * 12];
    size_t len = 0, got_len = 0, keys = 0;
    const unsigned char *got = NULL;
    uint32_t end = (uint32_t)look("end", chain, 0).number;
    for (struct step s = {chain, 0}; s.seq <= end; s.seq++)
        want_step(s);
    for (uint32_t i = end - end % LOG_TASKS; i <= end; i++)
        len += (size_t)snprintf(log + len, sizeof log - len, "%u;", i);
    struct dict_value v = look("log", chain, 0);
    CHECK(v.present && codec_get_string(v.bytes, v.len, &got, &got_len));
    CHECK(got_len == len && memcmp(got, log, len) == 0);
    for (uint64_t i = 0; i < TOP; i++)
        keys += look("passing", chain, i).present;
    CHECK(keys == (end < TOP / 2 ? end + 1 : TOP / 2));
    v = look("text", chain, 0);
    CHECK(is_text_of(chain, &v));
}

static void
check_tasks(void)
{
    check_total(look);
    check_shards();
    check_blocks();
    memset(&want, 0, sizeof want);
    for (uint32_t c = 0; c < CHAINS; c++)
        check_chain(c);
    for (uint64_t c = 0; c < COUNTERS; c++)
        CHECK(look("counter", c, 0).number == want.counters[c]);
    for (uint64_t i = 0; i < ACCOUNTS; i++)
        CHECK(look("account", i, 0).number == MONEY + want.accounts[i]);
    CHECK(look("audits", 0, 0).number == want.audits);
    CHECK(look("updates", 0, 0).number == want.updates);
}

int
main(int argc, char **argv)
{
    return kill_dict_main(argc, argv, "deterministic tasks: as if nobody had died", post_chains,
                          run_tasks, check_tasks);
}
