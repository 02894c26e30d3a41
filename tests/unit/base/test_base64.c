/* base64: there and back; texts that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/text.h"

static void
test_decode(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long n;
        const char *bytes;
    } cases[] = {
        {"", 0, ""},
        {"Zg==", 1, "f"},
        {"Zm8=", 2, "fo"},
        {"Zm9v", 3, "foo"},
        {"Zm9vYg==", 4, "foob"},
        {"+/+/", 3, "\xfb\xff\xbf"},
        {"AAAA", 3, "\0\0\0"},
        {"Z", -1, ""},
        {"Zg=", -1, ""},
        {"Zg=a", -1, ""},
        {"====", -1, ""},
        {"=AAA", -1, ""},
        {"Zm9 ", -1, ""},
        {"Zm9\n", -1, ""},
        {"Zg==Zg==", -1, ""},
    };
    unsigned char out[16];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        long n = base64_decode(cases[i].text, strlen(cases[i].text), out);
        assert_int_equal(n, cases[i].n);
        assert_memory_equal(out, cases[i].bytes, n > 0 ? (size_t)n : 0);
    }
    assert_int_equal(base64_decode("A\0AA", 4, out), -1);
}

static void
test_put_is_decoded_again(void **state)
{
    (void)state;
    unsigned char bytes[256], out[(256 + 2) / 3 * 3];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct text text = {0};
        base64_put(&text, bytes, n);
        assert_int_equal(text.len, (n + 2) / 3 * 4);
        assert_int_equal(base64_decode(text.at, text.len, out), n);
        assert_memory_equal(out, bytes, n);
        text_free(&text);
    }
    struct text text = {0};
    text_put(&text, "=");
    base64_put(&text, (const unsigned char *)"foob", 4);
    assert_int_equal(text.len, 9);
    assert_memory_equal(text.at, "=Zm9vYg==", 9);
    text_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_put_is_decoded_again),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
