/* growth: how many workers to add, from what a look at them has found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "supervisor/growth.h"

static uint32_t
more(uint32_t workers, uint32_t room, bool coming, bool waiting, uint64_t waited_ms)
{
    struct growth_look look = {workers, room, coming, waiting, waited_ms * CLOCK_MILLISECOND};
    return growth_more(&look);
}

static void
test_growth_doubles_while_they_wait(void **state)
{
    (void)state;
    assert_int_equal(more(2, 98, false, true, 1), 2);
    assert_int_equal(more(64, 36, false, true, 0), 36);
    assert_int_equal(more(2, 0, false, true, 1), 0);
}

static void
test_growth_adds_one_now_and_then_while_they_compute(void **state)
{
    (void)state;
    assert_int_equal(more(2, 6, false, false, 19), 0);
    assert_int_equal(more(2, 6, false, false, 20), 1);
    assert_int_equal(more(2, 0, false, false, 20), 0);
}

/* Half of two wait, and the other one was started for the very task that is ready. */
static void
test_growth_waits_a_second_for_those_that_were_started(void **state)
{
    (void)state;
    assert_int_equal(more(2, 98, true, true, 1), 0);
    assert_int_equal(more(2, 98, true, false, 999), 0);
    assert_int_equal(more(2, 98, true, true, 1000), 2);
    assert_int_equal(more(2, 98, true, false, 1000), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth_doubles_while_they_wait),
        cmocka_unit_test(test_growth_adds_one_now_and_then_while_they_compute),
        cmocka_unit_test(test_growth_waits_a_second_for_those_that_were_started),
    };
    return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
