/* oom: deaths held against a made-up count of the kernel's kills. */
#include "supervisor/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND_NS 1000000000u

static uint64_t kills;

static uint64_t
count_kills(const char *root)
{
    assert_string_equal(root, "");
    return kills;
}

static struct oom
opened(void)
{
    struct oom b;
    oom_open(&b, count_kills);
    return b;
}

static void
test_blame_without_a_kill_excuses_nobody(void **state)
{
    (void)state;
    kills = 7; /* before us */
    struct oom b = opened();
    assert_false(oom_killed(&b, 1));
    assert_false(oom_killed(&b, 2));
}

static void
test_blame_each_kill_excuses_one_death(void **state)
{
    (void)state;
    struct oom b = opened();
    kills++;
    assert_true(oom_killed(&b, 1));
    assert_false(oom_killed(&b, 2));
    kills += 2; /* both counted before the first was found */
    assert_true(oom_killed(&b, 3));
    assert_true(oom_killed(&b, 4));
    assert_false(oom_killed(&b, 5));
}

static void
test_blame_excuses_no_death_long_after(void **state)
{
    (void)state;
    struct oom b = opened();
    kills += 5;
    assert_true(oom_killed(&b, 10));
    assert_true(oom_killed(&b, 10 + SECOND_NS));
    assert_false(oom_killed(&b, 11 + SECOND_NS));
}

static void
test_blame_a_count_that_fell_starts_anew(void **state)
{
    (void)state;
    kills = 100;
    struct oom b = opened();
    kills = 1;
    assert_false(oom_killed(&b, 1));
    kills = 2;
    assert_true(oom_killed(&b, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blame_without_a_kill_excuses_nobody),
        cmocka_unit_test(test_blame_each_kill_excuses_one_death),
        cmocka_unit_test(test_blame_excuses_no_death_long_after),
        cmocka_unit_test(test_blame_a_count_that_fell_starts_anew),
    };
    return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
