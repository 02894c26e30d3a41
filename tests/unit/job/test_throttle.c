/* guard: what is measured, read from a made-up root. What is done about it: test_gate.c
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_ROOT_TEST(test_guard_running_is_what_the_kernel_says_but_for_us),
        FIXTURE_ROOT_TEST(test_guard_running_is_0_where_nothing_is_known),
        FIXTURE_ROOT_TEST(test_guard_running_of_this_system),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
