/* state: a job's file that is damaged in one place is refused, and the message says where.
 * tests/fuzz/fuzz_state.c does it blindly. */
#include <string.h>

#include "fixture_state.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "store/dict.h"
#include "store/names.h"
#include "task/task.h"

static uint32_t
args_of(const struct task *t)
{
    uint32_t index;
    memcpy(&index, t->args + TASK_INLINE - sizeof index, sizeof index);
    return index;
}

static void
damage_workers(struct state_job *j)
{
    j->arena.header->nworkers = ARENA_SLOTS;
}

static void
damage_fewer_workers(struct state_job *j)
{
    j->arena.header->nworkers = 0;
}

static void
damage_budget(struct state_job *j)
{
    j->arena.header->budget_units = j->arena.units + 1;
}

static void
damage_hint(struct state_job *j)
{
    j->arena.header->unit_hint = 1000000;
}

static void
damage_table_size(struct state_job *j)
{
    j->arena.table[0] += (uint64_t)1 << 60;
}

static void
damage_table_owner(struct state_job *j)
{
    j->arena.table[0] += (uint64_t)9 << 16;
}

static void
damage_behind_the_table(struct state_job *j)
{
    assert_int_equal(arena_reserve_table(&j->arena, 5000), 0);
    j->arena.table[5000] = 1;
}

static void
damage_behind_the_heap(struct state_job *j)
{
    *(char *)arena_at(&j->arena, arena_unit_offset(&j->arena, 9000)) = 1;
}

static void
damage_unused_slot(struct state_job *j)
{
    assert_int_equal(arena_reserve_slots(&j->arena, 20), 0);
    state_job_slot(j, 15)->cur = 1;
}

static void
damage_list(struct state_job *j)
{
    state_job_slot(j, 0)->chunks[SLAB_TASK] += 1;
}

static void
damage_list_is_a_circle(struct state_job *j)
{
    uint32_t u = state_job_slot(j, 0)->chunks[SLAB_TASK];
    chunk_at(&j->arena, u - 1)->next = u;
}

static void
damage_chunk(struct state_job *j)
{
    chunk_at(&j->arena, state_job_slot(j, 0)->chunks[SLAB_TASK] - 1)->bytes *= 2;
}

static void
damage_intent(struct state_job *j)
{
    state_job_slot(j, 1)->chunk_intent = j->arena.units + 5;
}

static void
damage_ring(struct state_job *j)
{
    state_job_slot(j, 1)->ring += 1;
}

static void
damage_ring_place(struct state_job *j)
{
    state_job_slot(j, 1)->ring = (uint64_t)j->arena.bytes << 8 | 8;
}

static void
damage_tail(struct state_job *j)
{
    state_job_slot(j, 1)->tail = state_job_slot(j, 1)->head + 100000;
}

static void
damage_ring_hint(struct state_job *j)
{
    state_job_slot(j, 0)->ring0[(state_job_slot(j, 0)->tail - 1) % SLOT_RING] = 12345678;
}

static void
damage_phase(struct state_job *j)
{
    state_job_slot(j, 1)->phase = 3;
}

static void
damage_cur(struct state_job *j)
{
    state_job_slot(j, 1)->cur += 100000;
}

static void
damage_accs(struct state_job *j)
{
    state_job_slot(j, 1)->intent.naccumulators = SLOT_ACCUMULATORS + 1;
}

static void
damage_acc_id(struct state_job *j)
{
    state_job_slot(j, 1)->intent.naccumulators = 1;
    state_job_slot(j, 1)->accumulator_log[0].id = SLOT_ACCUMULATORS;
}

static void
damage_log_end(struct state_job *j)
{
    state_job_slot(j, 1)->log_end += 1 << 20;
}

static void
damage_log_entry(struct state_job *j)
{
    char *at = (char *)chunk_at(&j->arena, (uint32_t)(state_job_slot(j, 1)->log_end >> 32) - 1);
    ((uint32_t *)(at + ARENA_GRAIN))[1] = 4000;
}

static void
damage_wait_record(struct state_job *j)
{
    struct slot *s = state_job_slot(j, 1);
    s->phase = PHASE_COMMIT;
    s->outcome = OUTCOME_WAIT;
    s->staged = 0;
    s->intent.tail = s->tail;
    s->intent.wait_record = args_of(state_job_find(j, TASK_READY, 300));
}

static void
damage_waits_for(struct state_job *j)
{
    state_job_slot(j, 1)->waits_for = j->arena.bytes;
}

static void
damage_staged(struct state_job *j)
{
    struct task *t = task_at(&j->arena, state_job_slot(j, 1)->staged);
    t->next = state_job_slot(j, 1)->staged;
}

static void
damage_record_of_slot(struct state_job *j)
{
    state_job_slot(j, 2)->record = state_job_slot(j, 1)->cur;
}

static void
damage_loose(struct state_job *j)
{
    state_job_slot(j, 2)->unlinked_block = args_of(state_job_find(j, TASK_READY, 300));
}

static void
damage_journal(struct state_job *j)
{
    state_job_slot(j, 1)->journal_on = 1;
    state_job_slot(j, 1)->journal_len = 100000;
}

static void
damage_state(struct state_job *j)
{
    state_job_find(j, TASK_READY, 0)->word |= 0x50;
}

static void
damage_args(struct state_job *j)
{
    state_job_find(j, TASK_READY, 300)->bytes = 1 << 20;
}

static void
damage_args_shared(struct state_job *j)
{
    uint32_t one = args_of(state_job_find(j, TASK_READY, 300)), generation = 0;
    struct task *t = state_job_find(j, TASK_READY, 0);
    block_at(&j->arena, one)->owner_tag =
        serves_task(arena_index(&j->arena, t), generation);
}

static void
damage_cursor(struct state_job *j)
{
    task_record_of(&j->arena, task_at(&j->arena, state_job_slot(j, 1)->cur))->cursor += 1;
}

/* Four bytes, and the task would begin anew. */
static void
damage_record_lost(struct state_job *j)
{
    task_at(&j->arena, state_job_slot(j, 1)->cur)->record = 0;
}

static void
damage_running_nowhere(struct state_job *j)
{
    state_job_slot(j, 1)->phase = PHASE_IDLE;
    state_job_slot(j, 1)->staged = 0;
    state_job_slot(j, 1)->journal_on = 0;
}

static void
damage_done(struct state_job *j)
{
    state_job_slot(j, 1)->finished++;
}

static void
damage_block(struct state_job *j)
{
    block_at(&j->arena, args_of(state_job_find(j, TASK_READY, 300)))->word ^= 0x300;
}

static void
damage_name(struct state_job *j)
{
    name_at(&j->arena, j->lock)->kind = 99;
}

static void
damage_lock(struct state_job *j)
{
    name_at(&j->arena, j->lock)->lock = STATE_WORKERS + 2;
}

static void
damage_dict(struct state_job *j)
{
    name_at(&j->arena, j->dict)->object += 64;
}

static void
damage_index(struct state_job *j)
{
    state_job_dict(j)->shards[5].index += 1;
}

static void
damage_dict_record(struct state_job *j)
{
    uint64_t *word;
    (void)state_job_shard(j, &word);
    *word += (uint64_t)1 << 32; /* another generation */
}

static void
damage_key(struct state_job *j)
{
    uint64_t *word;
    (void)state_job_shard(j, &word);
    dict_entry_at(&j->arena, (uint32_t)*word)->key_len = 5000;
}

static void
damage_used(struct state_job *j)
{
    uint64_t *word;
    state_job_shard(j, &word)->used = 0;
}

static void
damage_shard_lock(struct state_job *j)
{
    state_job_dict(j)->shards[9].lock = 2;
}

static void
damage_tx(struct state_job *j)
{
    state_job_slot(j, 1)->tx.state = 7;
}

static void
damage_tx_list(struct state_job *j)
{
    state_job_slot(j, 1)->tx.list += 4096;
}

static void
damage_tx_entry(struct state_job *j)
{
    state_job_slot(j, 1)->tx.state = 1;
    state_job_slot(j, 1)->tx.n = 1;
    state_job_slot(j, 1)->tx.own[0].shard = arena_offset(&j->arena, &state_job_dict(j)->shards[1]) + 8;
}

static void
damage_tx_change(struct state_job *j)
{
    struct tx *tx = &state_job_slot(j, 1)->tx;
    state_job_dict(j)->shards[1].lock = 2;
    tx->n = 1;
    tx->own[0] = (struct tx_entry){
        .shard = arena_offset(&j->arena, &state_job_dict(j)->shards[1]),
        .kind = 1, /* a number, where the arena's head is */
    };
    tx->state = 2;
}

static const struct state_damage damages[] = {
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
    {damage_wait_record, "record of a task"},
    {damage_waits_for, "waits for"},
    {damage_staged, "list of posted tasks"},
    {damage_record_of_slot, "record of a slot"},
    {damage_loose, "block that is being taken"},
    {damage_journal, "a journal"},
    {damage_state, "state of a task"},
    {damage_args, "arguments of a task"},
    {damage_args_shared, "arguments of a task"},
    {damage_cursor, "cursor of a task"},
    {damage_record_lost, "what a task owns"},
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
    state_job_refuses(*state, damages, sizeof damages / sizeof *damages);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(test_state_open_refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
