/* What lua/prunner/retry_failed.lua calls: arguments that an earlier run wrote down (--failures),
 * with the numbers that functions and classes have in this one. core.post_bytes() posts them. */
#include "lua/binding.h"

#include "base/base64.h"

/* core.unbase64(text) -> bytes, or nil */
static int
l_unbase64(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char *bytes = lua_newuserdata(L, len + 1);
    long n = base64_decode(text, len, bytes);
    if (n < 0)
        return 0;
    lua_pushlstring(L, (const char *)bytes, (size_t)n);
    return 1;
}

/* lua_State with the tables {[old] = new} of functions at 2 and classes at 3. */
static uint32_t
new_number(void *arg, bool is_class, uint32_t number)
{
    lua_State *L = arg;
    lua_pushnumber(L, number);
    lua_rawget(L, is_class ? 3 : 2);
    uint32_t found = (uint32_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return found;
}

/* core.renumber(bytes, functions, classes) -> bytes, or nil: damaged, or a number is
 * in none of the tables */
static int
l_renumber(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    uint32_t i = scratch_enter();
    struct codec_buf *buf = &scratch_of(i)->a;
    int err = codec_renumber((const unsigned char *)bytes, len, new_number, L, buf);
    if (!err)
        lua_pushlstring(L, (const char *)buf->bytes, buf->len);
    scratch_leave(i);
    return !err;
}

const luaL_Reg binding_retry_failed_functions[] = {
    {"unbase64", l_unbase64},
    {"renumber", l_renumber},
    {NULL, NULL},
};
