/* What lua/prunner/registry/ calls: the functions and classes that every worker knows, and
 * how tasks of a function are run. */
#include "lua/binding.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "job/state.h"
#include "memory/slab.h"
#include "store/names.h"
#include "task/task.h"

enum {
    FILE_BEFORE_BEGIN = 1, /* in the hash of a file: each run loads it before begin() */
    FILE_DIGITS = 16,      /* of the hash of its path, before the path's end */
    FILE_TAIL = NAME_BYTES - FILE_DIGITS - 1,
};

/* Until begin() has committed nothing depends on it. */
static bool
is_as_it_was(struct name *n, uint64_t hash)
{
    if (!n->object || !job.arena.header->begun)
        atom_store(&n->object, hash);
    return n->object == hash;
}

/* core.stable_number(kind, key, code) -> number, is its code as it was? --state: the number that
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
    lua_pushnumber(L, n->number);
    lua_pushboolean(L, is_as_it_was(n, hash));
    return 2;
}

/* core.same_file(key, path) -> index, is it as it was? --state: a file of Lua in which known
 * functions are defined. */
static int
l_same_file(lua_State *L)
{
    char text[NAME_BYTES];
    size_t len;
    uint32_t index;
    const char *key = luaL_checklstring(L, 1, &len), *path = luaL_checkstring(L, 2);
    uint64_t hash = state_file_hash(path) >> 1 << 1;
    const char *tail = key + (len > FILE_TAIL ? len - FILE_TAIL : 0);
    snprintf(text, sizeof text, "%016llx%s", (unsigned long long)hash_bytes(key, len), tail);
    int err = names_get(&job.self, NAMED_FILE, text, strlen(text), &index);
    if (err)
        return binding_fail(L, err);
    struct name *n = name_at(&job.arena, index);
    uint64_t flag = job.arena.header->begun      ? n->object & FILE_BEFORE_BEGIN
                    : job.stage == STAGE_LOADING ? FILE_BEFORE_BEGIN
                                                 : 0;
    lua_pushnumber(L, index);
    lua_pushboolean(L, !hash || is_as_it_was(n, hash | flag));
    return 2;
}

/* core.file_left(met) -> the end of its path: a file that was loaded before begin() when the
 * job was started, and whose index is not a key of `met`. Or nothing. */
static int
l_file_left(lua_State *L)
{
    uint32_t i = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    for (const struct name *n; (n = names_next(&job.arena, &i)) != NULL;) {
        if (n->kind != NAMED_FILE || !(n->object & FILE_BEFORE_BEGIN))
            continue;
        lua_rawgeti(L, 1, (int)(i - 1));
        if (lua_isnil(L, -1)) {
            lua_pushlstring(L, n->text + FILE_DIGITS, n->len - FILE_DIGITS);
            return 1;
        }
        lua_pop(L, 1);
    }
    return 0;
}

static void
count_unknown(void *arg, uint32_t task)
{
    const struct task *t = task_at(&job.arena, task);
    enum task_state state = task_state(atom_peek(&t->word));
    bool known = t->fn <= job.nfns && job.fns && job.fns[t->fn].name;
    *(uint32_t *)arg += (state == TASK_READY || state == TASK_WAIT) && !known;
}

/* core.unknown_tasks() -> how many tasks that wait are of functions that this process does not
 * know. Before the fork. */
static int
l_unknown_tasks(lua_State *L)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k <= arena_workers(&job.arena); k++)
        slab_each(&job.arena, k, SLAB_TASK, count_unknown, &n);
    lua_pushnumber(L, n);
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

/* core.know_forms(form_of, handle_of), core.know_handle(metatable of forms): codec.h says it.
 * lua/prunner/handle.lua, while it is loaded and for each kind. */
static int
l_know_forms(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    codec_know_forms(job.codec, L, 1, 2);
    return 0;
}

/* core.when_unknown(fn): fn gets values that may be, or have inside, functions and classes that are
 * not known yet, while begin() runs. lua/prunner/registry/init.lua, while it is loaded. */
static int
l_when_unknown(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    job.meet = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int
l_know_handle(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    codec_know_handle(job.codec, L, 1);
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

/* core.function_options(number, {retries, max_crashes, timeout, backoff, atomic_posts}):
 * checked by task.lua; seconds. */
static int
l_function_options(lua_State *L)
{
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    luaL_argcheck(L, number >= 1 && number <= job.nfns, 1, "no such function");
    luaL_checktype(L, 2, LUA_TTABLE);
    double retries = -1, max_crashes = -1, timeout = -1, backoff = 0;
    optional_number(L, 2, "retries", 1, &retries);
    optional_number(L, 2, "max_crashes", 1, &max_crashes);
    optional_number(L, 2, "timeout", 1e9, &timeout);
    optional_number(L, 2, "backoff", 1e9, &backoff);
    lua_getfield(L, 2, "atomic_posts");
    bool atomic_posts = lua_toboolean(L, -1);
    job.fns[number].options = (struct fn_options){
        (int32_t)retries,
        (int32_t)max_crashes,
        (int64_t)timeout,
        (int64_t)backoff,
        atomic_posts,
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
    {"know_forms", l_know_forms},
    {"know_handle", l_know_handle},
    {"when_unknown", l_when_unknown},
    {"stable_number", l_stable_number},
    {"same_file", l_same_file},
    {"file_left", l_file_left},
    {"unknown_tasks", l_unknown_tasks},
    {"function_options", l_function_options},
    {"function_name", l_function_name},
    {NULL, NULL},
};
