/* pool: more and fewer workers while the job runs; what the modules that look at all
 * slots make of it. */
#include "task/pool.h"

#include "fixture.h"
#include "task/commit.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/task.h"

enum { MORE = 200 }; /* workers: also another word of idle_bits */

static struct slot *
slot_of(struct fixture *f, uint32_t k)
{
    return slot_at(&f->arena, k);
}

static void
end_task(struct self *self)
{
    commit_begin(self);
    (void)commit_end(self, OUTCOME_DONE);
}

/* Ends the task at hand after n posts. */
static void
post_and_end(struct self *self, uint32_t n)
{
    commit_begin(self);
    assert_int_equal(queue_reserve(self, n + 1), 0);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(task_stage(self, 2, "self", 1), 0);
    (void)commit_end(self, OUTCOME_DONE);
}

/* A worker in a slot that the fixture has no self for. */
/* As spawn.c does it. */
static int
resize(struct fixture *f, uint32_t n)
{
    int err = pool_open(&f->arena, n);
    if (!err)
        pool_limit(&f->arena, n);
    return err;
}

static void
act(struct fixture *f, struct self *self, uint32_t k)
{
    assert_int_equal(self_open(self, &f->arena, k, arena_workers(&f->arena) + 1), 0);
}

static void
test_crew_new_workers_find_the_old_ones_tasks(void **state)
{
    struct fixture *f = *state;
    struct self self;
    fixture_publish(f, 1, 1, 1);
    assert_int_equal(resize(f, MORE), 0);
    assert_int_equal(arena_workers(&f->arena), MORE);
    act(f, &self, MORE);
    assert_true(queue_look(&self));
    self_close(&self);
}

static void
test_crew_old_workers_find_the_new_ones_tasks(void **state)
{
    struct fixture *f = *state;
    struct self self;
    fixture_publish(f, 1, 1, 1);
    assert_int_equal(resize(f, MORE), 0);
    act(f, &self, MORE);
    assert_true(queue_look(&self));
    post_and_end(&self, 3);
    self_close(&self); /* it is gone, and has no successor */
    assert_true(queue_any(&f->selves[2]));
    assert_true(idle_wait(&f->selves[1]));
    end_task(&f->selves[1]);
    assert_true(queue_look(&f->selves[2]));
    end_task(&f->selves[2]);
    assert_true(queue_look(&f->selves[3]));
    end_task(&f->selves[3]);
    assert_true(idle_all_done(&f->arena));
}

/* The sum of `finished` was made when slot 4 was not there yet; then it came, ended its
 * task after two posts, and one of the children was ended by slot 1, whose `finished` had
 * not been summed up yet. With the old number of slots for the second sum as well, both
 * would be 1 while a child waits. */
static void
test_crew_who_comes_between_the_sums_is_counted(void **state)
{
    struct fixture *f = *state;
    struct self self;
    uint64_t finished = 0, old_posted = 0;
    fixture_publish(f, 0, 1, 1);
    uint32_t before = arena_workers(&f->arena);
    finished += slot_of(f, 0)->finished;
    assert_int_equal(resize(f, before + 1), 0);
    act(f, &self, before + 1);
    assert_true(queue_look(&self));
    post_and_end(&self, 2);
    assert_true(queue_look(&f->selves[1]));
    end_task(&f->selves[1]);
    for (uint32_t k = 1; k <= before; k++)
        finished += slot_of(f, k)->finished;
    for (uint32_t k = 0; k <= before; k++)
        old_posted += slot_of(f, k)->posted;
    assert_true(finished == old_posted); /* the mistake */
    assert_true(finished < old_posted + slot_of(f, before + 1)->posted);
    assert_false(idle_all_done(&f->arena));
    self_close(&self);
}

static void
test_crew_sleepers_in_new_slots_are_woken(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(resize(f, MORE), 0);
    f->arena.header->idle_bits[MORE / 64] = (uint64_t)1 << MORE % 64;
    slot_of(f, MORE)->park = 1;
    assert_true(idle_any(&f->selves[1]));
    idle_wake(&f->selves[1], 1);
    assert_int_equal(slot_of(f, MORE)->park, 0);
}

static void
test_crew_of_fewer_ends_those_above(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(resize(f, 1), 0);
    assert_int_equal(arena_workers(&f->arena), FIXTURE_WORKERS); /* their slots stay */
    assert_false(gate_surplus(&f->selves[1]));
    assert_true(gate_surplus(&f->selves[2]));
    assert_int_equal(resize(f, 2), 0);
    assert_false(gate_surplus(&f->selves[2])); /* it had not ended yet */
    assert_true(gate_surplus(&f->selves[3]));
    pool_settled(&f->arena);
    assert_int_equal(f->arena.header->gate, 0);
    assert_int_equal(resize(f, FIXTURE_WORKERS), 0);
    assert_int_equal(f->arena.header->gate, 0);
}

static void
test_crew_keeps_what_is_in_a_slot_that_comes_again(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 3, 1, 2);
    uint64_t ring = slot_of(f, 3)->ring;
    assert_int_equal(resize(f, 1), 0);
    assert_int_equal(resize(f, 3), 0);
    assert_true(slot_of(f, 3)->ring == ring);
    assert_true(queue_take(&f->selves[3]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_crew_new_workers_find_the_old_ones_tasks),
        FIXTURE_TEST(test_crew_old_workers_find_the_new_ones_tasks),
        FIXTURE_TEST(test_crew_who_comes_between_the_sums_is_counted),
        FIXTURE_TEST(test_crew_sleepers_in_new_slots_are_woken),
        FIXTURE_TEST(test_crew_of_fewer_ends_those_above),
        FIXTURE_TEST(test_crew_keeps_what_is_in_a_slot_that_comes_again),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
