#include "fixture_codec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

enum { SECONDS_MAX = 100 };

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

static struct codec_fixture *
fixture_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int
push_failure(lua_State *L, struct codec_fixture *f, int err)
{
    lua_pushnil(L);
    lua_pushstring(L, codec_error(f->c));
    lua_pushinteger(L, -err);
    return 3;
}

static int
encode_as(lua_State *L, const char *what)
{
    struct codec_fixture *f = fixture_of(L);
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
    struct codec_fixture *f = fixture_of(L);
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
offer(struct codec_fixture *f, const char *name, lua_CFunction function)
{
    lua_pushlightuserdata(f->L, f);
    lua_pushcclosure(f->L, function, 1);
    lua_setglobal(f->L, name);
}

void
codec_run(struct codec_fixture *f, const char *chunk)
{
    if (luaL_loadbuffer(f->L, chunk, strlen(chunk), "=test") ||
        lua_pcall(f->L, 0, 0, 0))
        fail_msg("%s", lua_tostring(f->L, -1));
}

int
codec_setup(void **state)
{
    struct codec_fixture *f = calloc(1, sizeof *f);

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
    codec_run(f, preamble);
    *state = f;
    return 0;
}

int
codec_teardown(void **state)
{
    struct codec_fixture *f = *state;

    codec_close(f->c);
    codec_buf_free(&f->buf);
    lua_close(f->L);
    free(f);
    alarm(0);
    return 0;
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

void
codec_push_rich(struct codec_fixture *f)
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
