/* record: the spare record, how it becomes a task's, growth. */
#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "memory/block.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/recover.h"
#include "task/task.h"

static struct task *
begin_task(struct fixture *f)
{
    struct self *self = &f->selves[1];
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(self));
    commit_begin(self);
    return task_at(&f->arena, self->slot->cur);
}

static struct task_record *
record_at(struct fixture *f, uint32_t index)
{
    return (struct task_record *)block_at(&f->arena, index)->bytes;
}

static void
test_record_spare_is_kept_for_the_next_task(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    (void)begin_task(f);
    assert_null(record_current(self));
    assert_int_equal(record_need(self), 0);
    uint32_t spare = self->slot->record;
    assert_int_not_equal(spare, 0);
    assert_int_equal(self->slot->unlinked_block, 0);
    assert_int_equal(record_need(self), 0);
    assert_int_equal(self->slot->record, spare);
    (void)commit_end(self, OUTCOME_DONE);
    assert_int_equal(self->slot->record, spare);
    assert_int_equal(fixture_blocks(f), 1);
}

static void
test_record_need_without_memory(void **state)
{
    struct fixture *f = *state;
    (void)begin_task(f);
    fixture_full(f);
    assert_int_equal(record_need(&f->selves[1]), -ENOSPC);
    assert_int_equal(record_stage_wait(&f->selves[1], 5), -ENOSPC);
    assert_null(record_current(&f->selves[1]));
}

static void
test_record_published_by_a_part_is_the_tasks(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    struct task *t = begin_task(f);
    assert_int_equal(record_need(self), 0);
    uint32_t spare = self->slot->record;
    self->slot->intent.hash = 99;
    self->slot->intent.published = 3;
    for (int twice = 0; twice < 2; twice++) {
        record_publish(self);
        assert_int_equal(t->record, spare);
        assert_int_equal(self->slot->record, 0);
        assert_int_equal(record_current(self)->published, 3);
        assert_int_equal(record_current(self)->post_hash, 99);
    }
    assert_int_equal(block_at(&f->arena, spare)->owner_tag,
                     serves_task(self->slot->cur, task_generation(t->word)));
    (void)commit_end(self, OUTCOME_DONE);
    assert_int_equal(fixture_blocks(f), 0);
}

static void
test_record_of_a_task_beside_a_spare(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    struct task *t = begin_task(f);
    assert_int_equal(record_need(self), 0);
    uint32_t own = self->slot->record, other;
    record_publish(self);
    assert_int_equal(block_new(self, 100, SERVES_SLOT, &other), 0);
    self->slot->record = other;
    block_published(self);
    record_publish(self);
    assert_int_equal(t->record, own);
    assert_int_equal(self->slot->record, other);
}

static void
test_record_adopted_by_the_next_run(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    struct task *t = begin_task(f);
    assert_int_equal(record_reserve(self, 64), 0);
    memset(record_current(self)->journal, 0x55, 64);
    self->slot->journal_on = 1;
    self->slot->journal_len = 64;
    self->slot->intent.published = 12;
    record_publish(self);
    record_keep(self);
    record_keep(self);
    assert_int_equal(task_record_of(&f->arena, t)->journal_len, 64);
    /* As recover() leaves it, to be claimed by another. */
    uint32_t cur = self->slot->cur;
    t->word = task_word(t->word >> 32, 1, 0, TASK_READY);
    assert_true(task_claim(&f->selves[2], cur));
    commit_begin(&f->selves[2]);
    assert_int_equal(f->selves[2].skip, 12);
    assert_int_equal(f->selves[2].published, 12);
    assert_int_equal(f->selves[2].slot->journal_on, 1);
    assert_int_equal(f->selves[2].slot->journal_len, 64);
}

static void
test_record_keep_needs_a_journal(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    struct task *t = begin_task(f);
    assert_int_equal(record_need(self), 0);
    self->slot->journal_len = 64; /* of an earlier task: not on */
    record_keep(self);
    assert_int_equal(t->record, 0);
    self->slot->journal_on = 1;
    self->slot->journal_len = 0;
    record_keep(self);
    assert_int_equal(t->record, 0);
}

static void
test_record_after_an_error_forgets_the_journal_and_keeps_the_posts(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    struct task *t = begin_task(f);
    assert_int_equal(record_reserve(self, 64), 0);
    self->slot->journal_on = 1;
    self->slot->journal_len = 64;
    self->slot->intent.published = 12;
    record_publish(self);
    record_keep(self);
    (void)commit_end(self, OUTCOME_RETRY);
    assert_int_equal(task_record_of(&f->arena, t)->journal_len, 0);
    assert_int_equal(task_record_of(&f->arena, t)->published, 12);
    assert_int_equal(self->slot->journal_on, 0);
}

/* ---- growth ---- */

/* `given`: the record is the task's already, not the slot's spare one. */
static void
begin_journal(struct fixture *f, bool given)
{
    struct self *self = &f->selves[1];
    (void)begin_task(f);
    assert_int_equal(record_reserve(self, 64), 0);
    self->slot->intent.published = 12;
    if (given)
        record_publish(self);
    memset(record_current(self)->journal, 0x55, 64);
    self->slot->journal_on = 1;
    self->slot->journal_len = 64;
}

static void
test_record_room_keeps_what_was_written(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    begin_journal(f, true);
    uint32_t old = task_at(&f->arena, self->slot->cur)->record;
    assert_int_equal(record_reserve(self, 100), 0);
    assert_int_equal(task_at(&f->arena, self->slot->cur)->record, old); /* fits */
    for (size_t bytes = 1000; bytes < 300000; bytes *= 5) {
        char wanted[64];
        memset(wanted, 0x55, sizeof wanted);
        assert_int_equal(record_reserve(self, bytes), 0);
        assert_memory_equal(record_current(self)->journal, wanted, 64);
        assert_int_equal(record_current(self)->published, 12);
        assert_int_equal(fixture_blocks(f), 1);
        assert_int_equal(self->slot->unlinked_block, 0);
        memset(record_current(self)->journal + 64, 1, bytes);
    }
    fixture_full(f);
    assert_int_equal(record_reserve(self, 3000000), -ENOSPC);
    assert_int_equal(fixture_blocks(f), 1);
    (void)commit_end(self, OUTCOME_DONE);
    assert_int_equal(fixture_blocks(f), 0);
}

static void
more_room(void *arg)
{
    (void)record_reserve(arg, 1000);
}

/* One record, whole: the old one or the new one; nothing else in use. */
static void
check_one_record(struct fixture *f, void *arg)
{
    struct self *self = &f->selves[1];
    uint32_t unlinked_block = self->slot->unlinked_block, *replaced = arg;
    for (int twice = 0; unlinked_block && twice < 2; twice++) {
        if (!record_settle(self, unlinked_block))
            block_free(self, unlinked_block, block_at(&f->arena, unlinked_block)->word);
    }
    assert_int_equal(fixture_blocks(f), 1);
    uint32_t index = task_at(&f->arena, self->slot->cur)->record;
    struct task_record *r = record_at(f, index ? index : self->slot->record);
    assert_int_equal(r->published, index ? 12 : 0);
    assert_int_equal(r->journal[63], 0x55);
    *replaced += r->replaces != 0;
}

static void
test_record_room_killed_at_each_instruction_leaks_nothing(void **state)
{
    (void)state;
    for (int given = 0; given < 2; given++) {
        void *f;
        uint32_t replaced = 0;
        assert_int_equal(fixture_setup(&f), 0);
        begin_journal(f, given);
        uint32_t n = fixture_deaths(f, more_room, &((struct fixture *)f)->selves[1],
                                    check_one_record, &replaced);
        fixture_teardown(&f);
        if (!n)
            skip();
        assert_in_range(replaced, 2, n - 2);
    }
}

static void
give(void *arg)
{
    if (!record_need(arg))
        record_publish(arg);
}

/* The record is the task's or the slot's, never both: the slot's next task would
 * write into it. */
static void
check_one_owner(struct fixture *f, void *arg)
{
    struct recovered r;
    struct self *self = &f->selves[1];
    uint32_t *given = arg, cur = self->slot->cur;
    assert_int_equal(recover(self, &f->selves[0], 255, RECOVER_COUNTED, &r), 0);
    assert_int_equal(r.task, cur);
    uint32_t index = task_at(&f->arena, cur)->record;
    assert_true(!index || self->slot->record != index);
    assert_in_range(fixture_blocks(f), 0, 1);
    *given += index != 0;
}

static void
test_record_given_to_a_task_killed_at_each_instruction_has_one_owner(void **state)
{
    struct fixture *f = *state;
    uint32_t given = 0;
    (void)begin_task(f);
    uint32_t n = fixture_deaths(f, give, &f->selves[1], check_one_owner, &given);
    if (!n)
        skip();
    assert_in_range(given, 2, n - 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_record_spare_is_kept_for_the_next_task),
        FIXTURE_TEST(test_record_need_without_memory),
        FIXTURE_TEST(test_record_published_by_a_part_is_the_tasks),
        FIXTURE_TEST(test_record_of_a_task_beside_a_spare),
        FIXTURE_TEST(test_record_adopted_by_the_next_run),
        FIXTURE_TEST(test_record_keep_needs_a_journal),
        FIXTURE_TEST(test_record_after_an_error_forgets_the_journal_and_keeps_the_posts),
        FIXTURE_TEST(test_record_room_keeps_what_was_written),
        FIXTURE_TEST(test_record_room_killed_at_each_instruction_leaks_nothing),
        FIXTURE_TEST(test_record_given_to_a_task_killed_at_each_instruction_has_one_owner),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
