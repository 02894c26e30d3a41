/* throttle: what is measured, read from a made-up root. What is done about it: test_gate.c
 * and tests/e2e/throttle_spec.lua. */
#include "job/throttle.h"

#include <unistd.h>

#include "fixture_root.h"

static void
test_guard_running_is_what_the_kernel_says_but_for_us(void **state)
{
    (void)state;
    fixture_put("/proc/loadavg", "0.20 0.18 0.12 7/80 11206\n");
    assert_int_equal(throttle_running(fixture_root), 6);
    fixture_put("/proc/loadavg", "0.20 0.18 0.12 1/80 11206\n");
    assert_int_equal(throttle_running(fixture_root), 0);
}

static void
test_guard_running_is_0_where_nothing_is_known(void **state)
{
    (void)state;
    static const char *const nonsense[] = {"", "\n", "0.20 0.18", "1 2 3 x/80\n", "1 2 3 0/0\n"};
    assert_int_equal(throttle_running(fixture_root), 0);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        fixture_put("/proc/loadavg", nonsense[i]);
        assert_int_equal(throttle_running(fixture_root), 0);
    }
}

static void
test_guard_running_of_this_system(void **state)
{
    (void)state;
    assert_int_equal(access("/proc/loadavg", R_OK), 0);
    assert_true(throttle_running("") < 1000000);
}

/* One look, in MB: 1,000 shall stay free. */
static uint32_t
look(struct throttle_memory *m, uint64_t free_mb, uint32_t running)
{
    struct throttle_look l = {
        .free_bytes = free_mb << 20,
        .wanted = 1000ull << 20,
        .running = running,
        .most = 5,
    };
    return throttle_memory_room(m, &l);
}

static void
test_throttle_lets_more_and_more_go_while_no_memory_is_taken(void **state)
{
    (void)state;
    struct throttle_memory m = {0};
    assert_int_equal(look(&m, 2000, 0), 1);
    assert_int_equal(look(&m, 2000, 1), 2);
    assert_int_equal(look(&m, 1999, 3), 4);
    assert_int_equal(look(&m, 1998, 7), 5);
    assert_int_equal(look(&m, 2000, 12), 5);
}

/* What one task takes is seen at the next look at the earliest. */
static void
test_throttle_lets_one_go_once_memory_has_fallen(void **state)
{
    (void)state;
    struct throttle_memory m = {0};
    assert_int_equal(look(&m, 2000, 0), 1);
    for (uint32_t i = 1; i < 9; i++)
        assert_int_equal(look(&m, 2000 - 50 * i, i), 1);
}

static void
test_throttle_lets_none_go_that_would_take_too_much_within_a_second(void **state)
{
    (void)state;
    struct throttle_memory m = {0};
    assert_int_equal(look(&m, 2000, 0), 1);
    assert_int_equal(look(&m, 1850, 1), 1);
    assert_int_equal(look(&m, 1700, 2), 0); /* 150 more, of 700 */
    assert_int_equal(look(&m, 1690, 2), 1); /* it slows down */
    assert_int_equal(look(&m, 1000, 3), 0);
    assert_int_equal(look(&m, 900, 3), 0);
}

/* Three took 1,200, which was too much: two fit. */
static void
test_throttle_lets_as_many_go_as_fit_by_what_was_seen(void **state)
{
    (void)state;
    struct throttle_memory m = {0};
    (void)look(&m, 2000, 0);
    (void)look(&m, 2000, 1);
    (void)look(&m, 2000, 3);
    assert_int_equal(look(&m, 800, 3), 0);
    assert_int_equal(look(&m, 2000, 0), 1);
    assert_int_equal(look(&m, 2000, 1), 1);
    assert_int_equal(look(&m, 2000, 2), 0);
    assert_int_equal(look(&m, 1900, 0), 1); /* one always does */
}

/* 24 tasks for 16 workers; each takes 250 MB, more and more for half a second, and gives them
 * back 1.5 s later. 1,800 MB are free. Returns the least that ever was. */
static uint64_t
least_free(void)
{
    enum { STEP_MS = 10,
           LOOK_MS = 200,
           GROWS_MS = 500,
           LASTS_MS = 2000,
           WORKERS = 16 };
    struct throttle_memory m = {0};
    uint32_t age[WORKERS] = {0}, left = 24, room = 0;
    uint64_t least = 1800;
    for (uint32_t ms = 0; ms < 60000; ms += STEP_MS) {
        uint64_t taken = 0;
        uint32_t running = 0;
        for (int k = 0; k < WORKERS; k++) {
            if (age[k] && (age[k] += STEP_MS) > LASTS_MS)
                age[k] = 0;
            running += age[k] != 0;
            taken += age[k] < GROWS_MS ? age[k] / 2 : 250;
        }
        least = 1800 - taken < least ? 1800 - taken : least;
        if (ms % LOOK_MS == 0)
            room = look(&m, 1800 - taken, running);
        for (int k = 0; k < WORKERS && left && room; k++) {
            if (age[k])
                continue;
            age[k] = 1;
            left--;
            room--;
        }
    }
    assert_int_equal(left, 0);
    return least;
}

static void
test_throttle_keeps_what_is_wanted_but_for_one_task(void **state)
{
    (void)state;
    assert_true(least_free() >= 1000 - 250);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_ROOT_TEST(test_guard_running_is_what_the_kernel_says_but_for_us),
        FIXTURE_ROOT_TEST(test_guard_running_is_0_where_nothing_is_known),
        FIXTURE_ROOT_TEST(test_guard_running_of_this_system),
        cmocka_unit_test(test_throttle_lets_more_and_more_go_while_no_memory_is_taken),
        cmocka_unit_test(test_throttle_lets_one_go_once_memory_has_fallen),
        cmocka_unit_test(test_throttle_lets_none_go_that_would_take_too_much_within_a_second),
        cmocka_unit_test(test_throttle_lets_as_many_go_as_fit_by_what_was_seen),
        cmocka_unit_test(test_throttle_keeps_what_is_wanted_but_for_one_task),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
