#include "lua/binding.h"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <errno.h>
#include <string.h>

#include "base/version.h"
#include "lua/open.h"
#include "store/error_text.h"
#include "worker/error.h"
#include "worker/random.h"

int
binding_fail(lua_State *L, int err)
{
    lua_pushnil(L);
    lua_pushstring(L, error_text(err));
    lua_pushinteger(L, -err);
    return 3;
}

void
binding_push_codec(lua_State *L, const char *format)
{
    codec_push_error(job.codec, L);
    lua_pushfstring(L, format, lua_tostring(L, -1));
    lua_remove(L, -2);
}

int
binding_fail_codec(lua_State *L, const char *format)
{
    binding_push_codec(L, format);
    return lua_error(L);
}

int
binding_try_encode(lua_State *L, int first, int last, const char *what, struct codec_buf *buf)
{
    size_t len = buf->len;
    int err = codec_encode(job.codec, L, first, last, what, buf);
    if (!err || job.stage != STAGE_BEGIN || !job.meet)
        return err;
    luaL_checkstack(L, last - first + 2, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, job.meet);
    for (int i = first; i <= last; i++)
        lua_pushvalue(L, i);
    if (lua_pcall(L, last - first + 1, 0, 0))
        lua_pop(L, 1); /* the values are refused as they were */
    buf->len = len;
    return codec_encode(job.codec, L, first, last, what, buf);
}

const struct codec_buf *
binding_encode(lua_State *L, uint32_t i, int first, int last, const char *what)
{
    struct codec_buf *buf = &scratch_of(i)->a;
    if (binding_try_encode(L, first, last, what, buf)) {
        scratch_leave(i);
        binding_fail_codec(L, "%s");
    }
    return buf;
}

void
binding_set_number(lua_State *L, const char *name, double v)
{
    lua_pushnumber(L, v);
    lua_setfield(L, -2, name);
}

/* Where this library was loaded from, for ffi.load: the same copy; nil if it is part of the
 * command, and thus in ffi.C. */
static void
push_library(lua_State *L)
{
    Dl_info info, command;
    bool known = dladdr((void *)luaopen_prunner_core, &info);
    if (known && dladdr((void *)getauxval(AT_PHDR), &command) &&
        info.dli_fbase == command.dli_fbase)
        lua_pushnil(L);
    else if (known && info.dli_fname)
        lua_pushstring(L, info.dli_fname);
    else
        lua_pushliteral(L, "libprunner.so");
}

static const luaL_Reg *const functions[] = {
    binding_accumulators_functions,
    binding_retry_failed_functions,
    binding_dict_functions,
    binding_job_functions,
    binding_lock_functions,
    binding_manager_functions,
    binding_program_functions,
    binding_registry_functions,
    binding_report_functions,
    binding_resolve_functions,
    binding_task_functions,
    binding_wait_functions,
};

int
luaopen_prunner_core(lua_State *L)
{
    int err = open_job(L);
    if (err == -EMFILE)
        return luaL_error(L, "prunner cannot be loaded: %s (is there a limit on them? ulimit -n)",
                          strerror(-err));
    if (err)
        return luaL_error(L, "cannot allocate shared memory: %s (is there a limit on the "
                             "address space? ulimit -v)",
                          strerror(-err));
    random_watch(L);
    error_open(L);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        luaL_register(L, NULL, functions[i]);
    binding_push_constants(L);
    push_library(L);
    lua_setfield(L, -2, "library");
    lua_pushliteral(L, PRUNNER_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
