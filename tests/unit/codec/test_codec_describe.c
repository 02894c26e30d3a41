/* codec: encoded values as people read them. */
#include "fixture_codec.h"

static void
test_codec_describe(void **state)
{
    codec_run(*state,
              "local function says(wanted, ...) expect(describe(encode(...)), wanted) end\n"
              "says('') says('nil', nil) says('12, \"abc\", {…}', 12, 'abc', {1})\n"
              "says('{}, true, false, -1.5, nil, 1e+100', {}, true, false, -1.5, nil, 1e100)\n"
              "says('0.1, 0.30000000000000004, nan, inf, -inf, -0', 0.1, 0.1 + 0.2,\n"
              "  0/0, 1/0, -1/0, -0.0)\n"
              "says('-5LL, 18446744073709551615ULL', -5LL, -1ULL)\n"
              "know_function(print, 3) local C = {} know_class(C, 4)\n"
              "says('function 3, class 4, {…}', print, C, setmetatable({}, C))\n"
              "local t = {} says('{}, {…}', t, t)\n"
              "says('\"' .. ('x'):rep(40) .. '...\"', ('x'):rep(41))\n"
              "says('\"' .. ('x'):rep(40) .. '\"', ('x'):rep(40))\n"
              "says([[\"\\n\\t\\x00\\x1b[31m\\\"\\\\\\x7fé€😀\"]],\n"
              "  '\\n\\t\\0\\27[31m\"\\\\\\127é€😀')\n"
              /* Not UTF-8: cut, overlong, a surrogate, too high; C1, text direction. */
              "says([[\"\\xc3\"]], '\\xc3') says([[\"\\xc0\\x80\"]], '\\xc0\\x80')\n"
              "says([[\"\\xc1\\x81\"]], '\\xc1\\x81')\n"
              "says([[\"\\xed\\xa0\\x80\"]], '\\xed\\xa0\\x80')\n"
              "says([[\"\\xf4\\x90\\x80\\x80\"]], '\\xf4\\x90\\x80\\x80')\n"
              "says([[\"\\xc2\\x9b\"]], '\\xc2\\x9b') says([[\"\\xff\"]], '\\xff')\n"
              "says([[\"\\xe2\\x80\\xae\"]], '\\xe2\\x80\\xae')\n"
              "says('{…}, 7', {{{'x'}}, a = {b = {1, 2, c = t}}, t}, 7)\n"
              /* Damaged. */
              "says('0, 7, -7, 99999999999999, -99999999999999', 0, 7, -7, 1e14 - 1, 1 - 1e14)\n"
              "says('-0, 1e+14, -1e+14, 0.5, 100000000000001, inf', 0 * -1, 1e14, -1e14, 0.5, 1e14 + 1, 1 / 0)\n"
              "expect(describe('\\xd9'), '?') expect(describe('\\xd8'), 'NULL') expect(describe('\\1\\2\\xcb\\1'), '1, 2, ?')\n"
              "expect(describe(raw('d1 05 01')), '?')\n"
              "expect(describe(raw('d3 ff ff ff ff 0f ff ff ff ff 0f')), '?')\n"
              "expect(describe(('\\xd1\\1'):rep(199) .. '\\xd0'), '{…}')\n"
              "expect(describe(('\\xd1\\1'):rep(200) .. '\\xd0'), '?')\n"
              "expect(describe(('\\xd1\\1'):rep(1e6)), '?')\n");
}

static void
test_codec_describe_within_any_length(void **state)
{
    struct codec_fixture *f = *state;

    codec_run(f,
              "local bytes = encode(12, 'abcé\\0', {1}, 'x')\n"
              "local full = describe(bytes)\n"
              "expect(full, '12, \"abcé\\\\x00\", {…}, \"x\"')\n"
              "expect(describe(bytes, #full + 1), full)\n"
              "for cap = 1, #full do\n"
              "  local text = describe(bytes, cap)\n"
              "  assert(#text < cap)\n"
              "  if cap > 4 then\n"
              "    assert(text:sub(-3) == '...', text)\n"
              "    assert(full:sub(1, #text - 3) == text:sub(1, -4), text)\n"
              "    assert(not text:find('\\xc3%.'), text)\n"
              "    assert(not text:find('\\\\x?0?%.'), text)\n"
              "  end\n"
              "end\n"
              "expect(describe(bytes, 7), '12...') expect(describe(bytes, 1), '')\n"
              "expect(describe(bytes, 3), '..')\n");
    codec_describe((const unsigned char *)"\1", 1, NULL, 0);

    char text[4] = "old";
    codec_describe(NULL, 0, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(codec_decode(f->c, f->L, NULL, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CODEC_TEST(test_codec_describe),
        CODEC_TEST(test_codec_describe_within_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
