/* codec: scalars, tables, classes and functions, there and back. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "fixture_codec.h"

/* --- Scalars. */

static void
test_codec_bytes_are_as_documented(void **state)
{
    codec_run(*state,
              "local function bytes(wanted, ...) expect(hex(encode(...)), wanted) end\n"
              "bytes('') bytes('c0', nil) bytes('c1', false) bytes('c2', true)\n"
              "bytes('00', 0) bytes('7f', 127) bytes('ff', -1) bytes('e0', -32)\n"
              "bytes('c380', 128) bytes('c3ff', 255) bytes('c40001', 256)\n"
              "bytes('c4dfff', -33) bytes('c4ff7f', 32767) bytes('c40080', -32768)\n"
              "bytes('c500800000', 32768) bytes('c5ff7fffff', -32769)\n"
              "bytes('c5ffffff7f', 2^31 - 1) bytes('c500000080', -2^31)\n"
              "bytes('c6000000000000e041', 2^31) bytes('c6000000000000e03f', 0.5)\n"
              "bytes('c60000000000000080', -0.0) bytes('c6000000000000f87f', 0/0)\n"
              "bytes('c6000000000000f07f', 1/0) bytes('c6000000000000f0ff', -1/0)\n"
              "bytes('80', '') bytes('8161', 'a') bytes('83610062', 'a\\0b')\n"
              "expect(hex(encode(('x'):rep(63)):sub(1, 2)), 'bf78')\n"
              "expect(hex(encode(('x'):rep(64)):sub(1, 3)), 'c94078')\n"
              "expect(hex(encode(('x'):rep(256)):sub(1, 4)), 'ca000178')\n"
              "expect(hex(encode(('x'):rep(65536)):sub(1, 6)), 'cb0000010078')\n"
              "bytes('c7feffffffffffffff', -2LL) bytes('c8ffffffffffffffff', -1ULL)\n"
              "bytes('d0', {}) bytes('d1020102', {1, 2}) bytes('d201816105', {a = 5})\n"
              "bytes('d302010708816105', {7, 8, a = 5})\n"
              "local C = {} know_class(C, 300)\n"
              "bytes('d4ac02', setmetatable({}, C))\n"
              "bytes('d7ac02010107816105', setmetatable({7, a = 5}, C))\n"
              "bytes('cdac02', C) know_function(print, 5) bytes('cc05', print)\n"
              "local t = {} bytes('d0d0', t, {}) bytes('ced0d0cf00', t, {}, t)\n"
              "bytes('0180c0', 1, '', nil)\n");
}

/* Through Lua and through the fast path, into the same bytes and back. */
static void
check_number(struct codec_fixture *f, double v)
{
    unsigned char fast[CODEC_SCALAR_MAX];
    size_t len = codec_put_number(fast, v);
    double back = 12345;

    f->buf.len = 0;
    lua_pushnumber(f->L, v);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    assert_int_equal(f->buf.len, len);
    assert_memory_equal(f->buf.bytes, fast, len);
    lua_settop(f->L, 0);

    assert_true(codec_get_number(fast, len, &back));
    if (isnan(v))
        assert_true(isnan(back));
    else
        assert_memory_equal(&back, &v, 8);
    for (size_t cut = 0; cut < len; cut++)
        assert_false(codec_get_number(fast, cut, &back));
    assert_false(codec_get_number(fast, len + 1, &back));

    assert_int_equal(codec_decode(f->c, f->L, fast, len), 1);
    back = lua_tonumber(f->L, 1);
    if (isnan(v))
        assert_true(isnan(back));
    else
        assert_memory_equal(&back, &v, 8);
    lua_settop(f->L, 0);
}

static void
test_codec_numbers_keep_every_bit(void **state)
{
    static const double special[] = {
        0.0, -0.0, 0.1, 1e308, -1e308, 5e-324, 2.2e-308, INFINITY, -INFINITY,
        NAN, 9007199254740991.0, 9007199254740993.0, 2147483647.5,
        -2147483648.5, 127.5, -32.5, 1e15};
    uint64_t seed = 42;

    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        check_number(*state, special[i]);
    for (int v = -70000; v <= 70000; v++)
        check_number(*state, v);
    for (int bit = 15; bit < 54; bit++) {
        for (int off = -2; off <= 2; off++) {
            check_number(*state, ldexp(1, bit) + off);
            check_number(*state, -ldexp(1, bit) + off);
        }
    }
    for (int i = 0; i < 100000; i++) {
        double v;
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t bits = seed ^ seed >> 29;
        memcpy(&v, &bits, 8);
        check_number(*state, v);
    }
}

static void
test_codec_nan_with_any_payload_is_lua_s_own(void **state)
{
    struct codec_fixture *f = *state;
    unsigned char bytes[9] = {CODEC_DOUBLE}, fast[9];
    static const uint64_t odd[] = {
        UINT64_C(0xffffffffffffffff), UINT64_C(0xfff8000000000001),
        UINT64_C(0x7ff0000000000001), UINT64_C(0xfffe000012345678)};
    double v;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        memcpy(bytes + 1, &odd[i], 8);
        assert_int_equal(codec_decode(f->c, f->L, bytes, 9), 1);
        assert_int_equal(lua_type(f->L, 1), LUA_TNUMBER);
        lua_settop(f->L, 0);
        assert_true(codec_get_number(bytes, 9, &v));
        assert_memory_equal(&v, &(double){__builtin_nan("")}, 8);
        memcpy(&v, &odd[i], 8);
        assert_int_equal(codec_put_number(fast, v), 9);
        assert_memory_equal(fast + 1, &(double){__builtin_nan("")}, 8);
    }
}

static void
test_codec_strings_of_every_length_class(void **state)
{
    static const size_t lengths[] = {
        0, 1, 10, 62, 63, 64, 65, 254, 255, 256, 257, 65534, 65535, 65536,
        1 << 20};
    struct codec_fixture *f = *state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = lengths[i], got_len = 0;
        unsigned char *fast = malloc(10 + len);
        const unsigned char *got = NULL;
        size_t head = codec_put_string_head(fast, len);
        for (size_t k = 0; k < len; k++)
            fast[head + k] = (unsigned char)(k * 7);
        lua_pushlstring(f->L, (char *)fast + head, len);
        f->buf.len = 0;
        assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
        assert_int_equal(f->buf.len, head + len);
        assert_memory_equal(f->buf.bytes, fast, head + len);

        assert_true(codec_get_string(fast, head + len, &got, &got_len));
        assert_ptr_equal(got, fast + head);
        assert_int_equal(got_len, len);
        assert_false(codec_get_string(fast, head + len - 1, &got, &got_len));
        assert_false(codec_get_string(fast, head + len + 1, &got, &got_len));
        assert_int_equal(codec_decode(f->c, f->L, fast, head + len), 1);
        assert_true(lua_rawequal(f->L, 1, 2));
        lua_settop(f->L, 0);
        free(fast);
    }
}

static void
test_codec_nil_and_booleans_by_the_fast_path(void **state)
{
    struct codec_fixture *f = *state;
    unsigned char fast[3];
    size_t len = codec_put_nil(fast);

    len += codec_put_boolean(fast + len, true);
    len += codec_put_boolean(fast + len, false);
    lua_pushnil(f->L);
    lua_pushboolean(f->L, 1);
    lua_pushboolean(f->L, 0);
    assert_int_equal(codec_encode(f->c, f->L, 1, 3, "argument", &f->buf), 0);
    assert_int_equal(f->buf.len, len);
    assert_memory_equal(f->buf.bytes, fast, len);
    lua_settop(f->L, 0);
}

static void
test_codec_64_bit_integers(void **state)
{
    codec_run(*state,
              "for _, v in ipairs { 0LL, -1LL, 1LL, 0x7fffffffffffffffLL,\n"
              "    -0x7fffffffffffffffLL - 1, 0ULL, 0xffffffffffffffffULL,\n"
              "    0x8000000000000000ULL, 9007199254740993LL, 11LL, 12ULL,\n"
              "    65535LL, 65536LL, -65536LL } do\n"
              "  expect(trip(v), v)\n"
              "  expect(trip({x = v, v}), {x = v, v})\n"
              "end\n"
              "local t = trip({[5LL] = 'key'})\n"
              "local k, v = next(t)\n"
              "expect(k, 5LL) expect(v, 'key')\n"
              /* Looked through a reference, not at the address. */
              "local box = ffi.new('struct { int64_t a, b; }', 11, 12)\n"
              "expect(trip(box.b), 12LL)\n"
              "expect(trip(ffi.new('const int64_t', 3)), 3LL)\n");
}

/* --- Tables. */

static void
test_codec_several_values_and_none(void **state)
{
    codec_run(*state,
              "expect({decode(encode())}, {0})\n"
              "expect({decode(encode(nil))}, {1})\n"
              "expect({decode(encode(1, nil, 'x', nil))}, {4, 1, nil, 'x', nil})\n"
              "expect({decode(encode({}, {1}, false))}, {3, {}, {1}, false})\n"
              "local many = {}\n"
              "for i = 1, 3000 do many[i] = i % 7 == 0 and {i} or i end\n"
              "local back = {decode(encode(unpack(many)))}\n"
              "expect(table.remove(back, 1), 3000) expect(back, many)\n");
}

static void
test_codec_tables_of_every_shape(void **state)
{
    codec_run(*state,
              "local function holds(v) expect(trip(v), v) end\n"
              "holds {} holds {1} holds {1, 2, 3} holds {a = 1} holds {1, a = 1}\n"
              "holds {1, nil, 3} holds {nil, 2} holds {nil, nil, nil, 4}\n"
              "holds {[0] = 0, 1, [-1] = -1, [1.5] = 1.5, [2^53] = 9, [1/0] = 8}\n"
              "holds {[true] = 1, [false] = 2, [''] = 3, ['\\0'] = 4, ['1'] = 5}\n"
              "holds {{{{}}}, {a = {b = {c = {}}}}}\n"
              "holds {[{name = 'k'}] = {name = 'v'}, [{name = 'l'}] = 1}\n"
              "holds {[2] = 2, [1] = 1, [3] = 3}\n"
              "local t = {x = 1, y = 2, z = 3} t[1] = 1 t[2] = 2 holds(t)\n"
              "for _, n in ipairs {126, 127, 128, 129, 16383, 16384, 20000} do\n"
              "  local list, map, both = {}, {}, {}\n"
              "  for i = 1, n do\n"
              "    list[i] = i map['k' .. i] = i both[i] = -i both['k' .. i] = {i}\n"
              "  end\n"
              "  holds(list) holds(map) holds(both) holds {list, map, x = both, list}\n"
              "end\n"
              /* Entries that were taken away leave no trace. */
              "local u = {} for i = 1, 100 do u[i] = i u['k' .. i] = i end\n"
              "for i = 2, 100 do u[i] = nil u['k' .. i] = nil end\n"
              "holds(u) expect(#encode(u), 8)\n"
              /* A list is one byte a small number, and three more. */
              "expect(#encode({1, 2, 3, 4, 5, 6, 7, 8}), 10)\n");
}

static void
test_codec_shared_and_cyclic_references(void **state)
{
    codec_run(*state,
              "local a = {1} local t = trip {a, a, x = a}\n"
              "assert(t[1] == t[2] and t.x == t[1] and t[1][1] == 1)\n"
              "local c = {} c.self = c c[c] = c c[1] = {c}\n"
              "t = trip(c)\n"
              "assert(t.self == t and t[t] == t and t[1][1] == t and t ~= c)\n"
              "local n, x, y, z = decode(encode(a, {a}, c))\n"
              "assert(n == 3 and y[1] == x and z.self == z)\n"
              /* a <-> b, far apart, with many tables between. */
              "local b, list = {}, {}\n"
              "for i = 1, 5000 do list[i] = {i} end\n"
              "for i = 1, 5000 do list[5000 + i] = list[i] end\n"
              "b.list, b.back = list, {b = b}\n"
              "t = trip(b)\n"
              "assert(t.back.b == t)\n"
              "for i = 1, 5000 do\n"
              "  assert(t.list[i] == t.list[5000 + i] and t.list[i][1] == i)\n"
              "end\n"
              "expect(trip(b), b)\n"
              /* The last call's tables are forgotten. */
              "expect(hex(encode(a)), 'd10101')\n"
              /* Equal strings and equal tables are not the same table. */
              "t = trip {{}, {}} assert(t[1] ~= t[2])\n");
}

static void
test_codec_outputs_may_stand_one_after_the_other(void **state)
{
    codec_run(*state,
              "local a, b = {1}, {2}\n"
              "local bytes = encode(a, {}, a) .. encode({3}) .. encode({}, b, b)\n"
              "    .. encode('end')\n"
              "local n, a1, _, a2, three, _, b1, b2, last = decode(bytes)\n"
              "assert(n == 8 and a1 == a2 and b1 == b2 and last == 'end')\n"
              "assert(a1[1] == 1 and three[1] == 3 and b1[1] == 2)\n");
}

static void
test_codec_encode_appends_and_fails_without_trace(void **state)
{
    struct codec_fixture *f = *state;
    lua_State *L = f->L;
    unsigned char before[1000];

    luaL_loadstring(L, "return {1, {2, ('x'):rep(5000), print}}, 7, {1, 2}");
    lua_call(L, 0, 3);
    assert_int_equal(codec_encode(f->c, L, 2, 3, NULL, &f->buf), 0);
    assert_int_equal(f->buf.len, 5);
    memcpy(before, f->buf.bytes, 5);
    assert_int_equal(codec_encode(f->c, L, 1, 1, NULL, &f->buf), -EINVAL);
    assert_int_equal(f->buf.len, 5);
    assert_memory_equal(f->buf.bytes, before, 5);
    assert_int_equal(lua_gettop(L), 3);
    assert_int_equal(codec_encode(f->c, L, 2, 2, NULL, &f->buf), 0);
    assert_int_equal(f->buf.len, 6);
    assert_int_equal(codec_decode(f->c, L, f->buf.bytes, f->buf.len), 3);
    assert_int_equal(lua_tointeger(L, 6), 7);
    lua_settop(L, 0);
}

static void
test_codec_random_tables(void **state)
{
    codec_run(*state,
              "math.randomseed(20240229)\n"
              "local R = math.random\n"
              "local C, D = {}, {} know_class(C, 1) know_class(D, 70000)\n"
              "know_function(print, 1) know_function(R, 4000000000)\n"
              "local pool, names\n"
              "local function scalar()\n"
              "  local what = R(10)\n"
              "  if what == 1 then return R(-40, 140) end\n"
              "  if what == 2 then return R(-70000, 70000) end\n"
              "  if what == 3 then return (R() - 0.5) * 10 ^ R(-300, 300) end\n"
              "  if what == 4 then return ('z'):rep(R(0, 70)) .. R(9) end\n"
              "  if what == 5 then return R(2) == 1 end\n"
              "  if what == 6 then return ffi.new('int64_t', R(-1e9, 1e9)) end\n"
              "  if what == 7 then return ffi.new('uint64_t', R(1e9)) end\n"
              "  if what == 8 then return print end\n"
              "  if what == 9 then return R end\n"
              "  return string.char(R(0, 255), R(0, 255), R(0, 255))\n"
              "end\n"
              "local function value(depth)\n"
              "  if depth == 0 or R(3) > 1 then return scalar() end\n"
              "  if #pool > 0 and R(4) == 1 then return pool[R(#pool)] end\n"
              "  local t = {} pool[#pool + 1] = t\n"
              "  names = names + 1 t.name = names\n"
              "  for i = 1, R(0, 6) do t[i] = value(depth - 1) end\n"
              "  for i = 1, R(0, 6) do\n"
              "    local k = R(5) == 1 and value(depth - 1) or scalar()\n"
              "    if type(k) ~= 'cdata' then t[k] = value(depth - 1) end\n"
              "  end\n"
              "  if R(5) == 1 then setmetatable(t, R(2) == 1 and C or D) end\n"
              "  return t\n"
              "end\n"
              "for round = 1, 3000 do\n"
              "  pool, names = {}, 0\n"
              "  local v = {value(6), value(6), value(6), name = 0}\n"
              "  if not same(trip(v), v) then error('round ' .. round) end\n"
              "end\n");
}

/* --- Classes and functions. */

static void
test_codec_objects_keep_their_class_and_stay_raw(void **state)
{
    codec_run(*state,
              "local function never() error 'a metamethod ran' end\n"
              "local C = { __index = never, __newindex = never, __call = never,\n"
              "  __eq = never, __len = never, __pairs = never, __metatable = 'shut',\n"
              "  __tostring = never, __gc = never }\n"
              "know_class(C, 9)\n"
              "local o = setmetatable({1, 2, name = 'o'}, C)\n"
              "rawset(o, 'me', o)\n"
              "local t = trip {o, x = o}\n"
              "assert(debug.getmetatable(t[1]) == C and rawequal(t[1], t.x))\n"
              "assert(rawequal(rawget(t[1], 'me'), t.x))\n"
              "assert(rawget(t.x, 2) == 2 and rawget(t.x, 'name') == 'o')\n"
              /* A class itself is a value known to everybody. */
              "t = trip {class = C, [C] = true}\n"
              "assert(rawequal(t.class, C) and t[C] == true)\n"
              "local M = setmetatable({}, {}) know_class(M, 10)\n"
              "assert(trip(M) == M)\n");
}

static void
test_codec_functions_travel_by_number(void **state)
{
    struct codec_fixture *f = *state;

    codec_run(f,
              "function one() end  function two() end\n"
              "know_function(one, 1) know_function(two, 4294967295)\n"
              "know_function(string.format, 300)\n"
              "local n, a, b, c = decode(encode(one, {two}, string.format))\n"
              "assert(n == 3 and a == one and b[1] == two and c == string.format)\n"
              "assert(trip({[one] = two})[one] == two)\n"
              /* Known functions are not collected, so their addresses stay theirs. */
              "for i = 1000, 2000 do know_function(function() return i end, i) end\n"
              "collectgarbage() collectgarbage()\n"
              "for i = 1000, 2000 do\n"
              "  local _, g = decode(raw(('cc %02x %02x')\n"
              "    :format(i % 128 + 128, math.floor(i / 128))))\n"
              "  assert(g() == i)\n"
              "  expect(trip(g), g)\n"
              "end\n");
    lua_getglobal(f->L, "two");
    lua_getglobal(f->L, "type");
    lua_pushinteger(f->L, 1);
    assert_int_equal(codec_function_id(f->c, f->L, 1), 4294967295u);
    assert_int_equal(codec_function_id(f->c, f->L, -3), 4294967295u);
    assert_int_equal(codec_function_id(f->c, f->L, 2), 0);
    assert_int_equal(codec_function_id(f->c, f->L, 3), 0);
    assert_true(codec_push_function(f->c, f->L, 4294967295u));
    assert_true(lua_rawequal(f->L, 1, 4));
    assert_false(codec_push_function(f->c, f->L, 77));
    assert_false(codec_push_function(f->c, f->L, 0));
    assert_int_equal(lua_gettop(f->L), 4);
    lua_settop(f->L, 0);
}

/* --- Opening. */

static void
test_codec_open_needs_ffi_and_leaves_the_stack_alone(void **state)
{
    struct codec *c = (struct codec *)state;
    lua_State *L = luaL_newstate();

    assert_int_equal(codec_open(&c, L), -ENOTSUP);
    assert_ptr_equal(c, (struct codec *)state);
    assert_int_equal(lua_gettop(L), 0);
    lua_close(L);
    codec_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CODEC_TEST(test_codec_bytes_are_as_documented),
        CODEC_TEST(test_codec_numbers_keep_every_bit),
        CODEC_TEST(test_codec_nan_with_any_payload_is_lua_s_own),
        CODEC_TEST(test_codec_strings_of_every_length_class),
        CODEC_TEST(test_codec_nil_and_booleans_by_the_fast_path),
        CODEC_TEST(test_codec_64_bit_integers),
        CODEC_TEST(test_codec_several_values_and_none),
        CODEC_TEST(test_codec_tables_of_every_shape),
        CODEC_TEST(test_codec_shared_and_cyclic_references),
        CODEC_TEST(test_codec_outputs_may_stand_one_after_the_other),
        CODEC_TEST(test_codec_encode_appends_and_fails_without_trace),
        CODEC_TEST(test_codec_random_tables),
        CODEC_TEST(test_codec_objects_keep_their_class_and_stay_raw),
        CODEC_TEST(test_codec_functions_travel_by_number),
        CODEC_TEST(test_codec_open_needs_ffi_and_leaves_the_stack_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
