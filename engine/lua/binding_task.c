/* What lua/prunner/task.lua and task_loop.lua call: posting, and the running task. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>

#include "memory/block.h"
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

/* core.encode(...) -> the bytes of these arguments. For tests. */
static int
l_encode(lua_State *L)
{
    args.len = 0;
    if (codec_encode(job.codec, L, 1, lua_gettop(L), "argument", &args))
        return luaL_error(L, "%s", codec_error(job.codec));
    lua_pushlstring(L, (const char *)args.bytes, args.len);
    return 1;
}

/* core.args() -> the bytes collected by the argument builder. For tests. */
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

/* ---- the running task ---- */

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
    struct task *t = job_in_task() ? task_at(self->arena, self->slot->cur) : NULL;
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
    {"post_bytes", l_post_bytes},
    {"encode", l_encode},
    {"args", l_args},
    {"decode", l_decode},
    {"commit", l_commit},
    {"cursor", l_cursor},
    {"task_loop_give_up", l_task_loop_give_up},
    {NULL, NULL},
};
