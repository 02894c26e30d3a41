/* bytecode: the modules of lua/prunner, compiled when this library was built. Parsing
 * them took a third of the time in which a small job starts. */
#ifndef PRN_BYTECODE_H
#define PRN_BYTECODE_H

#include <lua.h>

/* bytecode_preload: `require` finds them in package.preload. Not if this LuaJIT is not of
 * the kind that compiled them: then it finds their sources on package.path. */
void bytecode_preload(lua_State *L);

#endif
