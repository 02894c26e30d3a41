/* text: bytes that grow, and JSON among them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void
assert_text(struct text *t, const char *expected)
{
    assert_false(t->failed);
    assert_int_equal(t->len, strlen(expected));
    assert_memory_equal(t->at, expected, t->len);
    text_clear(t);
}

static void
test_grows(void **state)
{
    (void)state;
    struct text t = {0};
    text_print(&t, "%d tasks, ", 12);
    text_put(&t, "one");
    text_bytes(&t, "\0two", 1);
    assert_int_equal(t.len, 14);
    text_clear(&t);
    for (int i = 0; i < 1000; i++)
        text_put(&t, "0123456789");
    assert_int_equal(t.len, 10000);
    text_free(&t);
    assert_null(t.at);
}

static void
test_json_strings(void **state)
{
    (void)state;
    struct text t = {0};
    json_string(&t, "a \"b\"\\\n\t\x7f");
    assert_text(&t, "\"a \\\"b\\\"\\\\\\n\\u0009\\u007f\"");
    json_string(&t, "\xc3\xa9 \xff");
    assert_text(&t, "\"\xc3\xa9 \\\\xff\"");
    text_free(&t);
}

static void
test_json_objects(void **state)
{
    (void)state;
    struct text t = {0};
    text_put(&t, "{");
    json_field(&t, "none", NULL);
    json_field(&t, "name", "x");
    json_integer(&t, "n", UINT64_MAX);
    json_number(&t, "v", 0.25);
    json_number(&t, "nan", NAN);
    json_boolean(&t, "yes", true);
    text_put(&t, "}");
    assert_text(&t, "{\"name\":\"x\",\"n\":18446744073709551615,\"v\":0.25,\"nan\":null,\"yes\":true}");
    text_free(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
