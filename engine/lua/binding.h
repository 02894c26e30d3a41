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
#include "lua/scratch.h"

extern const luaL_Reg binding_accumulators_functions[];
extern const luaL_Reg binding_retry_failed_functions[];
extern const luaL_Reg binding_dict_functions[];
extern const luaL_Reg binding_job_functions[];
extern const luaL_Reg binding_lock_functions[];
extern const luaL_Reg binding_manager_functions[];
extern const luaL_Reg binding_program_functions[];
extern const luaL_Reg binding_registry_functions[];
extern const luaL_Reg binding_report_functions[];
extern const luaL_Reg binding_resolve_functions[];
extern const luaL_Reg binding_task_functions[];
extern const luaL_Reg binding_wait_functions[];

/* What prn_dict_get() has found, besides the number of the scratch that has it: core.RESULT. */
enum result_kind {
    RESULT_NIL = 0,    /* in no scratch */
    RESULT_NUMBER = 1, /* scratch.number[i] */
    RESULT_STRING = 2, /* scratch.bytes[i], scratch.length[i] */
    RESULT_OTHER = 3,  /* core.dict_value(i) decodes it */
    RESULT_KINDS = 4,
};

/* The kind of a key that is not a string, instead of its length: core.KEY. */
enum key_kind { KEY_NUMBER = 0,
                KEY_BOOLEAN = 1 };

/* What a task waits for: core.WAIT. */
enum wait_kind {
    WAIT_CLOCK = 0,
    WAIT_DESCRIPTOR,
    WAIT_SOCKET,
    WAIT_NAME,
    WAIT_PROGRAM,
    WAIT_QUEUE,
    WAIT_POOL,
    WAIT_KINDS,
};

/* What a look at a queue has found: core.QUEUE. */
enum { QUEUE_EMPTY = 0,
       QUEUE_TRY = 1,    /* there may be a value */
       QUEUE_REPEAT = 2, /* an earlier run has got something here, or nothing: the same again */
};

/* What a post through FFI says besides 0 and -errno: core.POST. */
enum { POST_OTHER = 1 }; /* not posted: core.post() does it, or has the words for why not */

/* binding_push_constants: into the table at the top of the stack, a table for each enum
 * that Lua shares with C: core.NAMED.LOCK is NAMED_LOCK. */
void binding_push_constants(lua_State *L);
/* binding_fail pushes nil, what `err` (-errno) means in words, errno. Returns 3. */
int binding_fail(lua_State *L, int err);
/* binding_push_codec pushes `format`, in which %s is codec_error(); binding_fail_codec raises
 * that. */
void binding_push_codec(lua_State *L, const char *format);
int binding_fail_codec(lua_State *L, const char *format);
/* binding_try_encode does as codec_encode(). Functions and classes that are not known yet are made
 * known while begin() runs. */
int binding_try_encode(lua_State *L, int first, int last, const char *what,
                       struct codec_buf *buf);
/* binding_encode encodes the values at first..last (absolute) into buffer a of scratch i; what
 * they are called: as for codec_encode(). Raises if one cannot travel, the scratch left. */
const struct codec_buf *binding_encode(lua_State *L, uint32_t i, int first, int last,
                                       const char *what);
/* binding_due: the moment that is the seconds at `index` from now; nil: CLOCK_NEVER. */
uint64_t binding_due(lua_State *L, int index);
/* binding_waits_for: in words. */
const char *binding_waits_for(enum wait_kind kind);
/* binding_cannot_wait pushes nil, why fiber_can_wait() says no, false. Returns 3. */
int binding_cannot_wait(lua_State *L);
/* binding_set_number: t[name] = v, of the table at the top of the stack. */
void binding_set_number(lua_State *L, const char *name, double v);

PRN_EXPORT int luaopen_prunner_core(lua_State *L);

#endif
