/* state: a job in a file: made, opened again, refused. What is refused for its
 * contents is damaged in one place each; tests/fuzz/fuzz_state.c does it blindly. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "store/accumulator.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "task/commit.h"
#include "store/dict_tx.h"
#include "base/hash.h"
#include "task/idle.h"
#include "store/names.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/resume.h"
#include "job/state.h"
#include "task/task.h"

enum { WORKERS = 2,
       HASH = 77 };

struct job {
    char dir[64], path[80];
    struct arena arena;
    struct self selves[WORKERS + 1];
    uint32_t dict, lock;
    bool open;
};

static int
setup(void **state)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return -1;
    strcpy(j->dir, "/tmp/test_state-XXXXXX");
    if (!mkdtemp(j->dir))
        return -1;
    snprintf(j->path, sizeof j->path, "%s/state", j->dir);
    *state = j;
    return 0;
}

static void
leave(struct job *j)
{
    for (uint32_t k = 0; j->open && k <= WORKERS; k++)
        self_close(&j->selves[k]);
    if (j->arena.base)
        arena_close(&j->arena);
    j->open = false;
}

static int
teardown(void **state)
{
    struct job *j = *state;
    leave(j);
    unlink(j->path);
    rmdir(j->dir);
    free(j);
    return 0;
}

static void
create(struct job *j)
{
    const char *problem = NULL;
    assert_int_equal(state_create(&j->arena, j->path, HASH, &problem), 0);
    assert_null(problem);
}

static void
act(struct job *j)
{
    for (uint32_t k = 0; k <= WORKERS; k++)
        assert_int_equal(self_open(&j->selves[k], &j->arena, k, WORKERS + 1), 0);
    j->open = true;
}

static void
set(struct job *j, const char *name, const char *value)
{
    struct dict_result result;
    size_t bad;
    struct dict_op op = {
        .kind = DICT_SET,
        .dict = arena_at(&j->arena, name_at(&j->arena, j->dict)->object),
        .key = {name, strlen(name), hash_bytes(name, strlen(name))},
        .value = {true, !value, 5, value, value ? strlen(value) : 0},
    };
    assert_int_equal(dict_tx_run(&j->selves[0], &op, 1, &result, &bad, NULL, NULL), 0);
}

/* A job with ten tasks posted, one done, one running with a record, two names. */
static void
begin(struct job *j)
{
    char big[400];
    create(j);
    j->arena.header->nworkers = WORKERS;
    for (uint32_t k = 0; k <= WORKERS; k++)
        self_slot_init(&j->arena, k);
    act(j);
    struct self *super = &j->selves[0], *x = &j->selves[1];
    assert_int_equal(names_get(super, NAMED_DICT, "", 0, &j->dict), 0);
    assert_int_equal(names_get(super, NAMED_LOCK, "lock", 4, &j->lock), 0);
    set(j, "number", NULL);
    set(j, "text", "some text");
    commit_begin(super);
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(post(super, 1, big, i % 3 ? 5 : sizeof big), 0);
    (void)commit_end(super, OUTCOME_DONE);
    assert_true(queue_look(x));
    commit_begin(x);
    assert_int_equal(accumulator_collect(x, 1, "value", 5), 0);
    (void)commit_end(x, OUTCOME_DONE);
    assert_true(queue_look(x));
    commit_begin(x);
    assert_int_equal(commit_checkpoint(x, "cursor", 6), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(post(x, 2, "abc", 3), 0);
}

static void
assert_opens(struct job *j)
{
    const char *problem = NULL;
    int err = state_open(&j->arena, j->path, HASH, &problem);
    if (err)
        fail_msg("refused: %s", problem);
}

static void
assert_refused(struct job *j, uint64_t hash, const char *words)
{
    const char *problem = NULL;
    struct arena a = {0};
    int err = state_open(&a, j->path, hash, &problem);
    if (err >= 0)
        fail_msg("it was opened, and should say \"%s\"", words);
    if (!strstr(problem, words))
        fail_msg("\"%s\" does not say \"%s\"", problem, words);
    assert_null(a.base);
}

/* ---- the file ---- */

static void
test_state_create_makes_a_private_file(void **state)
{
    struct job *j = *state;
    struct stat st;
    create(j);
    assert_int_equal(stat(j->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true((uint64_t)st.st_size == j->arena.header->bytes);
    assert_true(st.st_blocks * 512 < (64 << 20)); /* the rest are holes */
}

static void
test_state_create_refuses_what_is_there(void **state)
{
    struct job *j = *state;
    const char *problem = NULL;
    struct arena a;
    begin(j);
    leave(j);
    assert_int_equal(state_create(&a, j->path, HASH, &problem), -EEXIST);
    assert_non_null(strstr(problem, "is there already"));
    assert_opens(j); /* untouched */
}

static void
test_state_create_follows_no_link(void **state)
{
    struct job *j = *state;
    const char *problem = NULL;
    struct arena a;
    char target[96];
    snprintf(target, sizeof target, "%s/target", j->dir);
    assert_int_equal(symlink(target, j->path), 0);
    assert_true(state_create(&a, j->path, HASH, &problem) < 0);
    assert_int_equal(access(target, F_OK), -1);
}

static void
test_state_open_follows_no_link(void **state)
{
    struct job *j = *state;
    char target[96];
    begin(j);
    leave(j);
    snprintf(target, sizeof target, "%s/target", j->dir);
    assert_int_equal(rename(j->path, target), 0);
    assert_int_equal(symlink(target, j->path), 0);
    assert_refused(j, HASH, "symbolic link");
    unlink(target);
}

static void
test_state_open_of_nothing_and_of_a_directory(void **state)
{
    struct job *j = *state;
    assert_refused(j, HASH, "No such file");
    assert_int_equal(mkdir(j->path, 0700), 0);
    assert_refused(j, HASH, "directory");
    rmdir(j->path);
}

static void
test_state_open_refuses_another_users_file(void **state)
{
    struct job *j = *state;
    begin(j);
    leave(j);
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_int_equal(chown(j->path, 12345, 12345), 0);
    assert_refused(j, HASH, "another user");
}

static void
test_state_open_refuses_a_short_file(void **state)
{
    struct job *j = *state;
    FILE *f = fopen(j->path, "w");
    assert_non_null(f);
    fputs("not a state", f);
    fclose(f);
    assert_refused(j, HASH, "too short");
    assert_int_equal(truncate(j->path, (off_t)1 << 30), 0);
    assert_refused(j, HASH, "no state of a prunner job");
}

static void
test_state_open_refuses_a_file_in_use(void **state)
{
    struct job *j = *state;
    begin(j);
    assert_refused(j, HASH, "is in use");
    /* An orphan keeps the lock that it has inherited. */
    pid_t orphan = fork();
    assert_true(orphan >= 0);
    if (!orphan) {
        for (;;)
            pause();
    }
    leave(j);
    assert_refused(j, HASH, "is in use");
    kill(orphan, SIGKILL);
    assert_int_equal(waitpid(orphan, NULL, 0), orphan);
    assert_opens(j);
}

/* ---- the header ---- */

static void
test_state_open_refuses_a_foreign_header(void **state)
{
    struct job *j = *state;
    begin(j);
    struct arena_header *h = j->arena.header, was = *h;
    int fd = open(j->path, O_RDWR);
    leave(j);
    assert_refused(j, HASH + 1, "another script");
    struct arena_header other = was;
    other.magic++;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, HASH, "no state of a prunner job");
    other = was;
    other.bytes += 4096;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, HASH, "no state of a prunner job");
    other = was;
    other.layout++;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, HASH, "another version");
    other = was;
    other.boot_id[0] ^= 1;
    assert_int_equal(pwrite(fd, &other, sizeof other, 0), sizeof other);
    assert_refused(j, HASH, "last reboot");
    assert_int_equal(pwrite(fd, &was, sizeof was, 0), sizeof was);
    close(fd);
    assert_opens(j);
}

/* ---- damage ---- */

static struct slot *
slot(struct job *j, uint32_t k)
{
    return slot_at(&j->arena, k);
}

/* The first task in this state. */
struct search {
    struct arena *a;
    enum task_state state;
    uint32_t bytes, found;
};

static void
look_at(void *arg, uint32_t index)
{
    struct search *f = arg;
    const struct task *t = task_at(f->a, index);
    if (!f->found && task_state(t->word) == f->state && t->bytes >= f->bytes)
        f->found = index;
}

static struct task *
find(struct job *j, enum task_state state, uint32_t bytes)
{
    struct search f = {&j->arena, state, bytes, 0};
    for (uint32_t k = 0; k <= WORKERS; k++)
        slab_each(&j->arena, k, SLAB_TASK, look_at, &f);
    assert_true(f.found);
    return task_at(&j->arena, f.found);
}

static struct dict *
dict(struct job *j)
{
    return arena_at(&j->arena, name_at(&j->arena, j->dict)->object);
}

/* A shard that holds a key, and the key's word. */
static struct shard *
shard(struct job *j, uint64_t **word)
{
    struct dict *d = dict(j);
    for (uint32_t k = 0; k < DICT_SHARDS; k++) {
        for (uint32_t i = 0; i < DICT_FIRST; i++) {
            if (d->first[k][i]) {
                *word = &d->first[k][i];
                return &d->shards[k];
            }
        }
    }
    fail();
    return NULL;
}

static uint32_t
args_of(const struct task *t)
{
    uint32_t index;
    memcpy(&index, t->args + TASK_INLINE - sizeof index, sizeof index);
    return index;
}

static void
damage_workers(struct job *j)
{
    j->arena.header->nworkers = ARENA_SLOTS;
}

static void
damage_fewer_workers(struct job *j)
{
    j->arena.header->nworkers = 0;
}

static void
damage_budget(struct job *j)
{
    j->arena.header->budget_units = j->arena.units + 1;
}

static void
damage_hint(struct job *j)
{
    j->arena.header->unit_hint = 1000000;
}

static void
damage_table_size(struct job *j)
{
    j->arena.table[0] += (uint64_t)1 << 60;
}

static void
damage_table_owner(struct job *j)
{
    j->arena.table[0] += (uint64_t)9 << 16;
}

static void
damage_behind_the_table(struct job *j)
{
    assert_int_equal(arena_reserve_table(&j->arena, 5000), 0);
    j->arena.table[5000] = 1;
}

static void
damage_behind_the_heap(struct job *j)
{
    *(char *)arena_at(&j->arena, arena_unit_offset(&j->arena, 9000)) = 1;
}

static void
damage_unused_slot(struct job *j)
{
    assert_int_equal(arena_reserve_slots(&j->arena, 20), 0);
    slot(j, 15)->cur = 1;
}

static void
damage_list(struct job *j)
{
    slot(j, 0)->chunks[SLAB_TASK] += 1;
}

static void
damage_list_is_a_circle(struct job *j)
{
    uint32_t u = slot(j, 0)->chunks[SLAB_TASK];
    chunk_at(&j->arena, u - 1)->next = u;
}

static void
damage_chunk(struct job *j)
{
    chunk_at(&j->arena, slot(j, 0)->chunks[SLAB_TASK] - 1)->bytes *= 2;
}

static void
damage_intent(struct job *j)
{
    slot(j, 1)->chunk_intent = j->arena.units + 5;
}

static void
damage_ring(struct job *j)
{
    slot(j, 1)->ring += 1;
}

static void
damage_ring_place(struct job *j)
{
    slot(j, 1)->ring = (uint64_t)j->arena.bytes << 8 | 8;
}

static void
damage_tail(struct job *j)
{
    slot(j, 1)->tail = slot(j, 1)->head + 100000;
}

static void
damage_ring_hint(struct job *j)
{
    slot(j, 0)->ring0[(slot(j, 0)->tail - 1) % SLOT_RING] = 12345678;
}

static void
damage_phase(struct job *j)
{
    slot(j, 1)->phase = 3;
}

static void
damage_cur(struct job *j)
{
    slot(j, 1)->cur += 100000;
}

static void
damage_accs(struct job *j)
{
    slot(j, 1)->intent.naccumulators = SLOT_ACCUMULATORS + 1;
}

static void
damage_acc_id(struct job *j)
{
    slot(j, 1)->intent.naccumulators = 1;
    slot(j, 1)->accumulator_log[0].id = SLOT_ACCUMULATORS;
}

static void
damage_log_end(struct job *j)
{
    slot(j, 1)->log_end += 1 << 20;
}

static void
damage_log_entry(struct job *j)
{
    char *at = (char *)chunk_at(&j->arena, (uint32_t)(slot(j, 1)->log_end >> 32) - 1);
    ((uint32_t *)(at + ARENA_GRAIN))[1] = 4000;
}

static void
damage_waiting(struct job *j)
{
    slot(j, 1)->wait_tail = SLOT_WAITS + 1;
}

static void
damage_waits_for(struct job *j)
{
    slot(j, 1)->waits_for = j->arena.bytes;
}

static void
damage_staged(struct job *j)
{
    struct task *t = task_at(&j->arena, slot(j, 1)->staged);
    t->next = slot(j, 1)->staged;
}

static void
damage_record_of_slot(struct job *j)
{
    slot(j, 2)->record = slot(j, 1)->cur;
}

static void
damage_loose(struct job *j)
{
    slot(j, 2)->unlinked_block = args_of(find(j, TASK_READY, 300));
}

static void
damage_journal(struct job *j)
{
    slot(j, 1)->journal_on = 1;
    slot(j, 1)->journal_len = 100000;
}

static void
damage_state(struct job *j)
{
    find(j, TASK_READY, 0)->word |= 0x50;
}

static void
damage_args(struct job *j)
{
    find(j, TASK_READY, 300)->bytes = 1 << 20;
}

static void
damage_args_shared(struct job *j)
{
    uint32_t one = args_of(find(j, TASK_READY, 300)), generation = 0;
    struct task *t = find(j, TASK_READY, 0);
    block_at(&j->arena, one)->owner_tag =
        serves_task(arena_index(&j->arena, t), generation);
}

static void
damage_cursor(struct job *j)
{
    task_record_of(&j->arena, task_at(&j->arena, slot(j, 1)->cur))->cursor += 1;
}

static void
damage_running_nowhere(struct job *j)
{
    slot(j, 1)->phase = PHASE_IDLE;
    slot(j, 1)->staged = 0;
    slot(j, 1)->journal_on = 0;
}

static void
damage_done(struct job *j)
{
    slot(j, 1)->done++;
}

static void
damage_block(struct job *j)
{
    block_at(&j->arena, args_of(find(j, TASK_READY, 300)))->word ^= 0x300;
}

static void
damage_name(struct job *j)
{
    name_at(&j->arena, j->lock)->kind = 99;
}

static void
damage_lock(struct job *j)
{
    name_at(&j->arena, j->lock)->lock = WORKERS + 2;
}

static void
damage_dict(struct job *j)
{
    name_at(&j->arena, j->dict)->object += 64;
}

static void
damage_index(struct job *j)
{
    dict(j)->shards[5].index += 1;
}

static void
damage_dict_record(struct job *j)
{
    uint64_t *word;
    (void)shard(j, &word);
    *word += (uint64_t)1 << 32; /* another generation */
}

static void
damage_key(struct job *j)
{
    uint64_t *word;
    (void)shard(j, &word);
    dict_entry_at(&j->arena, (uint32_t)*word)->key_len = 5000;
}

static void
damage_used(struct job *j)
{
    uint64_t *word;
    shard(j, &word)->used = 0;
}

static void
damage_shard_lock(struct job *j)
{
    dict(j)->shards[9].lock = 2;
}

static void
damage_tx(struct job *j)
{
    slot(j, 1)->tx.state = 7;
}

static void
damage_tx_list(struct job *j)
{
    slot(j, 1)->tx.list += 4096;
}

static void
damage_tx_entry(struct job *j)
{
    slot(j, 1)->tx.state = 1;
    slot(j, 1)->tx.n = 1;
    slot(j, 1)->tx.own[0].shard = arena_offset(&j->arena, &dict(j)->shards[1]) + 8;
}

static void
damage_tx_change(struct job *j)
{
    struct tx *tx = &slot(j, 1)->tx;
    dict(j)->shards[1].lock = 2;
    tx->n = 1;
    tx->own[0] = (struct tx_entry){
        .shard = arena_offset(&j->arena, &dict(j)->shards[1]),
        .kind = 1, /* a number, where the arena's head is */
    };
    tx->state = 2;
}

static const struct damage {
    void (*fn)(struct job *j);
    const char *words;
} damages[] = {
    {damage_workers, "number of workers"},
    {damage_fewer_workers, "is damaged"},
    {damage_budget, "header"},
    {damage_hint, "table of chunks"},
    {damage_table_size, "table of chunks"},
    {damage_table_owner, "table of chunks"},
    {damage_behind_the_table, "table of chunks"},
    {damage_behind_the_heap, "table of chunks"},
    {damage_unused_slot, "slot that nobody has used"},
    {damage_list, "list of chunks"},
    {damage_list_is_a_circle, "list of chunks"},
    {damage_chunk, "head of a chunk"},
    {damage_intent, "claim of memory"},
    {damage_ring, "a ring"},
    {damage_ring_place, "a ring"},
    {damage_tail, "ends of a ring"},
    {damage_ring_hint, "hint in a ring"},
    {damage_phase, "phase of a transaction"},
    {damage_cur, "task of a slot"},
    {damage_accs, "accumulators"},
    {damage_acc_id, "accumulators"},
    {damage_log_end, "a log"},
    {damage_log_entry, "a log"},
    {damage_waiting, "list of the waiting"},
    {damage_waits_for, "waits for"},
    {damage_staged, "list of posted tasks"},
    {damage_record_of_slot, "record of a slot"},
    {damage_loose, "block that is being taken"},
    {damage_journal, "a journal"},
    {damage_state, "state of a task"},
    {damage_args, "arguments of a task"},
    {damage_args_shared, "arguments of a task"},
    {damage_cursor, "cursor of a task"},
    {damage_running_nowhere, "runs nowhere"},
    {damage_done, "count of tasks"},
    {damage_block, "a block"},
    {damage_name, "table of names"},
    {damage_lock, "a lock"},
    {damage_dict, "a dict"},
    {damage_index, "index of a dict"},
    {damage_dict_record, "record of a dict"},
    {damage_key, "record of a dict"},
    {damage_used, "counters of a dict"},
    {damage_shard_lock, "a lock"},
    {damage_tx, "list of changes"},
    {damage_tx_list, "list of changes"},
    {damage_tx_entry, "change of a dict"},
    {damage_tx_change, "change of a dict"},
};

static void
test_state_open_refuses_damage(void **state)
{
    struct job *j = *state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char words[80];
        begin(j);
        damages[i].fn(j);
        leave(j);
        snprintf(words, sizeof words, "%s", damages[i].words);
        const char *problem = "";
        struct arena a = {0};
        int err = state_open(&a, j->path, HASH, &problem);
        if (err != -EINVAL || !strstr(problem, words) || !strstr(problem, "is damaged (") ||
            !strstr(problem, "remove it and start anew"))
            fail_msg("damage %zu (%s): %d, \"%s\"", i, words, err, problem);
        unlink(j->path);
    }
}

/* ---- and it goes on ---- */

static void
none_waits(void *arg, uint32_t task)
{
    (void)arg;
    (void)task;
    fail();
}

static void
test_state_open_finds_the_job_as_it_was(void **state)
{
    struct job *j = *state;
    uint32_t n = 0;
    begin(j);
    leave(j);
    assert_opens(j);
    act(j);
    assert_int_equal(resume(&j->selves[0], none_waits, NULL), 0);
    struct self *self = &j->selves[2];
    for (; queue_look(self); n++) {
        commit_begin(self);
        (void)commit_end(self, OUTCOME_DONE);
    }
    assert_int_equal(n, 9); /* one was done, none of the three counted */
    assert_true(idle_all_done(&j->arena));
    leave(j);
    assert_opens(j);
}

static void
test_state_finish_keeps_a_file_that_says_so(void **state)
{
    struct job *j = *state;
    struct stat before, after;
    begin(j);
    state_give_back(&j->arena); /* not yet */
    assert_true(dict(j)->shards[0].index != 0);
    state_finish(&j->arena);
    assert_true(dict(j)->shards[0].index != 0);
    assert_int_equal(stat(j->path, &before), 0);
    state_give_back(&j->arena);
    assert_int_equal(stat(j->path, &after), 0);
    assert_true(after.st_blocks < before.st_blocks);
    leave(j);
    assert_opens(j);
    assert_int_equal(j->arena.header->finished, 1);
}

#define STATE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(test_state_create_makes_a_private_file),
        STATE_TEST(test_state_create_refuses_what_is_there),
        STATE_TEST(test_state_create_follows_no_link),
        STATE_TEST(test_state_open_follows_no_link),
        STATE_TEST(test_state_open_of_nothing_and_of_a_directory),
        STATE_TEST(test_state_open_refuses_another_users_file),
        STATE_TEST(test_state_open_refuses_a_short_file),
        STATE_TEST(test_state_open_refuses_a_file_in_use),
        STATE_TEST(test_state_open_refuses_a_foreign_header),
        STATE_TEST(test_state_open_refuses_damage),
        STATE_TEST(test_state_open_finds_the_job_as_it_was),
        STATE_TEST(test_state_finish_keeps_a_file_that_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
