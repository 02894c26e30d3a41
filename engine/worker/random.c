#include "worker/random.h"

#include <stdbool.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "codec/lua_library.h"

static struct {
    int original; /* registry reference: LuaJIT's math.randomseed; 0: none */
    bool given;   /* the script has called it ... */
    double seed;  /* ... with this */
} seeding;

/* math.randomseed(x) */
static int
l_randomseed(lua_State *L)
{
    if (lua_isnumber(L, 1)) {
        seeding.given = true;
        seeding.seed = lua_tonumber(L, 1);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, seeding.original);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

void
random_watch(lua_State *L)
{
    lua_library(L, "math");
    lua_getfield(L, -1, "randomseed");
    seeding.original = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, l_randomseed);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 1);
}

void
random_in_worker(lua_State *L, unsigned slot, unsigned claims)
{
    double seed = (double)(clock_ns() % 1000000007u) + getpid() * 7919.0;
    if (seeding.given && slot == 1 && !claims)
        return;
    if (seeding.given)
        seed = seeding.seed + slot * 7919.0 + claims * 104729.0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, seeding.original);
    lua_pushnumber(L, seed);
    if (lua_pcall(L, 1, 0, 0))
        lua_pop(L, 1);
}
