/* binding: what Lua may call. door_*.c hold the doors, one for each Lua module; each
 * has C functions for Lua's API (tables, errors) and, for the hot path, plain
 * functions called through FFI, which take no lua_State, never raise and return 0
 * or -errno. luaopen_prunner_core opens them all. */
#ifndef PRN_BINDING_H
#define PRN_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "base/export.h"
#include "job/job.h"

extern const luaL_Reg binding_task_functions[];
extern const luaL_Reg binding_dict_functions[];
extern const luaL_Reg binding_share_functions[];
extern const luaL_Reg binding_job_functions[];
extern const luaL_Reg binding_history_functions[];

/* binding_fail pushes nil, what `err` (-errno) means in words, errno. Returns 3. */
int binding_fail(lua_State *L, int err);
/* binding_encode encodes the value at `index` (absolute) into a buffer that lives
 * until the next call; raises if it cannot travel. */
const struct codec_buf *binding_encode(lua_State *L, int index);
/* binding_set_number: t[name] = v, of the table at the top of the stack. */
void binding_set_number(lua_State *L, const char *name, double v);

PRN_EXPORT int luaopen_prunner_core(lua_State *L);

#endif
