/* binding: what Lua may call. Each binding_NAME.c serves lua/prunner/NAME.lua: it
 * has C functions for Lua's API (tables, errors) and, for the hot path, plain
 * functions called through FFI, which take no lua_State, never raise and return 0
 * or -errno. luaopen_prunner_core makes the one table `core` of them all. */
#ifndef PRN_BINDING_H
#define PRN_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "base/export.h"
#include "codec/codec.h"
#include "job/job.h"

extern const luaL_Reg binding_accumulators_functions[];
extern const luaL_Reg binding_dead_letters_functions[];
extern const luaL_Reg binding_dict_functions[];
extern const luaL_Reg binding_job_functions[];
extern const luaL_Reg binding_lock_functions[];
extern const luaL_Reg binding_registry_functions[];
extern const luaL_Reg binding_report_functions[];
extern const luaL_Reg binding_task_functions[];

/* What prn_dict_get() has found: core.RESULT. */
enum result_kind {
    RESULT_NIL = 0,
    RESULT_NUMBER = 1, /* result.number */
    RESULT_STRING = 2, /* result.bytes, result.len */
    RESULT_OTHER = 3,  /* core.dict_value() decodes it */
};

/* What a post through FFI says beside 0 and -errno: core.POST. */
enum { POST_OTHER = 1 }; /* not posted: core.post() does it, or has the words for why not */

/* binding_push_constants: into the table at the top of the stack, a table for each enum
 * that Lua shares with C: core.NAMED.LOCK is NAMED_LOCK. */
void binding_push_constants(lua_State *L);
/* binding_fail pushes nil, what `err` (-errno) means in words, errno. Returns 3. */
int binding_fail(lua_State *L, int err);
/* binding_encode encodes the value at `index` (absolute) into a buffer that lives
 * until the next call; raises if it cannot travel. */
const struct codec_buf *binding_encode(lua_State *L, int index);
/* binding_set_number: t[name] = v, of the table at the top of the stack. */
void binding_set_number(lua_State *L, const char *name, double v);

PRN_EXPORT int luaopen_prunner_core(lua_State *L);

#endif
