/* What lua/prunner/task.lua and task_loop.lua call: posting, and the running task. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "memory/block.h"
#include "store/error_text.h"
#include "task/commit.h"
#include "worker/task_loop.h"
#include "task/idle.h"
#include "output/output.h"
#include "task/post.h"
#include "task/task.h"
#include "task/section.h"
#include "monitor/metrics.h"

/* ---- posting through FFI: prn_post_number() and prn_post_string() for the commonest
 * cases, the argument builder for scalars, core.post() for everything ---- */

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

/* The same for arguments that may have a key in front. */
static int
post_keyed(uint32_t fn, const void *bytes, size_t len)
{
    bool known;
    if (!may_post())
        return -EPERM;
    int err = post_is_known(&job.self, fn, bytes, len, &known);
    return err || known ? err : post_bytes(fn, bytes, len);
}

/* post_task(fn, v) for a number. */
PRN_EXPORT int
prn_post_number(uint32_t fn, double v)
{
    unsigned char bytes[CODEC_SCALAR_MAX];
    return post_bytes(fn, bytes, codec_put_number(bytes, v));
}

/* post_task(fn, v) for a string. POST_OTHER: too long; core.post() has the words for it. (As
 * post_bytes(); one body for both took 12 instructions more of each task.) */
PRN_EXPORT int
prn_post_string(uint32_t fn, const char *bytes, size_t len)
{
    if (!may_post())
        return -EPERM;
    if (len > CODEC_BYTES_MAX)
        return POST_OTHER;
    unsigned char head[CODEC_SCALAR_MAX];
    bool skipped = job.self.skip;
    size_t head_len = codec_put_string_head(head, len);
    int err = post_joined(&job.self, fn, head, head_len, bytes, len);
    if (likely(!err && !skipped))
        metrics_posted(fn);
    return err;
}

/* The argument builder: begin takes a scratch, one call for each argument adds to it, post gives
 * it back; one that does not come to that gives it back as well (native.lua: scratch.depth). */
PRN_EXPORT uint32_t
prn_args_begin(void)
{
    return scratch_enter();
}

/* Room for this number of bytes more; NULL: no memory. */
static unsigned char *
args_room(uint32_t i, size_t more)
{
    struct codec_buf *args = &scratch_of(i)->a;
    return array_reserve(&args->bytes, &args->cap, args->len + more, 1) ? args->bytes + args->len
                                                                        : NULL;
}

static int
args_added(uint32_t i, size_t bytes)
{
    scratch_of(i)->a.len += bytes;
    return 0;
}

PRN_EXPORT int
prn_args_nil(uint32_t i)
{
    unsigned char *at = args_room(i, CODEC_SCALAR_MAX);
    return at ? args_added(i, codec_put_nil(at)) : -ENOMEM;
}

PRN_EXPORT int
prn_args_boolean(uint32_t i, int v)
{
    unsigned char *at = args_room(i, CODEC_SCALAR_MAX);
    return at ? args_added(i, codec_put_boolean(at, v != 0)) : -ENOMEM;
}

PRN_EXPORT int
prn_args_number(uint32_t i, double v)
{
    unsigned char *at = args_room(i, CODEC_SCALAR_MAX);
    return at ? args_added(i, codec_put_number(at, v)) : -ENOMEM;
}

PRN_EXPORT int
prn_args_string(uint32_t i, const char *bytes, size_t len)
{
    if (len > CODEC_BYTES_MAX - scratch_of(i)->a.len)
        return -EFBIG;
    unsigned char *at = args_room(i, CODEC_SCALAR_MAX + len);
    if (!at)
        return -ENOMEM;
    size_t head = codec_put_string_head(at, len);
    memcpy(at + head, bytes, len);
    return args_added(i, head + len);
}

PRN_EXPORT int
prn_args_post(uint32_t i, uint32_t fn)
{
    const struct codec_buf *args = &scratch_of(i)->a;
    int err = post_bytes(fn, args->bytes, args->len);
    scratch_leave(i);
    return err;
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
    uint32_t i = scratch_enter();
    struct codec_buf *args = &scratch_of(i)->a;
    int err = binding_try_encode(L, 2, lua_gettop(L), "argument", args);
    if (err) {
        scratch_leave(i);
        lua_pushinteger(L, err);
        codec_push_error(job.codec, L);
        return 2;
    }
    for (int at = lua_gettop(L); at > 1 && !job.self.post_unordered; at--)
        job.self.post_unordered = lua_istable(L, at);
    err = post_bytes(fn, args->bytes, args->len);
    job.self.post_unordered = false;
    scratch_leave(i);
    lua_pushinteger(L, err);
    return 1;
}

/* The key of a post_once() at this index of the stack into scratch i. 0; -ENOMEM. */
static int
put_key(lua_State *L, int index, uint32_t i)
{
    size_t len;
    unsigned char *at = args_room(i, 1);
    if (!at)
        return -ENOMEM;
    *at = CODEC_KEY;
    (void)args_added(i, 1);
    if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, index, &len);
        return prn_args_string(i, text, len);
    }
    if (lua_type(L, index) == LUA_TBOOLEAN)
        return prn_args_boolean(i, lua_toboolean(L, index));
    double v = lua_tonumber(L, index);
    return prn_args_number(i, v == 0 ? 0 : v); /* -0 is 0, as in Lua */
}

/* core.post_once(fn, key, ...) -> 0 | -errno [, what is wrong with a value]. As core.post(). */
static int
l_post_once(lua_State *L)
{
    uint32_t fn = (uint32_t)luaL_checknumber(L, 1), i = scratch_enter();
    struct codec_buf *args = &scratch_of(i)->a;
    bool told = false;
    int err = may_post() ? put_key(L, 2, i) : -EPERM;
    if (!err) {
        err = binding_try_encode(L, 3, lua_gettop(L), "argument", args);
        told = err != 0;
    }
    if (!err) {
        for (int at = lua_gettop(L); at > 2 && !job.self.post_unordered; at--)
            job.self.post_unordered = lua_istable(L, at);
        err = post_keyed(fn, args->bytes, args->len);
        job.self.post_unordered = false;
    }
    scratch_leave(i);
    lua_pushinteger(L, err);
    if (told)
        codec_push_error(job.codec, L);
    return 1 + told;
}

/* core.encode(...) -> the bytes of these arguments. For tests. */
static int
l_encode(lua_State *L)
{
    uint32_t i = scratch_enter();
    const struct codec_buf *args = binding_encode(L, i, 1, lua_gettop(L), "argument");
    lua_pushlstring(L, (const char *)args->bytes, args->len);
    scratch_leave(i);
    return 1;
}

/* core.args(i) -> the bytes collected by the argument builder. For tests. */
static int
l_args(lua_State *L)
{
    uint32_t i = (uint32_t)luaL_checknumber(L, 1);
    const struct codec_buf *args = &scratch_of(i)->a;
    lua_pushlstring(L, (const char *)args->bytes, args->len);
    scratch_leave(i);
    return 1;
}

/* core.decode(bytes) -> the values, or raises. */
static int
l_decode(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    size_t key_len, key = codec_get_key((const unsigned char *)bytes, len, &key_len);
    int n = codec_decode(job.codec, L, (const unsigned char *)bytes + key, len - key);
    return n < 0 ? binding_fail_codec(L, "%s") : n;
}

/* core.post_bytes(fn, bytes) -> 0 | -errno: arguments encoded before, and decoded once
 * to see that they can be. */
static int
l_post_bytes(lua_State *L)
{
    size_t len;
    uint32_t fn = (uint32_t)luaL_checknumber(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, post_keyed(fn, bytes, len));
    return 1;
}

/* ---- the running task ---- */

/* 0; -EPERM: no task runs; -EBUSY: it holds a lock. */
static int
may_commit(void)
{
    if (job.stage != STAGE_TASK)
        return -EPERM;
    return section_any_held(&job.self) ? -EBUSY : 0;
}

/* core.commit(cursor) -> 0 | -errno; raises if the cursor cannot travel. */
static int
l_commit(lua_State *L)
{
    lua_settop(L, 1);
    int err = may_commit();
    uint32_t i = scratch_enter();
    struct codec_buf *cursor = &scratch_of(i)->a;
    if (!err && !lua_isnil(L, 1)) {
        (void)binding_encode(L, i, 1, 1, NULL);
        err = may_commit(); /* still */
    }
    if (!err) {
        (void)output_flush(OUTPUT_SO_FAR);
        uint32_t ready = job.self.staged_count;
        err = commit_checkpoint(&job.self, cursor->bytes, cursor->len);
        if (!err)
            idle_wake(&job.self, ready);
    }
    scratch_leave(i);
    lua_pushinteger(L, err);
    return 1;
}

/* core.cursor() -> what an earlier run of this task gave to commit(), or nil. Decodes a copy: a
 * finalizer may commit, which frees the block. */
static int
l_cursor(lua_State *L)
{
    struct self *self = &job.self;
    struct task *t = job_in_task() ? task_at(self->arena, self->slot->cur) : NULL;
    struct task_record *r = t ? task_record_of(self->arena, t) : NULL;
    if (!r || !r->cursor)
        return 0;
    struct task_cursor *c = (struct task_cursor *)block_at(self->arena, r->cursor)->bytes;
    uint32_t i = scratch_enter();
    const struct codec_buf *copy = &scratch_of(i)->a;
    int err = scratch_copy(i, c->text, c->bytes);
    int n = err ? 0 : codec_decode(job.codec, L, copy->bytes, copy->len);
    scratch_leave(i);
    if (err)
        return luaL_error(L, "%s", error_text(err));
    return n == 1 ? 1 : binding_fail_codec(L, "%s");
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
    uint32_t cur = job_in_task() ? job.self.slot->cur : 0;
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

/* core.task_loop_give_up(number): no loop for that function (task_loop.lua). */
static int
l_task_loop_give_up(lua_State *L)
{
    task_loop_give_up((uint32_t)luaL_checknumber(L, 1));
    return 0;
}

const luaL_Reg binding_task_functions[] = {
    {"post", l_post},
    {"post_once", l_post_once},
    {"post_bytes", l_post_bytes},
    {"encode", l_encode},
    {"args", l_args},
    {"decode", l_decode},
    {"commit", l_commit},
    {"cursor", l_cursor},
    {"task_loop_give_up", l_task_loop_give_up},
    {NULL, NULL},
};
