/* lua_library: Lua's own libraries, whatever the script's globals of their names are. */
#ifndef PRN_LUA_LIBRARY_H
#define PRN_LUA_LIBRARY_H

#include <lua.h>

/* lua_library pushes what require() has loaded under that name, or nil. */
static inline void
lua_library(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

#endif
