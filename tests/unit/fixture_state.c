#include "fixture_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "job/state.h"
#include "store/accumulator.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "task/commit.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/task.h"

int
state_job_setup(void **state)
{
    struct state_job *j = calloc(1, sizeof *j);
    if (!j)
        return -1;
    strcpy(j->dir, "/tmp/test_state-XXXXXX");
    if (!mkdtemp(j->dir))
        return -1;
    snprintf(j->path, sizeof j->path, "%s/state", j->dir);
    *state = j;
    return 0;
}

void
state_job_leave(struct state_job *j)
{
    for (uint32_t k = 0; j->open && k <= STATE_WORKERS; k++)
        self_close(&j->selves[k]);
    if (j->arena.base)
        arena_close(&j->arena);
    j->open = false;
}

int
state_job_teardown(void **state)
{
    struct state_job *j = *state;
    state_job_leave(j);
    unlink(j->path);
    rmdir(j->dir);
    free(j);
    return 0;
}

void
state_job_create(struct state_job *j)
{
    const char *problem = NULL;
    assert_int_equal(state_create(&j->arena, j->path, STATE_HASH, &problem), 0);
    assert_null(problem);
}

void
state_job_act(struct state_job *j)
{
    for (uint32_t k = 0; k <= STATE_WORKERS; k++)
        assert_int_equal(self_open(&j->selves[k], &j->arena, k, STATE_WORKERS + 1), 0);
    j->open = true;
}

static void
set(struct state_job *j, const char *name, const char *value)
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

void
state_job_begin(struct state_job *j)
{
    char big[400];
    state_job_create(j);
    j->arena.header->nworkers = STATE_WORKERS;
    for (uint32_t k = 0; k <= STATE_WORKERS; k++)
        self_slot_init(&j->arena, k);
    state_job_act(j);
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

void
state_job_opens(struct state_job *j)
{
    const char *problem = NULL;
    int err = state_open(&j->arena, j->path, STATE_HASH, &problem);
    if (err)
        fail_msg("refused: %s", problem);
}

struct dict *
state_job_dict(struct state_job *j)
{
    return arena_at(&j->arena, name_at(&j->arena, j->dict)->object);
}

struct slot *
state_job_slot(struct state_job *j, uint32_t k)
{
    return slot_at(&j->arena, k);
}

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

struct task *
state_job_find(struct state_job *j, enum task_state state, uint32_t bytes)
{
    struct search f = {&j->arena, state, bytes, 0};
    for (uint32_t k = 0; k <= STATE_WORKERS; k++)
        slab_each(&j->arena, k, SLAB_TASK, look_at, &f);
    assert_true(f.found);
    return task_at(&j->arena, f.found);
}

struct shard *
state_job_shard(struct state_job *j, uint64_t **word)
{
    struct dict *d = state_job_dict(j);
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

void
state_job_refuses(struct state_job *j, const struct state_damage *damages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char words[80];
        state_job_begin(j);
        damages[i].fn(j);
        state_job_leave(j);
        snprintf(words, sizeof words, "%s", damages[i].words);
        const char *problem = "";
        struct arena a = {0};
        int err = state_open(&a, j->path, STATE_HASH, &problem);
        if (err != -EINVAL || !strstr(problem, words) || !strstr(problem, "is damaged (") ||
            !strstr(problem, "remove it and start over"))
            fail_msg("damage %zu (%s): %d, \"%s\"", i, words, err, problem);
        unlink(j->path);
    }
}
