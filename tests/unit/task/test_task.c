/* task: descriptors: staging, claiming, freeing; arguments inline and in blocks. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "memory/block.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/task.h"

static struct task *
at(struct fixture *f, uint32_t index)
{
    return task_at(&f->arena, index);
}

/* The first task in slot's ring. */
static uint32_t
first_hint(struct fixture *f, uint32_t slot)
{
    struct slot *s = slot_at(&f->arena, slot);
    uint32_t *ring = arena_at(&f->arena, s->ring >> 8);
    return ring[s->head];
}

static void
test_task_stage_joined_keeps_both_parts(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static char bytes[5000];
    size_t cuts[] = {0, 3, 5}, sizes[] = {5, 19, 20, 5000};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    commit_begin(self);
    for (size_t i = 0; i < 12; i++) {
        size_t cut = cuts[i % 3], size = sizes[i / 3];
        assert_int_equal(task_stage_joined(self, 11, bytes, cut, bytes + cut, size - cut), 0);
        struct task *t = at(f, self->staged_tail);
        assert_int_equal(t->bytes, size);
        assert_memory_equal(task_args(&f->arena, t), bytes, size);
    }
    assert_int_equal(fixture_blocks(f), 6);
    commit_undo(self);
    assert_int_equal(fixture_blocks(f), 0);
}

static void
test_task_is_one_cache_line(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct task), 64);
}

static void
test_task_stage_keeps_arguments_of_any_size(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static char bytes[100000];
    size_t sizes[] = {0, 1, 18, 19, 20, 500, 40000, 100000};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    commit_begin(self);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(task_stage(self, 11, bytes, sizes[i]), 0);
        struct task *t = at(f, self->staged_tail);
        assert_int_equal(t->bytes, sizes[i]);
        assert_int_equal(t->fn, 11);
        assert_int_equal(task_state(t->word), TASK_STAGED);
        assert_memory_equal(task_args(&f->arena, t), bytes, sizes[i]);
        assert_int_equal(self->slot->unlinked_block, 0);
    }
    assert_int_equal(fixture_blocks(f), 4);
    assert_int_equal(self->staged_count, 8);
    commit_undo(self);
    assert_int_equal(fixture_blocks(f), 0);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
}

static void
test_task_stage_names_parent_and_never_repeats_an_id(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 1, 30, 1);
    assert_true(queue_take(self));
    uint32_t parent = self->slot->cur;
    commit_begin(self);
    for (int i = 0; i < 3; i++)
        assert_int_equal(task_stage(self, 31, "self", 1), 0);
    uint64_t last = at(f, parent)->id;
    for (uint32_t i = self->slot->staged; i; i = at(f, i)->next) {
        assert_int_equal(at(f, i)->parent, at(f, parent)->id);
        assert_int_equal(at(f, i)->parent_fn, 30);
        assert_int_equal(at(f, i)->id % ARENA_SLOTS, 1);
        assert_true(at(f, i)->id > last);
        last = at(f, i)->id;
    }
}

static void
test_task_stage_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static char bytes[3000];
    commit_begin(self);
    fixture_full(f);
    assert_int_equal(task_stage(self, 1, bytes, 3), -ENOSPC);
    fixture_room(f);
    assert_int_equal(task_stage(self, 1, bytes, 3), 0);
    fixture_full(f);
    /* A descriptor can be had, the block for the arguments cannot. */
    assert_int_equal(task_stage(self, 1, bytes, sizeof bytes), -ENOSPC);
    assert_int_equal(self->staged_count, 1);
    assert_int_equal(self->slot->staged, self->staged_tail);
    assert_int_equal(fixture_count(f, TASK_STAGED), 1);
    assert_int_equal(fixture_blocks(f), 0);
    fixture_room(f);
    assert_int_equal(task_stage(self, 1, bytes, sizeof bytes), 0);
    assert_int_equal(fixture_count(f, TASK_STAGED), 2);
}

static void
test_task_claim_takes_only_what_is_ready(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 0, 1, 1);
    uint32_t index = first_hint(f, 0);
    uint64_t ready = at(f, index)->word;
    enum task_state others[] = {TASK_FREE, TASK_STAGED, TASK_RUN, TASK_WAIT, TASK_QUARANTINED};
    for (int i = 0; i < 5; i++) {
        at(f, index)->word = task_word(ready >> 32, 0, 0, others[i]);
        assert_false(task_claim(self, index));
        assert_int_equal(self->slot->phase, PHASE_IDLE);
    }
    at(f, index)->word = ready;
    assert_true(task_claim(self, index));
    assert_int_equal(self->slot->phase, PHASE_ACTIVE);
    assert_int_equal(self->slot->cur, index);
    assert_int_equal(self->slot->expect, ready);
    assert_int_equal(task_worker(at(f, index)->word), 1);
    assert_int_equal(task_attempt(at(f, index)->word), 1);
    assert_int_equal(task_generation(at(f, index)->word), task_generation(ready));
    assert_false(task_claim(&f->selves[2], index));
}

static void
test_task_claim_counts_attempts_up_to_the_last(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 1);
    uint32_t index = first_hint(f, 0);
    at(f, index)->word = task_word(at(f, index)->word >> 32, 255, 0, TASK_READY);
    assert_true(task_claim(&f->selves[1], index));
    assert_int_equal(task_attempt(at(f, index)->word), 255);
}

static void
test_task_is_claimed_by_one_of_many_processes(void **state)
{
    struct fixture *f = *state;
    enum { TASKS = 2000 };
    uint32_t claimed = 0;
    int status;
    fixture_publish(f, 0, 1, TASKS);
    struct slot *s = slot_at(&f->arena, 0);
    uint32_t *ring = arena_at(&f->arena, s->ring >> 8);
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++) {
        if (fork())
            continue;
        for (uint64_t p = s->head; p < s->tail; p++)
            (void)task_claim(&f->selves[k], ring[p]);
        _exit(0);
    }
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++)
        assert_true(wait(&status) > 0 && status == 0);
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++)
        claimed += slot_at(&f->arena, k)->claims;
    assert_int_equal(claimed, TASKS);
    assert_int_equal(fixture_count(f, TASK_RUN), TASKS);
}

static void
test_task_free_twice_spares_who_came_after(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static char bytes[500];
    commit_begin(self);
    assert_int_equal(task_stage(self, 1, bytes, sizeof bytes), 0);
    uint32_t index = self->staged_tail;
    (void)commit_end(self, OUTCOME_DONE);
    assert_true(task_claim(self, index));
    uint64_t word = at(f, index)->word;
    task_free(self, index, word);
    assert_int_equal(fixture_blocks(f), 0);
    assert_int_equal(task_generation(at(f, index)->word), task_generation(word) + 1);
    self->slot->cur = 0;
    commit_begin(self);
    assert_int_equal(task_stage(self, 2, bytes, sizeof bytes), 0);
    assert_int_equal(self->staged_tail, index); /* the same descriptor, and block */
    task_free(self, index, word);
    assert_int_equal(task_state(at(f, index)->word), TASK_STAGED);
    assert_int_equal(fixture_blocks(f), 1);
}

static void
test_task_free_spares_a_block_that_serves_another(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static char bytes[500];
    commit_begin(self);
    assert_int_equal(task_stage(self, 1, bytes, sizeof bytes), 0);
    uint32_t index = self->staged_tail, block;
    /* Died in task_free() with the block freed and the descriptor not; its owner
     * has used the block again before the redo. */
    memcpy(&block, at(f, index)->args + TASK_INLINE - sizeof block, sizeof block);
    block_free(self, block, block_at(&f->arena, block)->word);
    uint32_t other;
    assert_int_equal(block_new(self, sizeof bytes, serves_task(index + 1, 0), &other), 0);
    assert_int_equal(other, block);
    at(f, index)->word = task_word(0, 1, 1, TASK_RUN);
    task_free(self, index, at(f, index)->word);
    assert_int_equal(task_state(at(f, index)->word), TASK_FREE);
    assert_int_equal(fixture_blocks(f), 1);
}

/* The redo must not believe what stands in a record that is somebody else's by now. */
static void
test_task_free_does_not_read_a_record_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t record, other;
    commit_begin(self);
    assert_int_equal(task_stage(self, 1, "self", 1), 0);
    uint32_t index = self->staged_tail;
    assert_int_equal(block_new(self, 400, serves_task(index, 0), &record), 0);
    at(f, index)->record = record;
    at(f, index)->word = task_word(0, 1, 1, TASK_RUN);
    block_free(self, record, block_at(&f->arena, record)->word);
    assert_int_equal(block_new(self, 400, OWNER_TAG_DICT, &other), 0);
    assert_int_equal(other, record);
    memset(block_at(&f->arena, other)->bytes, 0xff, 400); /* beyond the arena */
    task_free(self, index, at(f, index)->word);
    assert_int_equal(task_state(at(f, index)->word), TASK_FREE);
    assert_int_equal(fixture_blocks(f), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_is_one_cache_line),
        FIXTURE_TEST(test_task_stage_joined_keeps_both_parts),
        FIXTURE_TEST(test_task_stage_keeps_arguments_of_any_size),
        FIXTURE_TEST(test_task_stage_names_parent_and_never_repeats_an_id),
        FIXTURE_TEST(test_task_stage_without_memory_changes_nothing),
        FIXTURE_TEST(test_task_claim_takes_only_what_is_ready),
        FIXTURE_TEST(test_task_claim_counts_attempts_up_to_the_last),
        FIXTURE_TEST(test_task_is_claimed_by_one_of_many_processes),
        FIXTURE_TEST(test_task_free_twice_spares_who_came_after),
        FIXTURE_TEST(test_task_free_spares_a_block_that_serves_another),
        FIXTURE_TEST(test_task_free_does_not_read_a_record_that_is_gone),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
