#include "worker/call.h"

#include <lauxlib.h>

#include "codec/codec.h"
#include "job/job.h"
#include "store/error_text.h"
#include "task/once.h"
#include "task/task.h"
#include "worker/collector.h"
#include "worker/error.h"
#include "worker/task_loop.h"

/* Pushes the arguments, for push_decoded(). */
static int
l_decode(lua_State *L)
{
    const struct task *t = task_at(&job.arena, job.self.slot->cur);
    const unsigned char *bytes = task_args(&job.arena, t);
    size_t key_len, key = codec_get_key(bytes, t->bytes, &key_len);
    int n = codec_decode(job.codec, L, bytes + key, t->bytes - key);
    if (n >= 0)
        return n;
    codec_push_error(job.codec, L);
    lua_pushfstring(L, "its arguments cannot be read: %s", lua_tostring(L, -1));
    return lua_error(L);
}

void
call_open(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, job.function_table);
    lua_pushcfunction(L, error_handler);
    task_loop_open(L);
    lua_pushcfunction(L, l_decode);
}

/* Pushes f, number, or a loop that begins with that: loop, number, f. Returns how many
 * arguments that are. */
static int
push_call_with(lua_State *L, uint32_t fn, double number)
{
    bool loop = task_loop_push(L, fn, CALL_FUNCTIONS, CALL_LOOPS);
    lua_rawgeti(L, CALL_FUNCTIONS, (int)fn);
    lua_pushnumber(L, number);
    if (loop)
        lua_insert(L, -2);
    return loop ? 2 : 1;
}

/* The task of a post_once() gets its key. CALL_FAILED: there is no room for it; message pushed. */
static enum call_pushed
enter_key(lua_State *L, const struct task *t)
{
    bool first;
    int err = once_enter(&job.self, t, &first);
    if (!err)
        return first ? CALL_READY : CALL_DUPLICATE;
    (void)collector_hold(L);
    lua_pushfstring(L, "its key cannot be entered: %s", error_text(err));
    return CALL_FAILED;
}

/* Function and arguments that are not a number alone. Protected: there may be no memory for them,
 * and a finalizer that runs meanwhile may raise an error. Not inlined: most tasks need none of
 * this. */
__attribute__((noinline)) static enum call_pushed
push_decoded(lua_State *L, const struct task *t, int *nargs)
{
    const unsigned char *bytes = task_args(&job.arena, t);
    size_t key_len, key = codec_get_key(bytes, t->bytes, &key_len);
    enum call_pushed entered = key ? enter_key(L, t) : CALL_READY;
    if (entered != CALL_READY)
        return entered;
    lua_rawgeti(L, CALL_FUNCTIONS, (int)t->fn);
    int base = lua_gettop(L);
    lua_pushvalue(L, CALL_DECODER);
    bool ok = lua_pcall(L, 0, LUA_MULTRET, CALL_HANDLER) == 0;
    *nargs = lua_gettop(L) - base;
    if (!ok)
        lua_remove(L, base);
    return ok ? CALL_READY : CALL_FAILED;
}

enum call_pushed
call_push(lua_State *L, const struct task *t, int *nargs)
{
    double number;
    if (unlikely(!codec_get_number(task_args(&job.arena, t), t->bytes, &number)))
        return push_decoded(L, t, nargs);
    *nargs = push_call_with(L, t->fn, number);
    return CALL_READY;
}
