/* columns: how much room a text takes on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/columns.h"
#include "base/text.h"

static const char *
put(const char *s, int columns, int fill, int expected)
{
    static struct text t;
    text_clear(&t);
    assert_int_equal(columns_put(&t, s, columns, fill), expected);
    text_bytes(&t, "", 1);
    return t.at;
}

static void
test_columns(void **state)
{
    (void)state;
    assert_string_equal(put("fetch", 8, 1, 8), "fetch   ");
    assert_string_equal(put("fetch", 3, 0, 3), "fet");
    assert_string_equal(put("a\033[31mb\n", 20, 0, 8), "a?[31mb?");
    assert_string_equal(put("\xff", 5, 0, 1), "?");
    /* Two columns each: half of one is not shown. */
    assert_int_equal(columns_of("解析"), 4);
    assert_string_equal(put("解析", 3, 1, 3), "解 ");
    assert_string_equal(put("解析", 0, 0, 0), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_columns)};
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
