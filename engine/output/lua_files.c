#include "output/lua_files.h"

#include <stdbool.h>
#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "codec/lua_library.h"
#include "output/output.h"

/* io.stdout and io.stderr are userdata that begin with their FILE *. */
static void
set_file(lua_State *L, const char *name, FILE *file)
{
    lua_library(L, "io");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, name);
        if (lua_isuserdata(L, -1) && lua_getmetatable(L, -1)) {
            luaL_getmetatable(L, LUA_FILEHANDLE);
            if (lua_rawequal(L, -1, -2))
                *(FILE **)lua_touserdata(L, -3) = file;
            lua_pop(L, 2);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void
lua_files_follow(lua_State *L)
{
    set_file(L, "stdout", stdout);
    set_file(L, "stderr", stderr);
}

/* file:flush() and io.flush(). Upvalue: the original. */
static int
flush_with_lines(lua_State *L)
{
    int n = lua_gettop(L);
    FILE **file = lua_isuserdata(L, 1) ? lua_touserdata(L, 1) : NULL;
    bool ours = n == 0 || (file && *file == stdout);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    if (ours)
        output_write_lines();
    return lua_gettop(L);
}

/* The table at the top of the stack has a function `flush`: it is replaced. */
static void
replace_flush(lua_State *L)
{
    lua_getfield(L, -1, "flush");
    if (lua_isfunction(L, -1)) {
        lua_pushcclosure(L, flush_with_lines, 1);
        lua_setfield(L, -2, "flush");
    } else {
        lua_pop(L, 1);
    }
}

void
lua_files_flush_lines(lua_State *L)
{
    lua_library(L, "io");
    if (lua_istable(L, -1))
        replace_flush(L);
    lua_pop(L, 1);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    if (lua_istable(L, -1))
        replace_flush(L);
    lua_pop(L, 1);
}
