/* pace: how fast, and how long still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "monitor/rate.h"

enum { MS = 1000000 };
static const uint64_t SECOND = 1000 * MS;

static void
assert_about(double is, double expected)
{
    assert_true(is > expected * 0.95 && is < expected * 1.05);
}

/* begin() has posted a thousand; ten are done in a second. */
static void
test_all_posted(void **state)
{
    (void)state;
    struct rate p = {0};
    for (uint64_t t = 0; t <= 20; t++)
        rate_note(&p, t * SECOND, 1000, t * 10);
    struct rate_view v = rate_view(&p, 20 * SECOND, 1000, 200, 0);
    assert_about(v.rate, 10);
    assert_false(v.growing);
    assert_true(v.has_left);
    assert_about(v.left_s, 80);
}

static void
test_growing(void **state)
{
    (void)state;
    struct rate p = {0};
    for (uint64_t t = 0; t <= 20; t++)
        rate_note(&p, t * SECOND, 1 + t * 30, t * 10);
    struct rate_view v = rate_view(&p, 20 * SECOND, 601, 200, 0);
    assert_true(v.growing);
    assert_false(v.has_left);
    /* The script knows how many there will be. */
    v = rate_view(&p, 20 * SECOND, 601, 200, 1200);
    assert_false(v.growing);
    assert_true(v.has_left);
    assert_about(v.left_s, 100);
}

/* Posts come in, more slowly than tasks are done. */
static void
test_shrinking(void **state)
{
    (void)state;
    struct rate p = {0};
    for (uint64_t t = 0; t <= 40; t++)
        rate_note(&p, t * SECOND / 4, 1000 + t, t * 5);
    struct rate_view v = rate_view(&p, 10 * SECOND, 1040, 200, 0);
    assert_about(v.rate, 20);
    assert_true(v.has_left);
    assert_about(v.left_s, 840 / 16.0);
}

/* It was fast and is slow: the last seconds count, while they say enough. */
static void
test_the_last_seconds(void **state)
{
    (void)state;
    struct rate p = {0};
    for (uint64_t t = 0; t <= 400; t++)
        rate_note(&p, t * SECOND / 4, 100000, t < 200 ? t * 100 : 20000 + (t - 200));
    struct rate_view v = rate_view(&p, 100 * SECOND, 100000, 20200, 0);
    assert_about(v.rate, 4);
    /* Tasks of a minute each: no second says anything, the whole does. */
    struct rate q = {0};
    for (uint64_t t = 0; t <= 2000; t++)
        rate_note(&q, t * SECOND, 100, t / 60);
    v = rate_view(&q, 2000 * SECOND, 100, 33, 0);
    assert_about(v.rate, 1 / 60.0);
    assert_true(v.has_left);
}

static void
test_nothing_known(void **state)
{
    (void)state;
    struct rate p = {0};
    struct rate_view v = rate_view(&p, 0, 5, 0, 0);
    assert_false(v.has_left || v.growing);
    rate_note(&p, 0, 5, 0);
    v = rate_view(&p, SECOND, 5, 0, 0);
    assert_false(v.has_left || v.growing);
    /* All done. */
    v = rate_view(&p, SECOND, 5, 5, 0);
    assert_false(v.has_left || v.growing);
    assert_about(v.rate, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_posted),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_shrinking),
        cmocka_unit_test(test_the_last_seconds),
        cmocka_unit_test(test_nothing_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
