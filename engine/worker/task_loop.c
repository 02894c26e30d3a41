#include "worker/task_loop.h"

#include <string.h>

#include <lauxlib.h>

#include "codec/lua_library.h"

enum {
    FUNCTIONS = 1024, /* further ones get no loop */
    HOT = 2000,       /* runs with a number before a loop is made */
    NEVER = UINT16_MAX,
    READY = HOT + 1,
};

/* How often it ran; READY: it has a loop; NEVER: it gets none. */
static uint16_t runs[FUNCTIONS];

/* One table for all threads of the state, as `runs` is one for all of them. */
void
task_loop_open(lua_State *L)
{
    lua_pushlightuserdata(L, runs);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    memset(runs, 0, sizeof runs);
    lua_newtable(L);
    lua_pushlightuserdata(L, runs);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void
task_loop_give_up(uint32_t fn)
{
    if (fn < FUNCTIONS)
        runs[fn] = NEVER;
}

/* package.loaded["prunner.task_loop"].make(fn, functions[fn]) into loops[fn]. An error in there,
 * for lack of memory: there is no loop. */
static void
make(lua_State *L, uint32_t fn, int functions, int loops)
{
    int top = lua_gettop(L);
    runs[fn] = NEVER;
    lua_library(L, "prunner.task_loop");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "make");
        lua_pushnumber(L, fn);
        lua_rawgeti(L, functions, (int)fn);
        if (lua_pcall(L, 2, 1, 0) == 0 && lua_isfunction(L, -1)) {
            lua_rawseti(L, loops, (int)fn);
            runs[fn] = READY;
        }
    }
    lua_settop(L, top);
}

bool
task_loop_push(lua_State *L, uint32_t fn, int functions, int loops)
{
    if (fn >= FUNCTIONS)
        return false;
    if (runs[fn] < HOT) {
        runs[fn]++;
        return false;
    }
    if (runs[fn] == HOT)
        make(L, fn, functions, loops);
    if (runs[fn] != READY)
        return false;
    lua_rawgeti(L, loops, (int)fn);
    return true;
}
