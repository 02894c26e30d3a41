/* idle: when the supervisor is told that more workers are of use. docs/internals/sleeping.md */
#include "fixture_worker.h"
#include "task/commit.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"

static int told;

static void
tell(void)
{
    told++;
}

static void
publish(struct fixture *f, uint32_t slot, uint32_t from, uint32_t n)
{
    fixture_publish(f, slot, from, n);
    idle_wake(&f->selves[slot], n);
}

static void
set_idle(struct fixture *f, uint32_t k, bool on)
{
    slot_at(&f->arena, k)->park = on;
    f->arena.header->idle_bits[k / 64] = on ? (uint64_t)1 << k % 64 : 0;
}

static void
test_more_is_not_wanted_without_a_task_and_then_told_once(void **state)
{
    struct fixture *f = *state;
    told = 0;
    idle_notify = tell;
    assert_false(idle_want_more(&f->selves[0]));
    publish(f, 1, 1, 2);
    assert_int_equal(told, 1);
    publish(f, 1, 3, 2);
    assert_int_equal(told, 1); /* until the supervisor asks anew */
    assert_true(idle_want_more(&f->selves[0]));
    assert_true(idle_want_more(&f->selves[0]));
}

static void
test_more_is_not_wanted_while_somebody_sleeps(void **state)
{
    struct fixture *f = *state;
    told = 0;
    idle_notify = tell;
    set_idle(f, 2, true);
    assert_false(idle_want_more(&f->selves[0]));
    publish(f, 1, 1, 2); /* wakes it */
    assert_int_equal(told, 0);
    assert_int_equal(slot_at(&f->arena, 2)->park, 0);
    assert_true(queue_look(&f->selves[2]));
    idle_wake(&f->selves[2], 1); /* there is one more, and nobody sleeps now */
    assert_int_equal(told, 1);
    assert_true(idle_want_more(&f->selves[0]));
}

static void
test_more_is_not_wanted_where_nothing_may_start(void **state)
{
    struct fixture *f = *state;
    idle_notify = tell;
    publish(f, 1, 1, 2);
    gate_close(&f->arena, GATE_PAUSED);
    assert_false(idle_want_more(&f->selves[0]));
    gate_open(&f->arena, GATE_PAUSED);
    assert_true(idle_want_more(&f->selves[0]));
    assert_true(queue_look(&f->selves[1]));
    idle_run_alone(&f->arena, f->selves[1].slot->cur);
    assert_false(idle_want_more(&f->selves[0]));
}

static void
test_nobody_is_told_who_has_not_asked(void **state)
{
    struct fixture *f = *state;
    told = 0;
    idle_notify = tell;
    publish(f, 1, 1, 2);
    assert_int_equal(told, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_more_is_not_wanted_without_a_task_and_then_told_once),
        FIXTURE_TEST(test_more_is_not_wanted_while_somebody_sleeps),
        FIXTURE_TEST(test_more_is_not_wanted_where_nothing_may_start),
        FIXTURE_TEST(test_nobody_is_told_who_has_not_asked),
    };
    return cmocka_run_group_tests_name("want_more", tests, NULL, NULL);
}
