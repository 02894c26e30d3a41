/* The codec room. Most tests are Lua chunks, run with what the preamble below
 * and the C functions of this file offer them:
 *
 *   encode(...)      bytes | nil, text, errno       as "argument"
 *   encode_one(v)    the same, as "value"
 *   decode(bytes)    count, values ... | nil, text, errno
 *   trip(v)          v, encoded and decoded
 *   same(a, b)       equal in every respect, shared references included
 *   hex(bytes), raw(hex), describe(bytes [, cap])
 *   know_function(f, id), know_class(mt, id)
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "codec/codec.h"

enum { SECONDS_MAX = 100 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

struct fixture {
    lua_State *L;
    struct codec *c;
    struct codec_buf buf;
};

static const char preamble[] =
    "ffi = require 'ffi'\n"
    "function hex(s) return (s:gsub('.', function(ch)\n"
    "  return ('%02x'):format(ch:byte()) end)) end\n"
    "function raw(h) return (h:gsub('%s', ''):gsub('..', function(x)\n"
    "  return string.char(tonumber(x, 16)) end)) end\n"
    "function trip(v)\n"
    "  local bytes, text = encode(v)\n"
    "  if not bytes then error(text, 2) end\n"
    "  local n, back = decode(bytes)\n"
    "  if n ~= 1 then error(back or 'not one value', 2) end\n"
    "  return back\n"
    "end\n"
    /* there[x] is what stands for x in the other one, and back again. */
    "local function alike(a, b, there, back)\n"
    "  if type(a) ~= type(b) then return false end\n"
    "  if type(a) == 'number' then\n"
    "    return a == b and 1 / a == 1 / b or a ~= a and b ~= b\n"
    "  end\n"
    "  if type(a) == 'cdata' then\n"
    "    return ffi.typeof(a) == ffi.typeof(b) and a == b\n"
    "  end\n"
    "  if type(a) ~= 'table' then return a == b end\n"
    "  if there[a] or back[b] then return there[a] == b and back[b] == a end\n"
    "  there[a], back[b] = b, a\n"
    "  if debug.getmetatable(a) ~= debug.getmetatable(b) then return false end\n"
    "  local pending, count = {}, 0\n"
    "  for k, v in next, a do\n"
    "    if type(k) == 'table' or type(k) == 'cdata' then\n"
    "      pending[#pending + 1] = k\n"
    "    elseif not alike(v, rawget(b, k), there, back) then\n"
    "      return false\n"
    "    end\n"
    "    count = count + 1\n"
    "  end\n"
    "  for k in next, b do count = count - 1 end\n"
    "  if count ~= 0 then return false end\n"
    /* Keys that are tables are told apart by what they are called. */
    "  for _, k in ipairs(pending) do\n"
    "    local name = type(k) == 'table' and rawget(k, 'name') or k\n"
    "    local found\n"
    "    for other, v in next, b do\n"
    "      if type(other) == type(k) and (type(k) == 'cdata' and other == k or\n"
    "         type(k) == 'table' and rawget(other, 'name') == name) then\n"
    "        found = alike(k, other, there, back)\n"
    "            and alike(rawget(a, k), v, there, back)\n"
    "      end\n"
    "    end\n"
    "    if not found then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "function same(a, b) return alike(a, b, {}, {}) end\n"
    "function expect(got, wanted)\n"
    "  if not same(got, wanted) then\n"
    "    error(('got %s, wanted %s'):format(tostring(got), tostring(wanted)), 2)\n"
    "  end\n"
    "end\n";

/* --- What Lua may call. */

static struct fixture *
fixture_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int
push_failure(lua_State *L, struct fixture *f, int err)
{
    lua_pushnil(L);
    lua_pushstring(L, codec_error(f->c));
    lua_pushinteger(L, -err);
    return 3;
}

static int
encode_as(lua_State *L, const char *what)
{
    struct fixture *f = fixture_of(L);
    int top = lua_gettop(L);

    f->buf.len = 0;
    int err = codec_encode(f->c, L, 1, top, what, &f->buf);
    assert_int_equal(lua_gettop(L), top);
    if (err) {
        assert_int_equal(f->buf.len, 0);
        return push_failure(L, f, err);
    }
    lua_pushlstring(L, f->buf.len ? (char *)f->buf.bytes : "", f->buf.len);
    return 1;
}

static int
l_encode(lua_State *L)
{
    return encode_as(L, "argument");
}

static int
l_encode_one(lua_State *L)
{
    return encode_as(L, NULL);
}

/* The bytes are decoded from a block of exactly their size, so that ASan sees
 * each read beyond. A raised error would leak it: none is expected. */
static int
l_decode(lua_State *L)
{
    struct fixture *f = fixture_of(L);
    size_t len;
    const char *s = luaL_checklstring(L, 1, &len);
    unsigned char *copy = malloc(len ? len : 1);

    memcpy(copy, s, len);
    lua_pushnil(L);
    int top = lua_gettop(L);
    int n = codec_decode(f->c, L, copy, len);
    free(copy);
    if (n < 0) {
        assert_int_equal(lua_gettop(L), top);
        return push_failure(L, f, n);
    }
    assert_int_equal(lua_gettop(L), top + n);
    lua_pushinteger(L, n);
    lua_replace(L, top);
    return n + 1;
}

static int
l_describe(lua_State *L)
{
    size_t len, cap = (size_t)luaL_optinteger(L, 2, 200);
    const char *s = luaL_checklstring(L, 1, &len);
    unsigned char *copy = malloc(len ? len : 1);
    char *text = malloc(cap);

    memcpy(copy, s, len);
    codec_describe(copy, len, text, cap);
    lua_pushstring(L, text);
    free(copy);
    free(text);
    return 1;
}

static int
l_know_function(lua_State *L)
{
    codec_know_function(fixture_of(L)->c, L, 1, (uint32_t)lua_tonumber(L, 2));
    return 0;
}

static int
l_know_class(lua_State *L)
{
    codec_know_class(fixture_of(L)->c, L, 1, (uint32_t)lua_tonumber(L, 2));
    return 0;
}

static void
offer(struct fixture *f, const char *name, lua_CFunction function)
{
    lua_pushlightuserdata(f->L, f);
    lua_pushcclosure(f->L, function, 1);
    lua_setglobal(f->L, name);
}

static void
run(struct fixture *f, const char *chunk)
{
    if (luaL_loadbuffer(f->L, chunk, strlen(chunk), "=test") ||
        lua_pcall(f->L, 0, 0, 0))
        fail_msg("%s", lua_tostring(f->L, -1));
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    alarm(SECONDS_MAX);
    f->L = luaL_newstate();
    luaL_openlibs(f->L);
    assert_int_equal(codec_open(&f->c, f->L), 0);
    assert_int_equal(lua_gettop(f->L), 0);
    offer(f, "encode", l_encode);
    offer(f, "encode_one", l_encode_one);
    offer(f, "decode", l_decode);
    offer(f, "describe", l_describe);
    offer(f, "know_function", l_know_function);
    offer(f, "know_class", l_know_class);
    run(f, preamble);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    codec_close(f->c);
    codec_buf_free(&f->buf);
    lua_close(f->L);
    free(f);
    alarm(0);
    return 0;
}

/* --- Scalars. */

static void
test_codec_bytes_are_as_documented(void **state)
{
    run(*state,
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
check_number(struct fixture *f, double v)
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;

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
    struct fixture *f = *state;
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
    run(*state,
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
    run(*state,
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
    run(*state,
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
    run(*state,
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
    run(*state,
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
    struct fixture *f = *state;
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
    run(*state,
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
    run(*state,
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
    struct fixture *f = *state;

    run(f,
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

/* --- What cannot travel. */

static void
test_codec_says_what_cannot_travel_and_where(void **state)
{
    run(*state,
        "local function refused(wanted, ...)\n"
        "  local bytes, text, code = encode(...)\n"
        "  expect(bytes, nil) expect(text, wanted) expect(code, 22)\n"
        "end\n"
        "local U = ' cannot be sent to another process'\n"
        "local u, co = io.stdout, coroutine.create(function() end)\n"
        "refused('argument 1: a userdata' .. U, u)\n"
        "refused('argument 2, at .conn: a userdata' .. U, 1, {conn = u})\n"
        "refused('argument 3, at [3]: a thread' .. U, 1, 2, {1, 2, co})\n"
        "refused('argument 1, at .a.b[2][\"odd key\"]: a thread' .. U,\n"
        "  {a = {b = {0, {['odd key'] = co}}}})\n"
        "refused('argument 1, at [true][1.5][-1]: a thread' .. U,\n"
        "  {[true] = {[1.5] = {[-1] = co}}})\n"
        "refused('argument 1, at [\"1a\"][\"\"][\"\\\\x00\\\\n\\\\\"é\"]: a thread' .. U,\n"
        "  {['1a'] = {[''] = {['\\0\\n\"é'] = co}}})\n"
        "refused('argument 1, at [\"' .. ('k'):rep(32) .. '...\"]: a thread' .. U,\n"
        "  {[('k'):rep(99)] = co})\n"
        "refused('argument 1, a key of .x: a userdata' .. U, {x = {[u] = 1}})\n"
        "refused('argument 1, a key of the table: a userdata' .. U, {[u] = 1})\n"
        "refused('argument 1, at .x[a key].y: a userdata' .. U,\n"
        "  {x = {[{y = u}] = 1}})\n"
        "refused('argument 1, at .x[table]: a userdata' .. U, {x = {[{}] = u}})\n"
        "refused('argument 1: a light userdata' .. U, "
        "  (select(2, debug.getupvalue(encode, 1))))\n"
        "refused('argument 1: a cdata other than int64_t and uint64_t' .. U,\n"
        "  ffi.new('int32_t[1]'))\n"
        "refused('argument 1: a cdata other than int64_t and uint64_t' .. U,\n"
        "  ffi.new('int64_t[1]'))\n"
        "refused('argument 1: a cdata other than int64_t and uint64_t' .. U,\n"
        "  ffi.typeof('int64_t'))\n"
        "refused('argument 1: a cdata other than int64_t and uint64_t' .. U,\n"
        "  ffi.typeof('const uint64_t'))\n"
        "refused('argument 1, at .f: function defined at job.lua:12 was not known '\n"
        "  .. 'before the workers started: define it at the top level of the '\n"
        "  .. 'script or name it with prunner.task', {f = loadstring(\n"
        "  ('\\n'):rep(11) .. 'return function() end', '@job.lua')()})\n"
        "refused('argument 1: a function written in C was not known before '\n"
        "  .. 'the workers started: name it with prunner.task', print)\n"
        "refused('argument 1, at .x: a table whose metatable was not known '\n"
        "  .. 'before the workers started cannot be sent; define its class at '\n"
        "  .. 'the top of the script', {x = setmetatable({}, {})})\n"
        "local _, text = encode_one({x = {co}})\n"
        "expect(text, 'value, at .x[1]: a thread' .. U)\n"
        "_, text = encode_one(co) expect(text, 'value: a thread' .. U)\n"
        /* A path too long keeps its end, which says more. */
        "local deep = co\n"
        "for i = 1, 150 do deep = {['level' .. i] = deep} end\n"
        "_, text = encode(deep)\n"
        "assert(text:find('^argument 1, at %.%.%.%.level%d+%.level'), text)\n"
        "assert(text:find('%.level2%.level1: a thread cannot'), text)\n"
        "assert(#text < 300)\n");
}

static void
test_codec_nests_to_200_tables_and_not_deeper(void **state)
{
    run(*state,
        "local function nest(n, how)\n"
        "  local t = {} for i = 2, n do t = how(t) end return t\n"
        "end\n"
        "local function list(t) return {t} end\n"
        "local function field(t) return {x = t} end\n"
        "local function key(t) return {[t] = 1} end\n"
        "for _, how in ipairs {list, field, key} do\n"
        "  local t = trip(nest(200, how))\n"
        "  for i = 1, 199 do\n"
        "    local k, v = next(t) t = type(k) == 'table' and k or v\n"
        "  end\n"
        "  expect(t, {})\n"
        "  local bytes, text, code = encode(0, nest(201, how))\n"
        "  expect(bytes, nil) expect(code, 40)\n"
        "  assert(text:find('^argument 2, .*: nested deeper than 200 tables$'),\n"
        "    text)\n"
        "end\n"
        "assert(decode(('\\xd1\\1'):rep(199) .. '\\xd0') == 1)\n"
        "local n, text, code = decode(('\\xd1\\1'):rep(200) .. '\\xd0')\n"
        "expect(n, nil) expect(code, 74)\n"
        "assert(text:find('nested deeper than 200 tables'), text)\n"
        "n, text, code = decode(('\\xd2\\1'):rep(1e6)) expect(code, 74)\n"
        /* A shared table counts where it is met first. */
        "local deep = nest(200, list)\n"
        "expect(trip({[1] = nil}), {})\n"
        "assert(encode(deep, {{{{deep}}}}))\n");
}

static void
test_codec_stops_at_256_mib(void **state)
{
    struct fixture *f = *state;
    int err;

    luaL_loadstring(f->L, "local s = ('x'):rep(100 * 2^20) return {s, s, s}");
    lua_call(f->L, 0, 1);
    err = codec_encode(f->c, f->L, 1, 1, "argument", &f->buf);
    assert_int_equal(err, -EFBIG);
    assert_string_equal(codec_error(f->c),
                        "argument 1: encoded this takes more than 256 MiB");
    assert_int_equal(f->buf.len, 0);
    lua_settop(f->L, 0);
    lua_pushinteger(f->L, 1);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    lua_settop(f->L, 0);
}

static void
test_codec_memory_runs_out_for_the_buffer(void **state)
{
    struct fixture *f = *state;
    struct rlimit was, tight;

    if (SANITIZED)
        skip();
    luaL_loadstring(f->L, "return 1, ('x'):rep(50 * 2^20)");
    lua_call(f->L, 0, 2);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, "argument", &f->buf), 0);
    getrlimit(RLIMIT_AS, &was);
    tight = was;
    tight.rlim_cur = 1 << 20; /* below what is there: no more at all */
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    int err = codec_encode(f->c, f->L, 2, 2, "argument", &f->buf);
    setrlimit(RLIMIT_AS, &was);
    assert_int_equal(err, -ENOMEM);
    assert_string_equal(codec_error(f->c),
                        "argument 1: not enough memory to encode it");
    assert_int_equal(f->buf.len, 1);
    lua_settop(f->L, 0);
}

/* --- Lua running out of memory: a longjmp through the codec. */

struct allocator {
    lua_Alloc real;
    void *real_ud;
    long left; /* allocations until one fails; < 0: none does */
};

static void *
allocate(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct allocator *a = ud;

    if (nsize > osize && a->left >= 0 && a->left-- == 0) {
        a->left = 0; /* and the next one too, after the full collection */
        return NULL;
    }
    return a->real(a->real_ud, ptr, osize, nsize);
}

static const char rich_lua[] =
    "local shared = {'s'} local C = ...\n"
    "local t = {1, -5, 300, 70000, 0.5, 'short', ('long'):rep(50), 7LL, 8ULL,\n"
    "  true, false, print, shared, shared, {x = {y = {z = {}}}},\n"
    "  [shared] = 'k', [true] = {}, [-7] = 1, [0.25] = 'q', 'after',\n"
    "  setmetatable({1, n = 2}, C), C }\n"
    "t.self = t\n"
    "for i = 1, 140 do t['k' .. i] = i end\n"
    "return t\n";

/* Pushes a table that has some of everything. */
static void
push_rich(struct fixture *f)
{
    lua_State *L = f->L;

    lua_getglobal(L, "print");
    codec_know_function(f->c, L, -1, 1);
    lua_pop(L, 1);
    luaL_loadstring(L, rich_lua);
    lua_newtable(L);
    codec_know_class(f->c, L, -1, 1);
    lua_call(L, 1, 1);
}

static int
decode_protected(lua_State *L)
{
    struct fixture *f = lua_touserdata(L, 1);

    lua_settop(L, 0);
    return codec_decode(f->c, L, f->buf.bytes, f->buf.len) == 1
               ? 0
               : luaL_error(L, "%s", codec_error(f->c));
}

static void
test_codec_decode_survives_every_failed_allocation(void **state)
{
    struct fixture *f = *state;
    struct allocator a = {.left = -1};
    int status = LUA_ERRMEM;
    long failures = -1;

    push_rich(f);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    lua_settop(f->L, 0);
    a.real = lua_getallocf(f->L, &a.real_ud);
    lua_setallocf(f->L, allocate, &a);
    while (status == LUA_ERRMEM) {
        lua_gc(f->L, LUA_GCCOLLECT, 0);
        a.left = ++failures;
        status = lua_cpcall(f->L, decode_protected, f);
        a.left = -1;
        if (status && status != LUA_ERRMEM)
            fail_msg("%s", lua_tostring(f->L, -1));
        lua_settop(f->L, 0);
    }
    lua_setallocf(f->L, a.real, a.real_ud);
    assert_true(failures > 10);
    run(f, "expect(trip {1, {2}}, {1, {2}})");
}

static int
encode_protected(lua_State *L)
{
    struct fixture *f = lua_touserdata(L, 1);

    lua_settop(L, 0);
    lua_getglobal(L, "deep");
    return codec_encode(f->c, L, 1, 1, NULL, &f->buf) == 0
               ? 0
               : luaL_error(L, "%s", codec_error(f->c));
}

/* The encoder allocates nothing in Lua but the stack it needs. */
static void
test_codec_encode_survives_a_failed_stack_growth(void **state)
{
    struct fixture *f = *state;
    struct allocator a = {.left = -1};

    run(f, "deep = {} for i = 2, 190 do deep = {deep} end");
    lua_gc(f->L, LUA_GCCOLLECT, 0);
    lua_pushinteger(f->L, 1);
    assert_int_equal(codec_encode(f->c, f->L, 1, 1, NULL, &f->buf), 0);
    lua_settop(f->L, 0);
    a.real = lua_getallocf(f->L, &a.real_ud);
    lua_setallocf(f->L, allocate, &a);
    a.left = 1; /* the first one is the function of lua_cpcall */
    int status = lua_cpcall(f->L, encode_protected, f);
    a.left = -1;
    lua_setallocf(f->L, a.real, a.real_ud);
    assert_int_equal(status, LUA_ERRMEM);
    assert_int_equal(f->buf.len, 1);
    lua_settop(f->L, 0);
    run(f, "expect(trip {1, {2}}, {1, {2}})");
}

/* --- Damaged bytes. */

/* Whatever happens, it is an answer: values or -EBADMSG, and a short text. */
static void
try_bytes(struct fixture *f, const unsigned char *bytes, size_t len)
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
    struct fixture *f = *state;

    push_rich(f);
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
    struct fixture *f = *state;

    push_rich(f);
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
    run(*state,
        "local function damaged(bytes, why)\n"
        "  local n, text, code = decode(raw(bytes))\n"
        "  if n or not text:find(why, 1, true) then\n"
        "    error(bytes .. ': ' .. tostring(text), 2)\n"
        "  end\n"
        "  expect(code, 74)\n"
        "end\n"
        "damaged('d8', 'no value begins with d8')\n"
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
    run(*state,
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
    run(*state,
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

/* --- Descriptions. */

static void
test_codec_describe(void **state)
{
    run(*state,
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
        "expect(describe('\\xd8'), '?') expect(describe('\\1\\2\\xcb\\1'), '1, 2, ?')\n"
        "expect(describe(raw('d1 05 01')), '?')\n"
        "expect(describe(raw('d3 ff ff ff ff 0f ff ff ff ff 0f')), '?')\n"
        "expect(describe(('\\xd1\\1'):rep(199) .. '\\xd0'), '{…}')\n"
        "expect(describe(('\\xd1\\1'):rep(200) .. '\\xd0'), '?')\n"
        "expect(describe(('\\xd1\\1'):rep(1e6)), '?')\n");
}

static void
test_codec_describe_within_any_length(void **state)
{
    struct fixture *f = *state;

    run(f,
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_codec_bytes_are_as_documented),
        TEST(test_codec_numbers_keep_every_bit),
        TEST(test_codec_nan_with_any_payload_is_lua_s_own),
        TEST(test_codec_strings_of_every_length_class),
        TEST(test_codec_nil_and_booleans_by_the_fast_path),
        TEST(test_codec_64_bit_integers),
        TEST(test_codec_several_values_and_none),
        TEST(test_codec_tables_of_every_shape),
        TEST(test_codec_shared_and_cyclic_references),
        TEST(test_codec_outputs_may_stand_one_after_the_other),
        TEST(test_codec_encode_appends_and_fails_without_trace),
        TEST(test_codec_random_tables),
        TEST(test_codec_objects_keep_their_class_and_stay_raw),
        TEST(test_codec_functions_travel_by_number),
        TEST(test_codec_says_what_cannot_travel_and_where),
        TEST(test_codec_nests_to_200_tables_and_not_deeper),
        TEST(test_codec_stops_at_256_mib),
        TEST(test_codec_memory_runs_out_for_the_buffer),
        TEST(test_codec_decode_survives_every_failed_allocation),
        TEST(test_codec_encode_survives_a_failed_stack_growth),
        TEST(test_codec_truncated_at_every_length),
        TEST(test_codec_each_byte_changed_to_each_other),
        TEST(test_codec_refuses_what_it_would_never_write),
        TEST(test_codec_a_lying_count_allocates_nothing_much),
        TEST(test_codec_more_values_than_the_lua_stack_holds),
        TEST(test_codec_describe),
        TEST(test_codec_describe_within_any_length),
        TEST(test_codec_open_needs_ffi_and_leaves_the_stack_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
