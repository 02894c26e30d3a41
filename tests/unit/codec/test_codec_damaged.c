/* codec: damaged bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_codec.h"
#include "sanitized.h"

/* Whatever happens, it is an answer: values or -EBADMSG, and a short text. */
static void
try_bytes(struct codec_fixture *f, const unsigned char *bytes, size_t len)
{
    char text[64];
    unsigned char *copy = malloc(len ? len : 1);

    memcpy(copy, bytes, len);
    lua_settop(f->L, 0);
    int n = codec_decode(f->c, f->L, copy, len);
    if (n < 0) {
        assert_int_equal(n, -EBADMSG);
        assert_int_equal(lua_gettop(f->L), 0);
        assert_non_null(strstr(codec_error(f->c), "damaged bytes, at byte "));
    } else {
        assert_int_equal(lua_gettop(f->L), n);
    }
    codec_describe(copy, len, text, sizeof text);
    assert_true(strlen(text) < sizeof text);
    lua_settop(f->L, 0);
    free(copy);
}

static void
test_codec_truncated_at_every_length(void **state)
{
    struct codec_fixture *f = *state;

    codec_push_rich(f);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    lua_settop(f->L, 0);
    assert_int_equal(codec_decode(f->c, f->L, f->buf.bytes, f->buf.len), 1);
    for (size_t len = 2; len < f->buf.len; len++) {
        try_bytes(f, f->buf.bytes, len);
        int n = codec_decode(f->c, f->L, f->buf.bytes, len);
        assert_int_equal(n, -EBADMSG);
    }
}

static void
test_codec_each_byte_changed_to_each_other(void **state)
{
    struct codec_fixture *f = *state;

    codec_push_rich(f);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    for (size_t i = 0; i < f->buf.len; i++) {
        unsigned char was = f->buf.bytes[i];
        int step = SANITIZED ? 7 : 1;
        for (int v = i % step; v < 256; v += step) {
            f->buf.bytes[i] = (unsigned char)v;
            try_bytes(f, f->buf.bytes, f->buf.len);
        }
        f->buf.bytes[i] = was;
    }
}

static void
test_codec_refuses_what_it_would_never_write(void **state)
{
    codec_run(*state,
              "local function damaged(bytes, why)\n"
              "  local n, text, code = decode(raw(bytes))\n"
              "  if n or not text:find(why, 1, true) then\n"
              "    error(bytes .. ': ' .. tostring(text), 2)\n"
              "  end\n"
              "  expect(code, 74)\n"
              "end\n"
              "damaged('d9', 'no value begins with d9')\n"
              "damaged('01 df', 'at byte 1: no value begins with df')\n"
              "damaged('d1 01 ce', 'no value begins with ce')\n"
              "damaged('d1 01 c0', 'nil in a table')\n"
              "damaged('d2 01 01 c0', 'nil in a table')\n"
              "damaged('d2 01 c0 01', 'no key')\n"
              "damaged('d2 01 c6 000000000000f8ff 01', 'not a number as a key')\n"
              "damaged('d2 01 c6 010000000000f07f 01', 'not a number as a key')\n"
              "damaged('d2 01', 'a count of 1')\n"
              "damaged('d1 00', 'a count of 0')\n"
              "damaged('d1 ff ff ff ff 0f 00', 'a count of 4294967295')\n"
              "damaged('d1 ff ff ff ff 1f 00', 'no number')\n"
              "damaged('d1 ff ff ff ff ff 00', 'no number')\n"
              "damaged('d1 ff', 'no number')\n"
              "damaged('cc 05', 'function number 5 is not known here')\n"
              "damaged('cd 05', 'class number 5 is not known here')\n"
              "damaged('d4 05', 'class number 5 is not known here')\n"
              "damaged('d4 00', 'class number 0 is not known here')\n"
              "damaged('d0 cf 00', 'no table has number 0')\n"
              "damaged('ce d0 cf 01', 'no table has number 1')\n"
              "damaged('ce d0 ce cf 00', 'no table has number 0')\n"
              "damaged('ce cf ff ff ff ff 0f', 'no table has number 4294967295')\n"
              "damaged('81', 'a string ends too early')\n"
              "damaged('cb ff ff ff ff 61', 'a string ends too early')\n"
              "damaged('c4 01', 'a number ends too early')\n"
              "damaged('c7 01', 'a 64-bit integer ends too early')\n"
              "damaged('d2 01 81 61', 'end too early')\n"
              /* A function's number is no class's, and the other way round. */
              "know_function(print, 5) know_class({}, 6)\n"
              "damaged('d4 05', 'class number 5') damaged('cc 06', 'number 6')\n"
              "expect({decode(raw('ce ce 01'))}, {1, 1})\n");
}

static void
test_codec_a_lying_count_allocates_nothing_much(void **state)
{
    codec_run(*state,
              "local function cost(bytes)\n"
              "  collectgarbage() collectgarbage('stop')\n"
              "  local before = collectgarbage('count') * 1024\n"
              "  local n = decode(bytes)\n"
              "  local after = collectgarbage('count') * 1024\n"
              "  collectgarbage('restart')\n"
              "  expect(n, nil)\n"
              "  return after - before\n"
              "end\n"
              "local zeros = ('\\0'):rep(1000)\n"
              "assert(cost(raw('d1 80 80 80 20') .. zeros) < 20000)\n"
              "assert(cost(raw('d2 80 80 80 20') .. zeros) < 20000)\n"
              /* Each level of 190 claims all the bytes there are: 190 * 100 kB. */
              "local big = ('\\0'):rep(100000)\n"
              "local level = raw('d1 a0 8d 06')\n"
              "assert(cost(level:rep(190) .. big) < 2e6)\n"
              /* What is there may be claimed in full: 64-byte nodes, two-fold. */
              "level = raw('d2 d0 86 03')\n"
              "assert(cost(level:rep(190) .. big) < 8e6)\n");
}

static void
test_codec_more_values_than_the_lua_stack_holds(void **state)
{
    codec_run(*state,
              "local n, text, code = decode(('\\1'):rep(100000))\n"
              "expect(n, nil) expect(code, 7)\n"
              "expect(text, 'too many values for the Lua stack')\n"
              "expect((decode(('\\1'):rep(7000))), 7000)\n"
              /* In a coroutine with a stack of its own, too. */
              "local co = coroutine.wrap(function()\n"
              "  local t = {} for i = 2, 200 do t = {t} end\n"
              "  return decode(encode(t))\n"
              "end)\n"
              "expect((co()), 1)\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CODEC_TEST(test_codec_truncated_at_every_length),
        CODEC_TEST(test_codec_each_byte_changed_to_each_other),
        CODEC_TEST(test_codec_refuses_what_it_would_never_write),
        CODEC_TEST(test_codec_a_lying_count_allocates_nothing_much),
        CODEC_TEST(test_codec_more_values_than_the_lua_stack_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
