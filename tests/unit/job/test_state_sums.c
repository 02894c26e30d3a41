/* sums: what a state file says is possible, and is not what was written: one damaged value in each
 * kind of thing that is summed (memory/sums.h). */
#include <string.h>

#include "fixture_state.h"
#include "base/hash.h"
#include "codec/scalar.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "store/dict.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "task/commit.h"
#include "task/record.h"
#include "task/task.h"

static void
damage_begun(struct state_job *j)
{
    j->arena.header->begun = 0;
}

static void
damage_finished(struct state_job *j)
{
    j->arena.header->finished = 1;
}

static void
damage_log_value(struct state_job *j)
{
    char *at = (char *)chunk_at(&j->arena, log_end_unit(state_job_slot(j, 1)->log_end) - 1);
    at[ARENA_GRAIN + 8] ^= 1;
}

static void
damage_log_lost(struct state_job *j)
{
    state_job_slot(j, 1)->log_end = 0;
}

static void
damage_cell(struct state_job *j)
{
    state_job_slot(j, 1)->accs[3] = (struct accumulator_cell){7, 1};
}

static void
damage_failed(struct state_job *j)
{
    state_job_slot(j, 1)->failed++;
}

static void
damage_both_counts(struct state_job *j)
{
    state_job_slot(j, 1)->posted++;
    state_job_slot(j, 1)->finished++;
}

static void
damage_task_fn(struct state_job *j)
{
    state_job_find(j, TASK_READY, 0)->fn++;
}

static void
damage_task_argument(struct state_job *j)
{
    state_job_find(j, TASK_READY, 5)->args[2] ^= 1;
}

static void
damage_task_long_argument(struct state_job *j)
{
    ((char *)task_args(&j->arena, state_job_find(j, TASK_READY, 400)))[399] ^= 1;
}

static void
damage_cursor_text(struct state_job *j)
{
    struct task_record *r = task_record_of(&j->arena, task_at(&j->arena, state_job_slot(j, 1)->cur));
    ((struct task_cursor *)block_at(&j->arena, r->cursor)->bytes)->text[0] ^= 1;
}

static void
damage_published(struct state_job *j)
{
    task_record_of(&j->arena, task_at(&j->arena, state_job_slot(j, 1)->cur))->published++;
}

/* As if the task had begun anew, and were not to go on at its cursor. */
static void
damage_record_to_zeros(struct state_job *j)
{
    struct task_record *r = task_record_of(&j->arena, task_at(&j->arena, state_job_slot(j, 1)->cur));
    memset(r, 0, sizeof *r);
}

static struct dict_entry *
entry(struct state_job *j, enum entry_kind kind)
{
    struct dict *d = state_job_dict(j);
    for (uint32_t k = 0; k < DICT_SHARDS * DICT_FIRST; k++) {
        uint32_t record = (uint32_t)d->first[k / DICT_FIRST][k % DICT_FIRST];
        if (record && dict_entry_at(&j->arena, record)->kind == kind)
            return dict_entry_at(&j->arena, record);
    }
    fail();
    return NULL;
}

static void
damage_number(struct state_job *j)
{
    entry(j, ENTRY_NUMBER)->number++;
}

static void
damage_value(struct state_job *j)
{
    struct dict_entry *r = entry(j, ENTRY_VALUE);
    r->bytes[r->key_len] ^= 1;
}

static void
damage_key_text(struct state_job *j)
{
    entry(j, ENTRY_VALUE)->bytes[0] ^= 1;
}

/* A text that has grown within its record: "abcdefghijklmnop". */
static struct dict_entry *
text(struct state_job *j)
{
    static const char *const parts[] = {"abcd", "efghij", "klmnop"};
    for (int i = 0; i < 3; i++) {
        unsigned char value[CODEC_SCALAR_MAX + 8];
        size_t head = codec_put_string_head(value, strlen(parts[i])), bad;
        memcpy(value + head, parts[i], strlen(parts[i]));
        struct dict_op op = {
            .kind = DICT_APPEND,
            .dict = state_job_dict(j),
            .key = {"grows", 5, hash_bytes("grows", 5)},
            .value = {.present = true, .bytes = value, .len = head + strlen(parts[i])},
            .head = head,
        };
        struct dict_result result;
        assert_int_equal(dict_tx_run(&j->selves[0], &op, 1, &result, &bad, NULL, NULL), 0);
    }
    struct dict_entry *r = entry(j, ENTRY_TEXT);
    assert_int_equal(r->length, 16);
    return r;
}

static void
damage_text(struct state_job *j)
{
    struct dict_entry *r = text(j);
    r->bytes[r->key_len + 9] ^= 1;
}

static void
damage_text_length(struct state_job *j)
{
    text(j)->length--;
}

static void
damage_attempt(struct state_job *j)
{
    commit_wait(&j->selves[1], 1000);
    state_job_find(j, TASK_WAIT, 0)->word ^= (uint64_t)1 << 25;
}

static void
damage_time(struct state_job *j)
{
    commit_wait(&j->selves[1], 1000);
    task_record_of(&j->arena, state_job_find(j, TASK_WAIT, 0))->until_ns ^= (uint64_t)1 << 60;
}

static void
damage_duplicates(struct state_job *j)
{
    state_job_slot(j, 1)->duplicates++;
}

static void
damage_lost_key(struct state_job *j)
{
    uint64_t *word;
    state_job_shard(j, &word)->live--;
    *word = DICT_DELETED;
}

static void
damage_unreachable_key(struct state_job *j)
{
    uint64_t *word = NULL;
    struct shard *s = state_job_shard(j, &word);
    uint64_t *first = state_job_dict(j)->first[s - state_job_dict(j)->shards];
    uint64_t *other = &first[(word - first + DICT_FIRST - 1) % DICT_FIRST];
    *other = *word;
    *word = 0;
}

static void
damage_lost_name(struct state_job *j)
{
    name_at(&j->arena, j->dict)->kind = 0;
}

static void
damage_name_text(struct state_job *j)
{
    name_at(&j->arena, j->lock)->text[1] ^= 1;
}

static const struct state_damage damages[] = {
    {damage_begun, "header"},
    {damage_finished, "header"},
    {damage_log_value, "a log"},
    {damage_log_lost, "sums of a slot"},
    {damage_cell, "sums of a slot"},
    {damage_failed, "sums of a slot"},
    {damage_both_counts, "sums of a slot"},
    {damage_task_fn, "sum of tasks"},
    {damage_task_argument, "sum of tasks"},
    {damage_task_long_argument, "sum of tasks"},
    {damage_cursor_text, "cursor of a task"},
    {damage_published, "record of a task"},
    {damage_record_to_zeros, "record of a task"},
    {damage_number, "sum of a dict"},
    {damage_value, "sum of a dict"},
    {damage_key_text, "index of a dict"},
    {damage_text, "sum of a dict"},
    {damage_text_length, "sum of a dict"},
    {damage_attempt, "state of a task"},
    {damage_time, "record of a task"},
    {damage_duplicates, "sums of a slot"},
    {damage_lost_key, "sum of a dict"},
    {damage_unreachable_key, "index of a dict"},
    {damage_lost_name, "table of names"},
    {damage_name_text, "table of names"},
};

static void
test_state_open_refuses_what_was_not_written(void **state)
{
    state_job_refuses(*state, damages, sizeof damages / sizeof *damages);
}

/* What an append has written when it dies before it says so. */
static void
test_state_open_takes_a_text_that_was_about_to_grow(void **state)
{
    struct state_job *j = *state;
    state_job_begin(j);
    struct dict_entry *r = text(j);
    assert_true(r->length + 3 <= r->value_len);
    memcpy(r->bytes + r->key_len + r->length, "qrs", 3);
    state_job_leave(j);
    state_job_opens(j);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(test_state_open_refuses_what_was_not_written),
        STATE_TEST(test_state_open_takes_a_text_that_was_about_to_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
