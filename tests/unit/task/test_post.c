/* post: when parts of a long task are published, and what a second run skips. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "fixture.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/recover.h"
#include "task/task.h"

static struct self *
begin_task(struct fixture *f)
{
    struct self *self = &f->selves[1];
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(self));
    commit_begin(self);
    return self;
}

static void
post_n(struct self *self, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++)
        assert_int_equal(post(self, 50, &i, sizeof i), 0);
}

/* Posts at most a few hundred: 20 ms do not pass, unless the machine stops. */
static void
test_post_small_tasks_are_atomic(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    post_n(self, 0, 500);
    assert_int_equal(self->slot->posted, 0);
    assert_int_equal(commit_end(self, OUTCOME_DONE), 500);
}

static void
test_post_publishes_after_1000(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    post_n(self, 0, 999);
    assert_int_equal(self->slot->posted, 0);
    post_n(self, 999, 1);
    assert_int_equal(self->slot->posted, 1000);
    assert_int_equal(self->published, 1000);
    post_n(self, 1000, 1001);
    assert_int_equal(self->slot->posted, 2000);
    (void)commit_end(self, OUTCOME_DONE);
    assert_int_equal(self->slot->posted, 2001);
    assert_int_equal(fixture_count(f, TASK_READY), 2001);
}

static void
test_post_publishes_after_128_kib(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    static char bytes[40000];
    for (int i = 0; i < 3; i++)
        assert_int_equal(post(self, 50, bytes, sizeof bytes), 0);
    assert_int_equal(self->slot->posted, 0);
    assert_int_equal(post(self, 50, bytes, sizeof bytes), 0);
    assert_int_equal(self->slot->posted, 4);
}

static void
test_post_publishes_after_20_ms(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    post_n(self, 0, 2);
    self->staged_since_ns -= 21 * 1000 * 1000;
    post_n(self, 2, 1);
    assert_int_equal(self->slot->posted, 3);
}

/* Who posts once a second, while others have nothing to do. */
static void
test_post_publishes_each_post_of_a_slow_producer(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    self->part_ns = PART_NONE;
    post_n(self, 0, 1);
    assert_int_equal(self->slot->posted, 0); /* it may be a small task */
    self->staged_since_ns -= 21 * 1000 * 1000;
    post_n(self, 1, 1);
    assert_int_equal(self->slot->posted, 2);
    for (uint32_t i = 2; i < 6; i++) {
        self->part_ns -= 21 * 1000 * 1000;
        post_n(self, i, 1);
        assert_int_equal(self->slot->posted, i + 1);
    }
    post_n(self, 6, 1); /* just after the last part */
    assert_int_equal(self->slot->posted, 6);
}

static void
test_post_begins_anew_after_a_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    post_n(self, 0, 1);
    assert_int_equal(commit_checkpoint(self, "c", 1), 0);
    post_n(self, 1, 1);
    assert_int_equal(self->slot->posted, 1);
    self->staged_since_ns -= 21 * 1000 * 1000;
    post_n(self, 2, 1);
    assert_int_equal(self->slot->posted, 3);
}

/* Unless it costs nothing: what it does not know it asks at the second post. */
static void
test_post_does_not_look_at_the_clock_for_the_first_post(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    post_n(self, 0, 1);
    assert_true(self->staged_since_ns == 0);
    post_n(self, 1, 1);
    assert_true(self->staged_since_ns != 0);
}

static void
test_post_publishes_after_64_if_somebody_is_idle(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    f->arena.header->idle_bits[0] = 1u << 2;
    post_n(self, 0, 63);
    assert_int_equal(self->slot->posted, 0);
    post_n(self, 63, 1);
    assert_int_equal(self->slot->posted, 64);
}

static void
test_post_wakes_a_sleeper_for_a_part(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    f->arena.header->idle_bits[0] = 1u << 2;
    slot_at(&f->arena, 2)->park = 1;
    post_n(self, 0, 64);
    assert_int_equal(slot_at(&f->arena, 2)->park, 0);
    assert_int_equal(self->slot->wakes, 1);
}

static void
test_post_never_publishes_parts_of_what_forbids_it_nor_of_begin(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    self->partial = false;
    post_n(self, 0, 3000);
    assert_int_equal(self->slot->posted, 0);
    (void)commit_end(self, OUTCOME_DONE);
    struct self *begin = &f->selves[0];
    begin->slot->cur = 0;
    commit_begin(begin);
    uint64_t before = begin->slot->posted;
    post_n(begin, 0, 3000);
    assert_int_equal(begin->slot->posted, before);
    assert_int_equal(commit_end(begin, OUTCOME_DONE), 3000);
}

static void
test_post_without_memory_is_refused_and_can_be_tried_again(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    static char bytes[5000];
    post_n(self, 0, 3);
    uint64_t hash = self->post_hash;
    fixture_full(f);
    assert_int_equal(post(self, 50, bytes, sizeof bytes), -ENOSPC);
    assert_int_equal(self->post_hash, hash);
    assert_int_equal(self->staged_count, 3);
    fixture_room(f);
    assert_int_equal(post(self, 50, bytes, sizeof bytes), 0);
    assert_int_equal(commit_end(self, OUTCOME_DONE), 4);
}

static void
test_post_goes_on_when_a_part_finds_no_memory(void **state)
{
    struct fixture *f = *state;
    struct self *self = begin_task(f);
    assert_int_equal(queue_reserve(self, 2000), 0);
    post_n(self, 0, 999);
    self->slabs[SLAB_BLOCK].nchunks = 0;
    fixture_full(f);
    post_n(self, 999, 1); /* the part is due and cannot be noted */
    assert_int_equal(self->slot->posted, 0);
    fixture_room(f);
    post_n(self, 1000, 1);
    assert_int_equal(self->slot->posted, 1001);
}

/* ---- the second run ---- */

/* The worker of task `cur`, which has published 1000 posts, dies. Returns the self of the
 * worker that claims it again. */
static struct self *
second_run(struct fixture *f, uint32_t cur)
{
    struct recovered r;
    struct self *self = fixture_reopen(f, 1);
    assert_int_equal(recover(self, &f->selves[0], 3, false, &r), 0);
    assert_int_equal(r.task, cur);
    assert_int_equal(fixture_count(f, TASK_READY), 1001);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
    struct self *y = &f->selves[2];
    assert_true(task_claim(y, cur));
    commit_begin(y);
    assert_int_equal(y->skip, 1000);
    return y;
}

/* With 200 more staged. */
static struct self *
die_after_a_part(struct fixture *f)
{
    struct self *self = begin_task(f);
    uint32_t cur = self->slot->cur;
    post_n(self, 0, 1200);
    return second_run(f, cur);
}

static void
test_post_skips_what_an_earlier_run_has_published(void **state)
{
    struct fixture *f = *state;
    struct self *y = die_after_a_part(f);
    post_n(y, 0, 999);
    assert_int_equal(y->skip, 1);
    assert_int_equal(y->staged_count, 0);
    post_n(y, 999, 1);
    assert_int_equal(y->staged_count, 0);
    post_n(y, 1000, 1500); /* with a part of its own */
    assert_int_equal(y->slot->posted, 1000);
    assert_int_equal(record_current(y)->published, 2000);
    (void)commit_end(y, OUTCOME_DONE);
    assert_int_equal(y->slot->posted, 1500);
    assert_int_equal(fixture_count(f, TASK_READY), 2500);
}

static void
test_post_skips_the_parts_of_two_runs(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    struct self *y = die_after_a_part(f);
    uint32_t cur = y->slot->cur;
    post_n(y, 0, 2100);
    y = fixture_reopen(f, 2);
    assert_int_equal(recover(y, &f->selves[0], 3, false, &r), 0);
    struct self *z = &f->selves[3];
    assert_true(task_claim(z, cur));
    commit_begin(z);
    assert_int_equal(z->skip, 2000);
    post_n(z, 0, 2000);
    assert_int_equal(z->skip, 0);
    assert_int_equal(post(z, 50, "abcd", 4), 0);
    (void)commit_end(z, OUTCOME_DONE);
    assert_int_equal(fixture_count(f, TASK_READY), 2001);
}

static void
test_post_of_something_else_in_the_second_run_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct self *y = die_after_a_part(f);
    uint32_t other = 4711;
    post_n(y, 0, 500);
    assert_int_equal(post(y, 50, &other, sizeof other), 0); /* not yet seen */
    for (uint32_t i = 501; i < 999; i++)
        assert_int_equal(post(y, 50, &i, sizeof i), 0);
    assert_int_equal(post(y, 50, &other, sizeof other), -EINVAL);
    (void)commit_end(y, OUTCOME_FAILED);
    assert_int_equal(fixture_count(f, TASK_READY), 1000);
}

static void
test_post_of_another_function_or_length_is_an_error(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        void *f;
        assert_int_equal(fixture_setup(&f), 0);
        struct self *y = die_after_a_part(f);
        uint32_t last[2] = {999, 0};
        post_n(y, 0, 999);
        int err = way ? post(y, 51, last, 4) : post(y, 50, last, 8);
        assert_int_equal(err, -EINVAL);
        fixture_teardown(&f);
    }
}

/* The thousandth post of both runs has its arguments in one place or in two. */
static void
test_post_joined_is_the_same_post(void **state)
{
    (void)state;
    static const char text[] = "an argument that is too long to stand in its task";
    for (int way = 0; way < 3; way++) {
        void *f;
        assert_int_equal(fixture_setup(&f), 0);
        struct self *self = begin_task(f);
        uint32_t cur = self->slot->cur;
        post_n(self, 0, 999);
        if (way == 1)
            assert_int_equal(post(self, 50, text, 40), 0);
        else
            assert_int_equal(post_joined(self, 50, text, 3, text + 3, 37), 0);
        assert_int_equal(self->slot->posted, 1000);
        struct self *y = second_run(f, cur);
        post_n(y, 0, 999);
        if (way == 2)
            assert_int_equal(post_joined(y, 50, text, 3, text + 4, 37), -EINVAL);
        else
            assert_int_equal(post_joined(y, 50, text, 4, text + 4, 36), 0);
        assert_int_equal(y->skip, 0);
        fixture_teardown(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_post_small_tasks_are_atomic),
        cmocka_unit_test(test_post_joined_is_the_same_post),
        FIXTURE_TEST(test_post_publishes_after_1000),
        FIXTURE_TEST(test_post_publishes_after_128_kib),
        FIXTURE_TEST(test_post_publishes_after_20_ms),
        FIXTURE_TEST(test_post_publishes_each_post_of_a_slow_producer),
        FIXTURE_TEST(test_post_begins_anew_after_a_checkpoint),
        FIXTURE_TEST(test_post_does_not_look_at_the_clock_for_the_first_post),
        FIXTURE_TEST(test_post_publishes_after_64_if_somebody_is_idle),
        FIXTURE_TEST(test_post_wakes_a_sleeper_for_a_part),
        FIXTURE_TEST(test_post_never_publishes_parts_of_what_forbids_it_nor_of_begin),
        FIXTURE_TEST(test_post_without_memory_is_refused_and_can_be_tried_again),
        FIXTURE_TEST(test_post_goes_on_when_a_part_finds_no_memory),
        FIXTURE_TEST(test_post_skips_what_an_earlier_run_has_published),
        FIXTURE_TEST(test_post_skips_the_parts_of_two_runs),
        FIXTURE_TEST(test_post_of_something_else_in_the_second_run_is_an_error),
        FIXTURE_TEST(test_post_of_another_function_or_length_is_an_error),
    };
    return cmocka_run_group_tests_name("post", tests, NULL, NULL);
}
