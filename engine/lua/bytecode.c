#include "lua/bytecode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

struct module {
    const char *name, *bytes;
    size_t size;
};

/* Made by the Makefile: an array of bytes for each module, and MODULES(X). */
#include "bytecode.inc"

#define MODULE(id, name) {name, (const char *)luaJIT_BC_##id, luaJIT_BC_##id##_SIZE},
static const struct module modules[] = {MODULES(MODULE){NULL, NULL, 0}};

static int
load(lua_State *L, const struct module *m)
{
    char chunk[64];
    snprintf(chunk, sizeof chunk, "@%s", m->name);
    return luaL_loadbuffer(L, m->bytes, m->size, chunk);
}

/* package.preload[name](name). Upvalue: the module. */
static int
open_module(lua_State *L)
{
    const struct module *m = lua_touserdata(L, lua_upvalueindex(1));
    if (load(L, m))
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* The bytes fit this LuaJIT or they do not, all of them. */
static bool
fits(lua_State *L)
{
    bool ok = modules[0].name && load(L, &modules[0]) == 0;
    lua_settop(L, 0);
    return ok;
}

void
bytecode_preload(lua_State *L)
{
    if (!fits(L))
        return;
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    for (const struct module *m = modules; m->name; m++) {
        lua_pushlightuserdata(L, (void *)m);
        lua_pushcclosure(L, open_module, 1);
        lua_setfield(L, -2, m->name);
    }
    lua_settop(L, 0);
}
