/* What lua/prunner/registry/ calls: the functions and classes that every worker knows, and
 * how tasks of a function are run. */
#include "lua/binding.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "store/names.h"

/* core.stable_number(kind, key, code) -> number | nil, message. --state: the number that
 * the function (core.NAMED.FUNCTION) or class (CLASS) with this key has in every run of the
 * job; `code` is what must not change meanwhile. */
static int
l_stable_number(lua_State *L)
{
    size_t len, code_len;
    uint32_t index;
    char text[2 * sizeof(uint64_t) * 2 + 1];
    enum name_kind kind = (enum name_kind)luaL_checkint(L, 1);
    const char *key = luaL_checklstring(L, 2, &len);
    const char *code = luaL_checklstring(L, 3, &code_len);
    uint64_t h = hash_bytes(key, len), hash = hash_bytes(code, code_len) | 1;
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h,
             (unsigned long long)hash_more(h ^ 1, key, len));
    int err = names_get(&job.self, kind, text, strlen(text), &index);
    if (err)
        return binding_fail(L, err);
    struct name *n = name_at(&job.arena, index);
    if (!n->object)
        atom_store(&n->object, hash);
    if (n->object != hash) {
        lua_pushnil(L);
        lua_pushliteral(L, "has changed since the job was started");
        return 2;
    }
    lua_pushnumber(L, n->number);
    return 1;
}

/* Pushes where the function at 1 is defined: "job.lua:12", or "C"; and the source of it, as
 * debug.getinfo() has it: a file's is never cut. */
static void
push_where(lua_State *L)
{
    lua_Debug info;
    lua_pushvalue(L, 1);
    lua_getinfo(L, ">S", &info);
    if (info.what[0] == 'C')
        lua_pushliteral(L, "C");
    else
        lua_pushfstring(L, "%s:%d", info.short_src, info.linedefined);
    lua_pushstring(L, info.source);
}

/* core.know_function(fn, number or nil, name) -> number, the source it is defined in. Before
 * the fork. */
static int
l_know_function(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    uint32_t number = (uint32_t)luaL_optnumber(L, 2, 0);
    const char *name = luaL_checkstring(L, 3);
    bool fresh = !codec_function_id(job.codec, L, 1);
    lua_settop(L, 3);
    push_where(L);
    number = job_fn(number, name, lua_tostring(L, 4));
    if (!number)
        return luaL_error(L, "not enough memory");
    if (fresh) {
        codec_know_function(job.codec, L, 1, number);
        if (!job.function_table) {
            lua_createtable(L, CODEC_MANY, 0);
            job.function_table = luaL_ref(L, LUA_REGISTRYINDEX);
        }
        lua_rawgeti(L, LUA_REGISTRYINDEX, job.function_table);
        lua_pushvalue(L, 1);
        lua_rawseti(L, -2, (int)number);
        lua_pop(L, 1);
    }
    lua_pushnumber(L, number);
    lua_pushvalue(L, 5);
    return 2;
}

/* core.know_class(metatable or constant, number, name). Before the fork. */
static int
l_know_class(lua_State *L)
{
    luaL_checkany(L, 1);
    uint32_t number = (uint32_t)luaL_checknumber(L, 2);
    if (!job_class(number, luaL_checkstring(L, 3)))
        return luaL_error(L, "not enough memory");
    codec_know_class(job.codec, L, 1, number);
    return 0;
}

static void
optional_number(lua_State *L, int table, const char *name, double scale, double *out)
{
    lua_getfield(L, table, name);
    if (!lua_isnil(L, -1))
        *out = luaL_checknumber(L, -1) * scale;
    lua_pop(L, 1);
}

/* core.function_options(number, {retries, attempts, timeout, backoff, partial}):
 * checked by task.lua; seconds. */
static int
l_function_options(lua_State *L)
{
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    luaL_argcheck(L, number >= 1 && number <= job.nfns, 1, "no such function");
    luaL_checktype(L, 2, LUA_TTABLE);
    double retries = -1, attempts = -1, timeout = -1, backoff = 0;
    optional_number(L, 2, "retries", 1, &retries);
    optional_number(L, 2, "attempts", 1, &attempts);
    optional_number(L, 2, "timeout", 1e9, &timeout);
    optional_number(L, 2, "backoff", 1e9, &backoff);
    lua_getfield(L, 2, "partial");
    bool partial = lua_isnil(L, -1) || lua_toboolean(L, -1);
    job.fns[number].options = (struct fn_options){
        (int32_t)retries,
        (int32_t)attempts,
        (int64_t)timeout,
        (int64_t)backoff,
        partial,
    };
    return 0;
}

/* core.function_name(number) -> name, where */
static int
l_function_name(lua_State *L)
{
    const struct fn_info *f = job_fn_info((uint32_t)luaL_checknumber(L, 1));
    lua_pushstring(L, f->name);
    lua_pushstring(L, f->where);
    return 2;
}

const luaL_Reg binding_registry_functions[] = {
    {"know_function", l_know_function},
    {"know_class", l_know_class},
    {"stable_number", l_stable_number},
    {"function_options", l_function_options},
    {"function_name", l_function_name},
    {NULL, NULL},
};
