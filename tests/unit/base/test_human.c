/* human: numbers as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/human.h"

static void
test_times(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0ns"}, {999, "999ns"}, {1234, "1.2us"}, {56789, "57us"}, {3400000, "3.4ms"}, {340000000, "340ms"}, {1200000000, "1.20s"}, {59900000000, "59.9s"}, {125000000000, "2:05"}, {3723000000000, "1:02:03"}, {360000000000000 + 14400000000000, "4d08h"}};
    char text[HUMAN_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(human_time(text, cases[i].ns), cases[i].text);
    assert_string_equal(human_clock(text, 7900000000), "0:07");
    assert_string_equal(human_clock(text, 61000000000), "1:01");
}

static void
test_sizes_and_rates(void **state)
{
    (void)state;
    char text[HUMAN_TEXT];
    assert_string_equal(human_bytes(text, 512), "512");
    assert_string_equal(human_bytes(text, 1300 * 1024), "1.3M");
    assert_string_equal(human_bytes(text, 123u << 20), "123M");
    assert_string_equal(human_bytes(text, UINT64_MAX), "16E");
    assert_string_equal(human_rate(text, 0.25), "0.25");
    assert_string_equal(human_rate(text, 340.4), "340");
    assert_string_equal(human_rate(text, 45100), "45.1k");
    assert_string_equal(human_rate(text, 2.3e6), "2.30M");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_sizes_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
