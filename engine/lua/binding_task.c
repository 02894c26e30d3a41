/* What lua/prunner/task.lua calls: functions known before the fork, and posting. */
#include "lua/binding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory/block.h"
#include "task/commit.h"
#include "worker/task_loop.h"
#include "output/dead_letter.h"
#include "base/hash.h"
#include "task/idle.h"
#include "store/names.h"
#include "output/output.h"
#include "task/post.h"
#include "task/task.h"
#include "task/section.h"
#include "monitor/metrics.h"

/* ---- posting through FFI: prn_post_number() and prn_post_string() for the commonest
 * cases, the argument builder for scalars, core.post() for everything ---- */

static struct codec_buf args;

static bool
may_post(void)
{
    return likely(job.stage == STAGE_TASK || job.stage == STAGE_BEGIN);
}

static int
post_bytes(uint32_t fn, const void *bytes, size_t len)
{
    if (!may_post())
        return -EPERM;
    bool skipped = job.self.skip; /* an earlier run has posted it */
    int err = post(&job.self, fn, bytes, len);
    if (likely(!err && !skipped))
        metrics_posted(fn);
    return err;
}

/* post_task(fn, v) for a number. */
PRN_EXPORT int
prn_post_number(uint32_t fn, double v)
{
    unsigned char bytes[CODEC_SCALAR_MAX];
    return post_bytes(fn, bytes, codec_put_number(bytes, v));
}

/* post_task(fn, v) for a string. 1: too long; core.post() has the words for it. (As post_bytes();
 * one body for both took 12 instructions more of each task.) */
PRN_EXPORT int
prn_post_string(uint32_t fn, const char *bytes, size_t len)
{
    if (!may_post())
        return -EPERM;
    if (len > CODEC_BYTES_MAX)
        return 1;
    unsigned char head[CODEC_SCALAR_MAX];
    bool skipped = job.self.skip;
    size_t head_len = codec_put_string_head(head, len);
    int err = post_joined(&job.self, fn, head, head_len, bytes, len);
    if (likely(!err && !skipped))
        metrics_posted(fn);
    return err;
}

static int
args_room(size_t more)
{
    if (likely(args.len + more <= args.cap))
        return 0;
    size_t cap = (args.len + more) * 2 + 64;
    unsigned char *grown = realloc(args.bytes, cap);
    if (!grown)
        return -ENOMEM;
    args.bytes = grown;
    args.cap = cap;
    return 0;
}

/* The argument builder: begin, one call for each argument, then post. */
PRN_EXPORT void
prn_args_begin(void)
{
    args.len = 0;
}

PRN_EXPORT int
prn_args_nil(void)
{
    int err = args_room(CODEC_SCALAR_MAX);
    if (!err)
        args.len += codec_put_nil(args.bytes + args.len);
    return err;
}

PRN_EXPORT int
prn_args_boolean(int v)
{
    int err = args_room(CODEC_SCALAR_MAX);
    if (!err)
        args.len += codec_put_boolean(args.bytes + args.len, v != 0);
    return err;
}

PRN_EXPORT int
prn_args_number(double v)
{
    int err = args_room(CODEC_SCALAR_MAX);
    if (!err)
        args.len += codec_put_number(args.bytes + args.len, v);
    return err;
}

PRN_EXPORT int
prn_args_string(const char *bytes, size_t len)
{
    if (len > CODEC_BYTES_MAX - args.len)
        return -EFBIG;
    int err = args_room(CODEC_SCALAR_MAX + len);
    if (err)
        return err;
    args.len += codec_put_string_head(args.bytes + args.len, len);
    memcpy(args.bytes + args.len, bytes, len);
    args.len += len;
    return 0;
}

PRN_EXPORT int
prn_args_post(uint32_t fn)
{
    return post_bytes(fn, args.bytes, args.len);
}

/* --debug: the line that the next post stands in. */
PRN_EXPORT void
prn_post_line(uint32_t line)
{
    job.self.post_line = line > TASK_LINE_MAX ? TASK_LINE_MAX : line;
}

/* core.post(fn, ...) -> 0 | -errno [, what is wrong with a value that cannot travel:
 * "argument 2, at .conn: a userdata cannot be sent to another process"]. */
static int
l_post(lua_State *L)
{
    uint32_t fn = (uint32_t)luaL_checknumber(L, 1);
    if (!may_post()) {
        lua_pushinteger(L, -EPERM);
        return 1;
    }
    args.len = 0;
    int err = codec_encode(job.codec, L, 2, lua_gettop(L), "argument", &args);
    if (err) {
        lua_pushinteger(L, err);
        lua_pushstring(L, codec_error(job.codec));
        return 2;
    }
    for (int i = lua_gettop(L); i > 1 && !job.self.post_unordered; i--)
        job.self.post_unordered = lua_istable(L, i);
    err = post_bytes(fn, args.bytes, args.len);
    job.self.post_unordered = false;
    lua_pushinteger(L, err);
    return 1;
}

/* core.encoded_size(...) is for tests: bytes that these arguments take. */
static int
l_encode(lua_State *L)
{
    args.len = 0;
    if (codec_encode(job.codec, L, 1, lua_gettop(L), "argument", &args))
        return luaL_error(L, "%s", codec_error(job.codec));
    lua_pushlstring(L, (const char *)args.bytes, args.len);
    return 1;
}

/* core.args() -> the bytes collected by the argument builder. */
static int
l_args(lua_State *L)
{
    lua_pushlstring(L, (const char *)args.bytes, args.len);
    return 1;
}

/* core.decode(bytes) -> the values, or raises. */
static int
l_decode(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    int n = codec_decode(job.codec, L, (const unsigned char *)bytes, len);
    if (n < 0)
        return luaL_error(L, "%s", codec_error(job.codec));
    return n;
}

/* ---- tasks that were written down (--retry-dead) ---- */

/* core.unbase64(text) -> bytes, or nil */
static int
l_unbase64(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    args.len = 0;
    if (args_room(len))
        return luaL_error(L, "not enough memory");
    long n = dead_letter_unbase64(text, len, args.bytes);
    if (n < 0)
        return 0;
    lua_pushlstring(L, (const char *)args.bytes, (size_t)n);
    return 1;
}

/* lua_State with the tables {[old] = new} of functions at 2 and classes at 3. */
static uint32_t
new_number(void *arg, bool is_class, uint32_t number)
{
    lua_State *L = arg;
    lua_pushnumber(L, number);
    lua_rawget(L, is_class ? 3 : 2);
    uint32_t found = (uint32_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return found;
}

/* core.renumber(bytes, functions, classes) -> bytes, or nil: damaged, or a number is
 * in none of the tables */
static int
l_renumber(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    args.len = 0;
    if (codec_renumber((const unsigned char *)bytes, len, new_number, L, &args))
        return 0;
    lua_pushlstring(L, (const char *)args.bytes, args.len);
    return 1;
}

/* core.post_bytes(fn, bytes) -> 0 | -errno: arguments encoded before, and decoded once
 * to see that they can be. */
static int
l_post_bytes(lua_State *L)
{
    size_t len;
    uint32_t fn = (uint32_t)luaL_checknumber(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, post_bytes(fn, bytes, len));
    return 1;
}

/* ---- functions ---- */

static void
optional_number(lua_State *L, int table, const char *name, double scale, double *out)
{
    lua_getfield(L, table, name);
    if (!lua_isnil(L, -1))
        *out = luaL_checknumber(L, -1) * scale;
    lua_pop(L, 1);
}

/* core.stable(kind, key, code) -> number | nil, message. --state: the number that the
 * function (kind 7) or class (8) with this key has in every run of the job; `code`
 * is what must not change meanwhile. */
static int
l_stable(lua_State *L)
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

/* Pushes where the function at 1 is defined: "job.lua:12", or "C". */
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
}

/* core.know_function(fn, number or nil, name) -> number, where it is defined. Before the
 * fork. */
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
    lua_insert(L, 4);
    return 2;
}

/* core.task_loop_give_up(number): no loop for that function (chain.lua). */
static int
l_chain_give_up(lua_State *L)
{
    task_loop_give_up((uint32_t)luaL_checknumber(L, 1));
    return 0;
}

/* core.know_class(metatable, number, name). Before the fork. */
static int
l_know_class(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    uint32_t number = (uint32_t)luaL_checknumber(L, 2);
    if (!job_class(number, luaL_checkstring(L, 3)))
        return luaL_error(L, "not enough memory");
    codec_know_class(job.codec, L, 1, number);
    return 0;
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

/* ---- where am I, and long producers ---- */

/* core.commit(cursor) -> 0 | -errno; raises if the cursor cannot travel. */
static int
l_commit(lua_State *L)
{
    lua_settop(L, 1);
    if (job.stage != STAGE_TASK || section_any_held(&job.self)) {
        lua_pushinteger(L, job.stage != STAGE_TASK ? -EPERM : -EBUSY);
        return 1;
    }
    args.len = 0;
    if (!lua_isnil(L, 1) && codec_encode(job.codec, L, 1, 1, NULL, &args))
        return luaL_error(L, "%s", codec_error(job.codec));
    (void)output_flush(OUTPUT_SO_FAR);
    uint32_t ready = job.self.staged_count;
    int err = commit_checkpoint(&job.self, args.bytes, args.len);
    if (!err)
        idle_wake(&job.self, ready);
    lua_pushinteger(L, err);
    return 1;
}

/* core.cursor() -> what an earlier run of this task gave to commit(), or nil */
static int
l_cursor(lua_State *L)
{
    struct self *self = &job.self;
    struct task *t = job.stage == STAGE_TASK ? task_at(self->arena, self->slot->cur) : NULL;
    struct task_record *r = t ? task_record_of(self->arena, t) : NULL;
    if (!r || !r->cursor)
        return 0;
    struct task_cursor *c = (struct task_cursor *)block_at(self->arena, r->cursor)->bytes;
    if (codec_decode(job.codec, L, (unsigned char *)c->text, c->bytes) != 1)
        return luaL_error(L, "%s", codec_error(job.codec));
    return 1;
}

/* The number of this worker, 1 .. n; 0: the supervisor. */
PRN_EXPORT uint32_t
prn_worker_id(void)
{
    return job.self.me;
}

static struct task *
running(void)
{
    uint32_t cur = job.stage == STAGE_TASK ? job.self.slot->cur : 0;
    return cur ? task_at(&job.arena, cur) : NULL;
}

/* The running task's id; 0: none. */
PRN_EXPORT double
prn_task_id(void)
{
    struct task *t = running();
    return t ? (double)t->id : 0;
}

/* Which run of the task this is, from 1; 0: none runs. */
PRN_EXPORT uint32_t
prn_attempt(void)
{
    struct task *t = running();
    return t ? task_attempt(atom_peek(&t->word)) : 0;
}

const luaL_Reg binding_task_functions[] = {
    {"post", l_post},
    {"post_bytes", l_post_bytes},
    {"unbase64", l_unbase64},
    {"renumber", l_renumber},
    {"encode", l_encode},
    {"args", l_args},
    {"decode", l_decode},
    {"commit", l_commit},
    {"cursor", l_cursor},
    {"know_function", l_know_function},
    {"task_loop_give_up", l_chain_give_up},
    {"stable", l_stable},
    {"know_class", l_know_class},
    {"function_options", l_function_options},
    {"function_name", l_function_name},
    {NULL, NULL},
};
