/* kill_dict: workers that are killed while they change dicts. Four processes run
 * operations through section.c as tasks do; every 1-3 ms one of them gets SIGKILL, is
 * repaired by recover() and forked again.
 *
 *   kill_dict.c        each worker counts what it was told is done
 *   kill_dict_tasks.c  chains of deterministic tasks run with a journal, and at the end
 *                      every value must be exactly that of a run without a death
 *
 * They print TAP; STRESS=long kills more often. Usage: kill_dict [seed] */
#ifndef KILL_DICT_H
#define KILL_DICT_H

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
#include "shard_count.h"
#include "base/clock.h"
#include "codec/codec.h"
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

#define CHECK(x) ((x) ? (void)0 : wrong(#x, __FILE__, __LINE__))

static inline void
wrong(const char *what, const char *file, int line)
{
    fprintf(stderr, "# %s:%d: slot %u: %s\n", file, line, self.arena ? self.me : 0, what);
    atom_or(&control->bad, 1u);
}

static inline uint64_t
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

static inline const struct dict_key *
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

static inline struct dict_value
number(double v)
{
    return (struct dict_value){.present = true, .is_number = true, .number = v};
}

/* An encoded string of `len` bytes that depend on n. */
static inline struct dict_value
text_of(uint64_t n, size_t len, size_t *head)
{
    static unsigned char bytes[CODEC_SCALAR_MAX + (70 << 10)];
    *head = codec_put_string_head(bytes, len);
    for (size_t i = 0; i < len; i++)
        bytes[*head + i] = (unsigned char)(n * 31 + i);
    return (struct dict_value){.present = true, .bytes = bytes, .len = *head + len};
}

static inline bool
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

static inline int
change(enum dict_op_kind kind, const struct dict_key *k, struct dict_value v, size_t head,
       struct dict_result *r)
{
    struct dict_op op = {.kind = kind, .dict = dict, .key = *k, .value = v, .head = head};
    return section_change(&self, &op, r);
}

static inline double
incr(const char *what, uint64_t a, uint64_t b, double by)
{
    struct key k;
    struct dict_result r = {0};
    CHECK(change(DICT_INCR, key(&k, what, a, b), number(by), 0, &r) == 0);
    return r.number;
}

static inline void
set(const char *what, uint64_t a, uint64_t b, struct dict_value v)
{
    struct key k;
    struct dict_result r;
    CHECK(change(DICT_SET, key(&k, what, a, b), v, 0, &r) == 0);
}

static inline bool
remove_key(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_result r = {0};
    CHECK(change(DICT_DELETE, key(&k, what, a, b), (struct dict_value){0}, 0, &r) == 0);
    return r.changed;
}

static inline struct dict_value
get(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_value v = {0};
    CHECK(section_get(&self, dict, key(&k, what, a, b), &v) == 0);
    return v;
}

/* The same for the parent, which has no view. */
static inline struct dict_value
look(const char *what, uint64_t a, uint64_t b)
{
    struct key k;
    struct dict_value v = {0};
    CHECK(dict_get(&boss, dict, key(&k, what, a, b), &v) == 0);
    return v;
}

/* ---- what both kinds of workers do under the lock ---- */

static inline void
    check_total(struct dict_value (*read)(const char *, uint64_t, uint64_t))
{
    double sum = 0;
    for (int i = 0; i < ACCOUNTS; i++)
        sum += read("account", (uint64_t)i, 0).number;
    CHECK(sum == ACCOUNTS * MONEY);
}

static inline uint64_t
from_of(uint64_t r)
{
    return (r >> 8) % ACCOUNTS;
}

static inline uint64_t
to_of(uint64_t r)
{
    return (from_of(r) + 1 + (r >> 16) % (ACCOUNTS - 1)) % ACCOUNTS;
}

static inline double
amount_of(uint64_t r)
{
    return (double)((r >> 24) % 9);
}

static inline void
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
static inline void
fail_to_transfer(uint64_t r)
{
    CHECK(section_lock(&self, bank, -1) == 0);
    double a = get("account", from_of(r), 0).number;
    set("account", from_of(r), 0, number(a + 1e6));
    remove_key("account", to_of(r), 0);
    CHECK(section_unlock(&self, bank, false) == 0);
}

/* ---- the parent ---- */

static inline void
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
static inline void
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

static inline void
repair(uint32_t k)
{
    struct self dead;
    struct recovered what;
    CHECK(self_open(&dead, &arena, k, WORKERS + 1) == 0);
    CHECK(recover(&dead, &boss, TASK_ATTEMPT_MAX, true, &what) == 0);
    CHECK(!what.quarantined);
    self_close(&dead);
    check_released(k);
}

static inline void
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

static inline uint64_t
all_ops(void)
{
    uint64_t n = 0;
    for (int k = 1; k <= WORKERS; k++)
        n += atom_peek(&control->ops[k]);
    return n;
}

static inline double
now(void)
{
    return (double)clock_ns() / 1e9;
}

/* Kills until there were `kills`, then lets the workers end. */
static inline void
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

static inline void
check_shards(void)
{
    records = indexes = 0;
    for (int i = 0; i < DICT_SHARDS; i++) {
        struct shard *s = &dict->shards[i];
        struct shard_count is = shard_count(&arena, s);
        CHECK(s->lock == 0);
        CHECK(s->live == is.live);
        CHECK(s->used >= is.used && s->used < is.words); /* too high after a death while it grew */
        records += is.live;
        indexes += is.words > DICT_FIRST;
    }
}

static struct {
    uint64_t of_dict, of_slot, of_list, other;
} blocks;

static inline void
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
static inline void
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

/* ---- the arena ---- */

static inline void
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

static inline void
close_all(void)
{
    self_close(&boss);
    arena_close(&arena);
}

/* What a program does: lets workers do `work` and die, then `check` looks. `begin` posts
 * tasks, or is NULL. */
static inline int
kill_dict_main(int argc, char **argv, const char *title, void (*begin)(void),
               void (*work)(void), void (*check)(void))
{
    const char *mode = getenv("STRESS");
    bool is_long = mode && strcmp(mode, "long") == 0;
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                   -1, 0);
    if (control == MAP_FAILED)
        return 1;
    printf("1..1\n# seed %llu\n", (unsigned long long)seed);
    open_all();
    if (begin)
        begin();
    let_live_and_die(is_long ? 6000 : 300, is_long ? 120 : 20, work);
    check();
    printf("%sok 1 - %s\n", control->bad ? "not " : "", title);
    fflush(stdout);
    if (control->bad)
        return 1;
    close_all();
    return 0;
}

#endif
