/* Workers that are killed while they change dicts. Four processes run operations
 * through view.c as tasks do; every 1-3 ms one of them gets SIGKILL, is repaired by
 * recover() and forked again. In the first half each worker counts what it was
 * told is done; in the second half chains of deterministic tasks run with a
 * journal, and at the end every value must be exactly that of a run without a
 * death. Prints TAP; STRESS=long kills more often. Usage: kill_dict [seed] */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory/self.h"
#include "base/clock.h"
#include "codec/codec.h"
#include "task/record.h"
#include "task/commit.h"
#include "base/hash.h"
#include "task/idle.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"
#include "task/section.h"

enum {
    WORKERS = 4,
    COUNTERS = 8,
    ACCOUNTS = 16,
    MONEY = 1000, /* on each account */
    CHAINS = 7,
    LOG_TASKS = 64, /* after so many a chain starts its log anew */
    TOP = 100,      /* keys that each chain adds and deletes in turn */
    STUCK_S = 20,
};

/* What the parent and the workers tell each other; not part of the arena. */
static struct control {
    uint32_t stop, bad;
    uint64_t acked[WORKERS + 1][COUNTERS]; /* writer: the worker */
    uint64_t ops[WORKERS + 1];             /* to see that all go on */
    uint32_t deaths;
} * control;

static struct arena arena;
static struct self boss; /* slot 0: the parent */
static struct self self; /* a worker */
static struct dict *dict;
static uint32_t *bank, *audit; /* locks */
static pid_t pids[WORKERS + 1];
static uint64_t seed;

#define CHECK(x) ((x) ? (void)0 : wrong(#x, __LINE__))

static void
wrong(const char *what, int line)
{
    fprintf(stderr, "# kill_dict.c:%d: slot %u: %s\n", line, self.arena ? self.me : 0, what);
    atom_or(&control->bad, 1u);
}

static uint64_t
random_of(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- dict operations on keys that are text ---- */

struct key {
    char bytes[60];
    struct dict_key k;
};

static const struct dict_key *
key(struct key *out, const char *what, uint64_t a, uint64_t b)
{
    char *text = out->bytes + 1;
    int len = snprintf(text, sizeof out->bytes - 1, "%s%llu-%llu", what, (unsigned long long)a,
                       (unsigned long long)b);
    (void)codec_put_string_head((unsigned char *)out->bytes, (size_t)len); /* one byte */
    out->k.bytes = out->bytes;
    out->k.len = 1 + (size_t)len;
    out->k.hash = hash_bytes(out->bytes, out->k.len);
    return &out->k;
}

static struct dict_value
number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

/* An encoded string of `len` bytes that depend on n. */
static struct dict_value
text_of(uint64_t n, size_t len, size_t *head)
{
    static unsigned char bytes[CODEC_SCALAR_MAX + (70 << 10)];
    *head = codec_put_string_head(bytes, len);
    for (size_t i = 0; i < len; i++)
        bytes[*head + i] = (unsigned char)(n * 31 + i);
    return (struct dict_value){.present = true, .bytes = bytes, .len = *head + len};
}

static bool
is_text_of(uint64_t n, const struct dict_value *v)
{
    const unsigned char *s;
    size_t len;
    if (!v->present || v->is_number || !codec_get_string(v->bytes, v->len, &s, &len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != (unsigned char)(n * 31 + i))
            return false;
    }
    return true;
}

static int
change(enum dict_op_kind kind, const struct dict_key *k, struct dict_value v, size_t head,
       struct dict_result *r)
{
    struct dict_op op = {.kind = kind, .dict = dict, .key = *k, .value = v, .head = head};
    return section_change(&self, &op, r);
}

static double
incr(const char *what, uint64_t a, uint64_t b, double by)
{
    struct key k;
    struct dict_result r = {0};
    CHECK(change(DICT_INCR, key(&k, what, a, b), number(by), 0, &r) == 0);
    return r.number;
}

static void
set(const char *what, uint64_t a, uint64_t b, struct dict_value v)
{
    struct key k;
    struct dict_result r;
    CHECK(change(DICT_SET, key(&k, what, a, b), v, 0, &r) == 0);
}

static bool
remove_key(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_result r = {0};
    CHECK(change(DICT_DELETE, key(&k, what, a, b), (struct dict_value){0}, 0, &r) == 0);
    return r.changed;
}

static struct dict_value
get(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_value v = {0};
    CHECK(section_get(&self, dict, key(&k, what, a, b), &v) == 0);
    return v;
}

/* The same for the parent, which has no view. */
static struct dict_value
look(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_value v = {0};
    CHECK(dict_get(&boss, dict, key(&k, what, a, b), &v) == 0);
    return v;
}

/* ---- what both kinds of workers do under the lock ---- */

static void
    check_total(struct dict_value (*read)(const char *, uint64_t, uint64_t))
{
    double sum = 0;
    for (int i = 0; i < ACCOUNTS; i++)
        sum += read("account", (uint64_t)i, 0).number;
    CHECK(sum == ACCOUNTS * MONEY);
}

static uint64_t
from_of(uint64_t r)
{
    return (r >> 8) % ACCOUNTS;
}

static uint64_t
to_of(uint64_t r)
{
    return (from_of(r) + 1 + (r >> 16) % (ACCOUNTS - 1)) % ACCOUNTS;
}

static double
amount_of(uint64_t r)
{
    return (double)((r >> 24) % 9);
}

static void
transfer(uint64_t r)
{
    uint64_t from = from_of(r), to = to_of(r);
    CHECK(section_lock(&self, bank, -1) == 0);
    double a = get("account", from, 0).number, b = get("account", to, 0).number;
    set("account", from, 0, number(a - amount_of(r)));
    if (r & 1)
        incr("account", to, 0, amount_of(r));
    else
        set("account", to, 0, number(b + amount_of(r)));
    if (r % 16 == 3)
        check_total(get);
    if (r % 4 == 1) {
        CHECK(section_lock(&self, audit, -1) == 0);
        incr("audits", 0, 0, 1);
        if (r % 8 == 1) {
            remove_key("account", 0, 0); /* and think better of it */
            CHECK(section_unlock(&self, audit, false) == 0);
        } else {
            CHECK(section_unlock(&self, audit, true) == 0);
        }
    }
    CHECK(section_unlock(&self, bank, true) == 0);
}

/* A section that fails: nothing of it is ever seen. */
static void
fail_to_transfer(uint64_t r)
{
    CHECK(section_lock(&self, bank, -1) == 0);
    double a = get("account", from_of(r), 0).number;
    set("account", from_of(r), 0, number(a + 1e6));
    remove_key("account", to_of(r), 0);
    CHECK(section_unlock(&self, bank, false) == 0);
}

/* ---- workers that count what they know is done ---- */

static void
step_counting(uint64_t *random)
{
    uint64_t r = random_of(random), w = self.me, k = (r >> 8) % COUNTERS;
    struct dict_result res;
    struct key name;
    size_t head;
    struct dict_value v;
    switch (r % 8) {
    case 0:
    case 1:
        incr("counter", k, 0, 1);
        atom_set(&control->acked[w][k], control->acked[w][k] + 1);
        break;
    case 2:
        v = text_of(w, (r >> 16) % ((r >> 40) % 32 ? 900 : 70000), &head);
        set("text", w, k, v);
        break;
    case 3:
        v = get("text", 1 + (r >> 16) % WORKERS, k);
        CHECK(!v.present || is_text_of(1 + (r >> 16) % WORKERS, &v));
        break;
    case 4:
        v = get("grown", w, k);
        if (v.present && v.len > 3000) {
            CHECK(remove_key("grown", w, k));
            break;
        }
        v = text_of(k, 256, &head);
        CHECK(change(DICT_APPEND, key(&name, "grown", w, k), v, head, &res) == 0);
        break;
    case 5:
        if (r & 256)
            set("passing", w, (r >> 16) % 200, number((double)r));
        else
            (void)remove_key("passing", w, (r >> 16) % 200);
        break;
    case 6:
        transfer(r >> 5);
        break;
    case 7:
        if (r & 256)
            fail_to_transfer(r);
        else
            transfer(r >> 5);
        break;
    }
}

static void
count(void)
{
    uint64_t random = hash_mix(seed, hash_mix(self.me, control->deaths + 1)) | 1;
    while (!atom_peek(&control->stop)) {
        step_counting(&random);
        atom_set(&control->ops[self.me], control->ops[self.me] + 1);
    }
}

/* ---- workers that run tasks ---- */

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

/* ---- the parent ---- */

static void
start_worker(uint32_t k, void (*work)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (self_open(&self, &arena, k, WORKERS + 1))
            _exit(1);
        work();
        _exit(0);
    }
    pids[k] = pid;
}

/* Nothing of the dead is left where others could wait for it. */
static void
check_released(uint32_t dead)
{
    for (int i = 0; i < DICT_SHARDS; i++)
        CHECK((atom_load(&dict->shards[i].lock) & ~LOCK_WAITERS) != dead + 1);
    CHECK((atom_load(bank) & ~LOCK_WAITERS) != dead + 1);
    CHECK((atom_load(audit) & ~LOCK_WAITERS) != dead + 1);
    struct slot *s = slot_at(&arena, dead);
    CHECK(s->tx.state == TX_IDLE && s->unlinked_block == 0 && s->waits_for == 0);
    CHECK(s->phase == PHASE_IDLE);
}

static void
repair(uint32_t k)
{
    struct self dead;
    struct recovered what;
    CHECK(self_open(&dead, &arena, k, WORKERS + 1) == 0);
    CHECK(recover(&dead, &boss, TASK_ATTEMPT_MAX, true, &what) == 0);
    CHECK(!what.dead);
    self_close(&dead);
    check_released(k);
}

static void
kill_one(uint64_t *random, void (*work)(void))
{
    uint64_t r = random_of(random);
    struct timespec t = {0, 1000000 + (long)((r >> 8) % 2000000)};
    nanosleep(&t, NULL);
    uint32_t k = 1 + (uint32_t)(r % WORKERS);
    int status;
    kill(pids[k], SIGKILL);
    CHECK(waitpid(pids[k], &status, 0) == pids[k]);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    control->deaths++;
    repair(k);
    start_worker(k, work);
}

static uint64_t
all_ops(void)
{
    uint64_t n = 0;
    for (int k = 1; k <= WORKERS; k++)
        n += atom_peek(&control->ops[k]);
    return n;
}

static double
now(void)
{
    return (double)clock_ns() / 1e9;
}

/* Kills until there were `kills`, then lets the workers end. */
static void
let_live_and_die(int kills, double limit_s, void (*work)(void))
{
    uint64_t random = hash_mix(seed, (uint64_t)kills) | 1, ops = 0;
    double begin = now(), progress = begin;
    control->stop = 0;
    control->deaths = 0;
    for (uint32_t k = 1; k <= WORKERS; k++)
        start_worker(k, work);
    for (int n = 0; n < kills && !control->bad && now() - begin < limit_s; n++) {
        kill_one(&random, work);
        if (n % 20 == 0) {
            CHECK(lock_take(&boss, bank, STUCK_S) == 0);
            check_total(look);
            lock_release(&boss, bank);
        }
        progress = all_ops() != ops ? now() : progress;
        ops = all_ops();
        CHECK(now() - progress < STUCK_S);
    }
    atom_set(&control->stop, 1);
    alarm(STUCK_S); /* ends this program if they do not */
    for (uint32_t k = 1; k <= WORKERS; k++) {
        int status;
        CHECK(waitpid(pids[k], &status, 0) == pids[k]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    alarm(0);
    printf("# %u deaths, %llu rounds, %llu keys\n", control->deaths,
           (unsigned long long)all_ops(), (unsigned long long)dict_len(dict));
}

/* ---- what must be true when all is over ---- */

static uint64_t records, indexes; /* found by walking the dict */

static void
check_shards(void)
{
    records = indexes = 0;
    for (int i = 0; i < DICT_SHARDS; i++) {
        struct shard *s = &dict->shards[i];
        uint64_t *w = arena_at(&arena, s->index >> 24), n = (uint64_t)1 << (s->index & 0xff);
        uint32_t live = 0, used = 0;
        for (uint64_t k = 0; k < n; k++) {
            live += (uint32_t)w[k] != 0;
            used += w[k] != 0;
        }
        CHECK(s->lock == 0);
        CHECK(s->live == live);
        CHECK(s->used >= used && s->used < n); /* too high after a death while it grew */
        records += live;
        indexes += n > DICT_FIRST;
    }
}

static struct {
    uint64_t of_dict, of_slot, of_list, other;
} blocks;

static void
count_block(void *arg, uint32_t index)
{
    const struct block *b = block_at(&arena, index);
    (void)arg;
    if ((b->word & 0xff) != BLOCK_USED)
        return;
    blocks.of_dict += b->owner_tag == OWNER_TAG_DICT;
    blocks.of_slot += b->owner_tag == SERVES_SLOT;
    blocks.of_list += b->owner_tag == SERVES_LIST;
    blocks.other += b->owner_tag > SERVES_LIST;
}

/* Every used block is some place's; a few may be lost to deaths. */
static void
check_blocks(void)
{
    uint64_t lists = 0, spares = 0, may_lose = 3 + control->deaths / 100;
    memset(&blocks, 0, sizeof blocks);
    for (uint32_t k = 0; k <= WORKERS; k++) {
        for (uint32_t size_class = SLAB_BLOCK; size_class <= SLAB_LARGE; size_class++)
            slab_each(&arena, k, size_class, count_block, NULL);
        const struct slot *s = slot_at(&arena, k);
        lists += s->tx.list != arena_offset(&arena, s->tx.own);
        spares += s->record != 0;
    }
    printf("# blocks: %llu records of %llu, %llu lists of %llu, %llu spares of %llu, %llu\n",
           (unsigned long long)blocks.of_dict, (unsigned long long)records + 1,
           (unsigned long long)blocks.of_list, (unsigned long long)(indexes + lists),
           (unsigned long long)blocks.of_slot, (unsigned long long)spares,
           (unsigned long long)blocks.other);
    CHECK(blocks.of_dict == records + 1); /* and the dict itself */
    CHECK(blocks.of_list >= indexes + lists && blocks.of_list <= indexes + lists + may_lose);
    CHECK(blocks.of_slot >= spares && blocks.of_slot <= spares + may_lose);
    CHECK(blocks.other <= may_lose);
}

static void
check_counted(void)
{
    check_total(look);
    check_shards();
    check_blocks();
    double lost = 0;
    for (uint64_t c = 0; c < COUNTERS; c++) {
        double acked = 0, value = look("counter", c, 0).number;
        for (int k = 1; k <= WORKERS; k++)
            acked += (double)control->acked[k][c];
        CHECK(value >= acked && value <= acked + control->deaths);
        lost += value - acked;
    }
    CHECK(lost <= control->deaths);
    for (uint64_t w = 1; w <= WORKERS; w++) {
        for (uint64_t k = 0; k < COUNTERS; k++) {
            struct dict_value v = look("text", w, k);
            CHECK(!v.present || is_text_of(w, &v));
            v = look("grown", w, k);
            CHECK(!v.present || (v.len - 3) % 256 == 0);
        }
    }
}

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

/* ---- a fresh arena for each half ---- */

static void
open_all(void)
{
    uint32_t index;
    CHECK(arena_open(&arena, ARENA_BYTES_MIN * 4) == 0);
    arena.header->nworkers = WORKERS;
    for (uint32_t k = 0; k <= WORKERS; k++)
        self_slot_init(&arena, k);
    CHECK(self_open(&boss, &arena, 0, WORKERS + 1) == 0);
    CHECK(names_get(&boss, NAMED_DICT, "d", 1, &index) == 0);
    dict = arena_at(&arena, name_at(&arena, index)->object);
    CHECK(names_get(&boss, NAMED_LOCK, "bank", 4, &index) == 0);
    bank = &name_at(&arena, index)->lock;
    CHECK(names_get(&boss, NAMED_LOCK, "audit", 5, &index) == 0);
    audit = &name_at(&arena, index)->lock;
    memset(control, 0, sizeof *control);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        struct key k;
        struct dict_result r;
        size_t bad;
        struct dict_op op = {.kind = DICT_SET, .dict = dict, .key = *key(&k, "account", i, 0)};
        op.value = number(MONEY);
        CHECK(dict_tx_run(&boss, &op, 1, &r, &bad, NULL, NULL) == 0);
    }
}

static void
close_all(void)
{
    self_close(&boss);
    arena_close(&arena);
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

static int
verdict(int n, const char *title)
{
    printf("%sok %d - %s\n", control->bad ? "not " : "", n, title);
    fflush(stdout);
    return control->bad != 0;
}

int
main(int argc, char **argv)
{
    const char *mode = getenv("STRESS");
    bool is_long = mode && strcmp(mode, "long") == 0;
    int kills = is_long ? 6000 : 300;
    double limit_s = is_long ? 120 : 20;
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (control == MAP_FAILED)
        return 1;
    printf("1..2\n# seed %llu\n", (unsigned long long)seed);

    open_all();
    let_live_and_die(kills, limit_s, count);
    check_counted();
    if (verdict(1, "what a worker was told is done is done once"))
        return 1;
    close_all();

    open_all();
    post_chains();
    let_live_and_die(kills, limit_s, run_tasks);
    check_tasks();
    if (verdict(2, "deterministic tasks: as if nobody had died"))
        return 1;
    close_all();
    return 0;
}
