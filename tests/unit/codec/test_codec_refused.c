/* codec: what cannot travel, and memory that runs out. */
#include <errno.h>
#include <sys/resource.h>

#include <lauxlib.h>

#include "fixture_codec.h"
#include "sanitized.h"

/* --- What cannot travel. */

static void
test_codec_says_what_cannot_travel_and_where(void **state)
{
    codec_run(*state,
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
              "refused('argument 1: a light userdata other than NULL' .. U, "
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
    codec_run(*state,
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
    struct codec_fixture *f = *state;
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
    struct codec_fixture *f = *state;
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

static int
decode_protected(lua_State *L)
{
    struct codec_fixture *f = lua_touserdata(L, 1);

    lua_settop(L, 0);
    return codec_decode(f->c, L, f->buf.bytes, f->buf.len) == 1
               ? 0
               : luaL_error(L, "%s", codec_error(f->c));
}

static void
test_codec_decode_survives_every_failed_allocation(void **state)
{
    struct codec_fixture *f = *state;
    struct allocator a = {.left = -1};
    int status = LUA_ERRMEM;
    long failures = -1;

    codec_push_rich(f);
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
    codec_run(f, "expect(trip {1, {2}}, {1, {2}})");
}

static int
encode_protected(lua_State *L)
{
    struct codec_fixture *f = lua_touserdata(L, 1);

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
    struct codec_fixture *f = *state;
    struct allocator a = {.left = -1};

    codec_run(f, "deep = {} for i = 2, 190 do deep = {deep} end");
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
    codec_run(f, "expect(trip {1, {2}}, {1, {2}})");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CODEC_TEST(test_codec_says_what_cannot_travel_and_where),
        CODEC_TEST(test_codec_nests_to_200_tables_and_not_deeper),
        CODEC_TEST(test_codec_stops_at_256_mib),
        CODEC_TEST(test_codec_memory_runs_out_for_the_buffer),
        CODEC_TEST(test_codec_decode_survives_every_failed_allocation),
        CODEC_TEST(test_codec_encode_survives_a_failed_stack_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
