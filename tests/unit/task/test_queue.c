/* queue: hints: own ring, stealing, growth, dealing. Only claims count. */
#include <errno.h>
#include <stdlib.h>

#include "fixture.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/task.h"

/* Ends the task at hand; returns its function number. */
static uint32_t
finish(struct self *self)
{
    uint32_t fn = task_at(self->arena, self->slot->cur)->fn;
    commit_begin(self);
    (void)commit_end(self, OUTCOME_DONE);
    return fn;
}

static uint64_t
ring_reserve(struct fixture *f, uint32_t slot)
{
    return (uint64_t)1 << (slot_at(&f->arena, slot)->ring & 0xff);
}

static void
test_queue_fifo_gives_tasks_in_the_order_posted(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 1, 100, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(queue_take(self));
        assert_int_equal(finish(self), 100 + i);
    }
    assert_false(queue_take(self));
    assert_int_equal(self->slot->head, self->slot->tail);
}

static void
test_queue_lifo_gives_the_newest_first(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    self->lifo = true;
    fixture_publish(f, 1, 100, 1000);
    for (uint32_t i = 1000; i > 0; i--) {
        assert_true(queue_take(self));
        assert_int_equal(finish(self), 99 + i);
    }
    assert_false(queue_take(self));
}

static void
test_queue_grows_and_keeps_what_it_holds(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t next = 0;
    /* Wraps around before it grows. */
    fixture_publish(f, 1, 0, 200);
    for (; next < 150; next++) {
        assert_true(queue_take(self));
        assert_int_equal(finish(self), next);
    }
    fixture_publish(f, 1, 200, 150);
    assert_int_equal(ring_reserve(f, 1), SLOT_RING);
    fixture_publish(f, 1, 350, 5000);
    assert_true(ring_reserve(f, 1) >= 5200);
    for (; next < 5350; next++) {
        assert_true(queue_take(self));
        assert_int_equal(finish(self), next);
    }
}

static void
test_queue_reserve_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 1, 0, SLOT_RING - 6);
    uint64_t ring = self->slot->ring, tail = self->slot->tail;
    fixture_full(f);
    assert_int_equal(queue_reserve(self, 6), 0);
    assert_int_equal(queue_reserve(self, 7), -ENOSPC);
    assert_int_equal(self->slot->ring, ring);
    assert_int_equal(self->slot->tail, tail);
}

static void
test_queue_forgets_what_thieves_took_before_it_grows(void **state)
{
    struct fixture *f = *state;
    struct self *super = &f->selves[0], *x = &f->selves[1];
    /* The supervisor only puts; its ring must not grow with what was long taken. */
    for (uint32_t i = 0; i < 20 * SLOT_RING; i++) {
        fixture_publish(f, 0, i, 1);
        assert_true(queue_look(x));
        assert_int_equal(finish(x), i);
    }
    assert_int_equal(ring_reserve(f, 0), SLOT_RING);
    assert_int_equal(queue_reserve(super, SLOT_RING), 0);
    assert_int_equal(ring_reserve(f, 0), SLOT_RING);
}

static void
test_queue_put_twice_is_harmless(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 1, 7, 3);
    uint32_t *ring = arena_at(&f->arena, self->slot->ring >> 8);
    uint32_t hints[3] = {ring[0], ring[1], ring[2]};
    assert_true(queue_take(self));
    finish(self);
    for (uint32_t i = 0; i < 3; i++)
        queue_put(self, i, hints[i]);
    assert_int_equal(self->slot->tail, 3);
    for (uint32_t i = 1; i < 3; i++) {
        assert_true(queue_take(self));
        assert_int_equal(finish(self), 7 + i);
    }
    assert_false(queue_look(self));
}

static void
test_queue_thief_takes_hints_along_and_leaves_the_victims_alone(void **state)
{
    struct fixture *f = *state;
    struct self *thief = &f->selves[2];
    fixture_publish(f, 1, 0, 200);
    uint64_t head = f->selves[1].slot->head, tail = f->selves[1].slot->tail;
    assert_true(queue_steal(thief));
    assert_int_equal(thief->slot->steals, 1);
    assert_true(thief->slot->tail > thief->slot->head);
    assert_int_equal(f->selves[1].slot->head, head);
    assert_int_equal(f->selves[1].slot->tail, tail);
    finish(thief);
    assert_true(queue_take(thief));
    finish(thief);
    assert_int_equal(thief->slot->steals, 1);
}

/* All tasks of one slot are done exactly once, whoever takes and steals when. */
static void
owner_and_thieves(struct fixture *f, bool lifo)
{
    enum { TASKS = 3000 };
    static uint8_t seen[TASKS];
    uint32_t done = 0, posted = 0, idle = 0;
    for (int i = 0; i < TASKS; i++)
        seen[i] = 0;
    for (uint32_t k = 1; k <= 3; k++)
        f->selves[k].lifo = lifo;
    while (done < TASKS) {
        int dice = rand();
        struct self *self = &f->selves[1 + dice % 3];
        if (dice / 8 % 40 == 0 && posted < TASKS) {
            uint32_t n = 1 + (uint32_t)dice / 512 % 300;
            n = n < TASKS - posted ? n : TASKS - posted;
            fixture_publish(f, self->me, posted, n);
            posted += n;
        }
        bool got = dice / 64 % 2 ? queue_take(self) : queue_steal(self);
        if (!got && queue_look(self))
            got = true;
        else if (!got)
            assert_int_equal(done, posted); /* the last look sees all there is */
        idle += !got;
        if (got) {
            seen[finish(self)]++;
            done++;
        }
    }
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(fixture_count(f, TASK_READY), 0);
    (void)idle;
}

static void
test_queue_nothing_is_lost_fifo(void **state)
{
    srand(1);
    owner_and_thieves(*state, false);
}

static void
test_queue_nothing_is_lost_lifo(void **state)
{
    srand(2);
    owner_and_thieves(*state, true);
}

static void
test_queue_look_finds_what_a_steal_passed_over(void **state)
{
    struct fixture *f = *state;
    struct self *thief = &f->selves[2];
    fixture_publish(f, 1, 0, 100);
    /* As if others had left off at the end. */
    slot_at(&f->arena, 1)->steal_at = slot_at(&f->arena, 1)->tail;
    assert_false(queue_steal(thief));
    thief->next_victim = 1;
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(queue_look(thief));
        finish(thief);
    }
    assert_false(queue_look(thief));
    /* Seen stale: nobody looks at it again, until something new is there. */
    assert_int_equal(slot_at(&f->arena, 1)->stale_to, slot_at(&f->arena, 1)->tail);
    assert_false(queue_more(&f->selves[3]));
    fixture_publish(f, 1, 100, 1);
    assert_true(queue_look(thief));
}

/* Who began in the middle does not know what is below. */
static void
test_queue_only_a_look_from_the_low_end_says_what_is_stale(void **state)
{
    struct fixture *f = *state;
    struct slot *s = slot_at(&f->arena, 1);
    struct self *thief = &f->selves[2];
    fixture_publish(f, 1, 0, 10);
    s->steal_at = 5;
    thief->next_victim = 1;
    assert_true(queue_steal(thief));
    finish(thief);
    assert_int_equal(s->steal_at, 8); /* that one, and two more as hints */
    assert_int_equal(s->stale_to, 0);
    thief->slot->head = thief->slot->tail; /* its copies */
    for (int i = 0; i < 9; i++) {
        thief->next_victim = 1;
        assert_true(queue_look(thief));
        finish(thief);
        thief->slot->head = thief->slot->tail;
    }
    assert_int_equal(s->stale_to, s->tail);
}

/* A LIFO owner uses positions again: what was stale need not stay so. */
static void
test_queue_of_a_lifo_ring_nobody_says_what_is_stale(void **state)
{
    struct fixture *f = *state;
    for (uint32_t k = 1; k <= 3; k++)
        f->selves[k].lifo = true;
    fixture_publish(f, 1, 0, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(queue_look(&f->selves[2]));
        finish(&f->selves[2]);
    }
    assert_false(queue_look(&f->selves[3]));
    assert_int_equal(slot_at(&f->arena, 1)->stale_to, 0);
}

static void
test_queue_look_of_lifo_sees_positions_used_again(void **state)
{
    struct fixture *f = *state;
    struct self *owner = &f->selves[1], *thief = &f->selves[2];
    owner->lifo = thief->lifo = true;
    for (uint32_t i = 0; i < 50; i++) {
        fixture_publish(f, 1, i, 1);
        assert_true(queue_look(thief)); /* at position 0 each time */
        finish(thief);
        assert_false(queue_take(owner));
        assert_int_equal(owner->slot->tail, 0);
    }
}

static void
test_queue_more_says_whether_others_should_come(void **state)
{
    struct fixture *f = *state;
    struct self *thief = &f->selves[2];
    fixture_publish(f, 1, 0, 2);
    assert_true(queue_look(thief));
    assert_true(queue_more(thief));
    finish(thief);
    assert_true(queue_look(thief));
    assert_false(queue_more(thief));
    finish(thief);
}

static void
test_queue_deal_gives_each_worker_its_turn(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 0, 1001);
    assert_int_equal(queue_deal(&f->selves[0], FIXTURE_WORKERS), 0);
    assert_int_equal(slot_at(&f->arena, 0)->head, slot_at(&f->arena, 0)->tail);
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++) {
        struct self *self = fixture_reopen(f, k);
        for (uint32_t i = k - 1; i < 1001; i += FIXTURE_WORKERS) {
            assert_true(queue_take(self));
            assert_int_equal(finish(self), i);
        }
        assert_false(queue_take(self));
    }
}

static void
take_one(void *arg)
{
    (void)queue_take(arg);
}

/* A hint is never gone before its task was claimed. */
static void
check_nothing_lost(struct fixture *f, void *tasks)
{
    uint32_t left = 0, claimed = fixture_count(f, TASK_RUN);
    assert_in_range(claimed, 0, 1);
    while (queue_look(&f->selves[2])) {
        finish(&f->selves[2]);
        left++;
    }
    assert_int_equal(left + claimed, *(uint32_t *)tasks);
}

static void
test_queue_take_killed_at_each_instruction_loses_nothing(void **state)
{
    (void)state;
    uint32_t tasks = 3, states = 0;
    for (int lifo = 0; lifo < 2; lifo++) {
        void *f;
        assert_int_equal(fixture_setup(&f), 0);
        struct self *self = &((struct fixture *)f)->selves[1];
        fixture_publish(f, 1, 0, tasks);
        self->lifo = lifo;
        states += fixture_deaths(f, take_one, self, check_nothing_lost, &tasks);
        fixture_teardown(&f);
    }
    if (!states)
        skip();
    assert_true(states > 10);
}

static void
reserve_many(void *arg)
{
    (void)queue_reserve(arg, 2 * SLOT_RING);
}

static void
test_queue_growth_killed_at_each_instruction_keeps_all(void **state)
{
    struct fixture *f = *state;
    uint32_t tasks = 100;
    fixture_publish(f, 1, 0, tasks);
    if (!fixture_deaths(f, reserve_many, &f->selves[1], check_nothing_lost, &tasks))
        skip();
    assert_true(ring_reserve(f, 1) > 2 * SLOT_RING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_queue_fifo_gives_tasks_in_the_order_posted),
        FIXTURE_TEST(test_queue_lifo_gives_the_newest_first),
        FIXTURE_TEST(test_queue_grows_and_keeps_what_it_holds),
        FIXTURE_TEST(test_queue_reserve_without_memory_changes_nothing),
        FIXTURE_TEST(test_queue_forgets_what_thieves_took_before_it_grows),
        FIXTURE_TEST(test_queue_put_twice_is_harmless),
        FIXTURE_TEST(test_queue_only_a_look_from_the_low_end_says_what_is_stale),
        FIXTURE_TEST(test_queue_of_a_lifo_ring_nobody_says_what_is_stale),
        FIXTURE_TEST(test_queue_thief_takes_hints_along_and_leaves_the_victims_alone),
        FIXTURE_TEST(test_queue_nothing_is_lost_fifo),
        FIXTURE_TEST(test_queue_nothing_is_lost_lifo),
        FIXTURE_TEST(test_queue_look_finds_what_a_steal_passed_over),
        FIXTURE_TEST(test_queue_look_of_lifo_sees_positions_used_again),
        FIXTURE_TEST(test_queue_more_says_whether_others_should_come),
        FIXTURE_TEST(test_queue_deal_gives_each_worker_its_turn),
        FIXTURE_TEST(test_queue_take_killed_at_each_instruction_loses_nothing),
        FIXTURE_TEST(test_queue_growth_killed_at_each_instruction_keeps_all),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
