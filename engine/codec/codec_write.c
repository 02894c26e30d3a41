/* codec_write: the encoder.
 *
 * Plain recursion, at most CODEC_DEPTH_MAX deep. Where a failure happened is
 * found out on the way back, when each level adds the key it was at: success
 * pays nothing for it. buf->len is set at the very end only, so a longjmp out
 * of here leaves the caller's buffer as it was. */
#include "codec/codec_priv.h"

#include <errno.h>
#include <string.h>

struct writer {
    struct codec *c;
    lua_State *L;
    struct codec_buf *buf;
    size_t start;    /* buf->len when the call began */
    size_t pos;      /* where the next byte goes */
    uint32_t tables; /* tables written so far */
    bool shared;     /* one of them was met again */
    struct codec_problem problem;
};

/* What a table begins with. */
struct head {
    uint32_t class_id, listed, paired;
};

#define fail(w, ...) codec_problem_is(&(w)->problem, __VA_ARGS__)

static int write_other(struct writer *w, int index, int depth, int type);
static int write_table(struct writer *w, int table, int depth);

/* --- Bytes. */

/* Room for n more bytes. */
static int
need_more(struct writer *w, size_t n)
{
    struct codec_buf *buf = w->buf;
    size_t used = w->pos - w->start, cap = buf->cap < 256 ? 256 : buf->cap;

    if (n > CODEC_BYTES_MAX || used > CODEC_BYTES_MAX - n)
        return fail(w, -EFBIG, "encoded this takes more than %zu MiB",
                    CODEC_BYTES_MAX >> 20);
    while (cap - w->pos < n)
        cap *= 2;
    unsigned char *bytes = realloc(buf->bytes, cap);
    if (!bytes)
        return fail(w, -ENOMEM, "not enough memory to encode it");
    buf->bytes = bytes;
    buf->cap = cap;
    return 0;
}

static inline int
need(struct writer *w, size_t n)
{
    if (LIKELY(w->buf->cap - w->pos >= n))
        return 0;
    return need_more(w, n);
}

static inline unsigned char *
at(struct writer *w)
{
    return w->buf->bytes + w->pos;
}

/* A tag that is followed by a number. */
static int
write_numbered(struct writer *w, enum codec_tag tag, uint32_t number)
{
    int err = need(w, 6);
    if (err)
        return err;
    at(w)[0] = (unsigned char)tag;
    w->pos += 1 + codec_put_varint(at(w) + 1, number);
    return 0;
}

/* The head of a table, for which `reserved` bytes were left free at `where`.
 * Its counts are known only when its contents are written; where the guess was
 * wrong, these move a little. */
static int
write_head(struct writer *w, size_t where, size_t reserved,
           const struct head *h)
{
    unsigned char bytes[1 + 3 * 5];
    size_t len = 1;

    bytes[0] = CODEC_TABLE;
    if (h->class_id) {
        bytes[0] += CODEC_HAS_CLASS;
        len += codec_put_varint(bytes + len, h->class_id);
    }
    if (h->listed) {
        bytes[0] += CODEC_HAS_LIST;
        len += codec_put_varint(bytes + len, h->listed);
    }
    if (h->paired) {
        bytes[0] += CODEC_HAS_PAIRS;
        len += codec_put_varint(bytes + len, h->paired);
    }
    int err = need(w, len);
    if (err)
        return err;

    unsigned char *p = w->buf->bytes + where;
    if (len != reserved)
        memmove(p + len, p + reserved, w->pos - where - reserved);
    memcpy(p, bytes, len);
    w->pos += len - reserved;
    return 0;
}

/* --- Values. */

static int
write_string(struct writer *w, int index)
{
    size_t len;
    const char *s = lua_tolstring(w->L, index, &len);
    if (len > CODEC_BYTES_MAX)
        return need_more(w, len);
    int err = need(w, 10 + len);
    if (err)
        return err;

    w->pos += codec_put_string_head(at(w), len);
    memcpy(at(w), s, len);
    w->pos += len;
    return 0;
}

static int
write_function(struct writer *w, int index)
{
    lua_State *L = w->L;
    lua_Debug info;
    uint32_t id = codec_function_id(w->c, L, index);

    if (id)
        return write_numbered(w, CODEC_FUNCTION, id);
    if (!lua_checkstack(L, 2))
        return fail(w, -E2BIG, "the Lua stack is full");
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &info);
    if (info.what[0] == 'C')
        return fail(w, -EINVAL,
                    "a function written in C was not known before the workers "
                    "started: name it with prunner.task");
    return fail(w, -EINVAL,
                "function defined at %s:%d was not known before the workers "
                "started: define it at the top level of the script or name it "
                "with prunner.task",
                info.short_src, info.linedefined);
}

/* What travels only if it is known. */
static int
write_constant(struct writer *w, int index, const char *what)
{
    const void *at = lua_topointer(w->L, index);
    bool light = lua_islightuserdata(w->L, index);
    uint32_t id = codec_map_get(light ? &w->c->light_ids : &w->c->class_ids, at);
    if (id)
        return write_numbered(w, CODEC_CLASS, id);
    return fail(w, -EINVAL, "a %s cannot be sent to another process", what);
}

/* NULL is the same everywhere: libraries use it for a nil inside of tables. */
static int
write_light(struct writer *w, int index)
{
    if (lua_touserdata(w->L, index))
        return write_constant(w, index,
                              "light userdata other than NULL");
    int err = need(w, 1);
    if (!err)
        at(w)[0] = CODEC_NULL;
    w->pos += !err;
    return err;
}

/* Calls the helper with the value at the top: it leaves a type (or nil) and a copy. The one place
 * where Lua runs while a value is being written: a finalizer or a debug hook may encode something
 * itself, so the tables that were met are taken aside. */
static void
call_write(struct writer *w)
{
    struct codec_map mine = w->c->seen;

    w->c->seen = (struct codec_map){0};
    int status = lua_pcall(w->L, 1, 2, 0);
    codec_map_free(&w->c->seen);
    w->c->seen = mine;
    if (status)
        lua_error(w->L);
}

static int
write_cdata(struct writer *w, int index, int depth)
{
    lua_State *L = w->L;

    if (!lua_checkstack(L, 4))
        return fail(w, -E2BIG, "the Lua stack is full");
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->c->cell_write);
    lua_pushvalue(L, index);
    call_write(w);
    int kind = (int)lua_tointeger(L, -2), err = need(w, 9);
    if (kind == 3 && !err) {
        err = write_table(w, lua_gettop(L), depth);
    } else if (kind && !err) {
        at(w)[0] = kind == 1 ? CODEC_INT64 : CODEC_UINT64;
        memcpy(at(w) + 1, lua_topointer(L, -1), 8);
        w->pos += 9;
    }
    lua_pop(L, 2);
    if (kind == 0)
        return write_constant(w, index, "cdata other than int64_t and uint64_t");
    return err;
}

/* Inline, with the two most common types first. */
static inline int
write_value(struct writer *w, int index, int depth)
{
    int type = lua_type(w->L, index);

    if (type == LUA_TSTRING)
        return write_string(w, index);
    if (type != LUA_TNUMBER)
        return write_other(w, index, depth, type);
    int err = need(w, CODEC_SCALAR_MAX);
    if (!err)
        w->pos += codec_put_number(at(w), lua_tonumber(w->L, index));
    return err;
}

/* Key and value, on top of the stack, are the next of the table. Writes values
 * as long as the keys are 1, 2, 3, ..., pops them, and leaves the first other
 * key with its value. *more: there is one. */
static int
write_list(struct writer *w, int table, int depth, uint32_t *n, bool *more)
{
    lua_State *L = w->L;
    int key = lua_gettop(L) - 1;

    do {
        int err = write_value(w, key + 1, depth);
        if (err)
            return codec_problem_at_value(&w->problem, L, key, err);
        ++*n;
        lua_pop(L, 1);
        *more = lua_next(L, table) != 0;
    } while (*more && lua_type(L, key) == LUA_TNUMBER &&
             lua_tonumber(L, key) == *n + 1.0);
    return 0;
}

/* The same for all the rest of the table. Leaves nothing. */
static int
write_pairs(struct writer *w, int table, int depth, uint32_t *n)
{
    lua_State *L = w->L;
    int key = lua_gettop(L) - 1;

    do {
        int err = write_value(w, key, depth);
        if (err)
            return codec_problem_at_key(&w->problem, err);
        err = write_value(w, key + 1, depth);
        if (err)
            return codec_problem_at_value(&w->problem, L, key, err);
        ++*n;
        lua_pop(L, 1);
    } while (lua_next(L, table));
    return 0;
}

/* *id: the number of the table's class, or 0 if it is a plain table. */
static int
class_of(struct writer *w, int table, uint32_t *id)
{
    lua_State *L = w->L;

    *id = 0;
    if (!lua_getmetatable(L, table))
        return 0;
    *id = codec_map_get(&w->c->class_ids, lua_topointer(L, -1));
    lua_pop(L, 1);
    if (*id == 0)
        return fail(w, -EINVAL,
                    "a table whose metatable was not known before the workers "
                    "started cannot be sent; define its class at the top of "
                    "the script");
    return 0;
}

static int
write_contents(struct writer *w, int table, int depth, uint32_t class_id)
{
    lua_State *L = w->L;
    struct head h = {.class_id = class_id};
    size_t head_at = w->pos, reserved = 2; /* most have one short count */
    bool more;
    int err = need(w, reserved);
    if (err)
        return err;

    w->pos += reserved;
    lua_pushnil(L);
    more = lua_next(L, table) != 0;
    if (more && lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == 1) {
        err = write_list(w, table, depth, &h.listed, &more);
        if (err)
            return err;
    }
    if (more) {
        err = write_pairs(w, table, depth, &h.paired);
        if (err)
            return err;
    }
    return write_head(w, head_at, reserved, &h);
}

/* depth: how many tables this one is inside of. */
static int
write_table(struct writer *w, int table, int depth)
{
    struct codec *c = w->c;
    const void *self = lua_topointer(w->L, table);
    uint32_t id = codec_map_get(&c->class_ids, self);
    int err;

    if (id)
        return write_numbered(w, CODEC_CLASS, id);
    if (w->tables == 0)
        codec_map_reset(&c->seen);
    id = codec_map_get(&c->seen, self);
    if (id) {
        w->shared = true;
        return write_numbered(w, CODEC_REF, id - 1);
    }
    if (depth == CODEC_DEPTH_MAX)
        return fail(w, -ELOOP, "nested deeper than %d tables", CODEC_DEPTH_MAX);
    if (!lua_checkstack(w->L, 4))
        return fail(w, -E2BIG, "the Lua stack is full");
    if (codec_map_put(&c->seen, self, ++w->tables))
        return fail(w, -ENOMEM, "not enough memory to encode it");
    err = class_of(w, table, &id);
    if (err)
        return err;
    return write_contents(w, table, depth + 1, id);
}

/* What is neither number nor string. */
static int
write_other(struct writer *w, int index, int depth, int type)
{
    int err;

    switch (type) {
    case LUA_TTABLE:
        return write_table(w, index, depth);
    case LUA_TFUNCTION:
        return write_function(w, index);
    case LUA_TYPE_CDATA:
        return write_cdata(w, index, depth);
    case LUA_TBOOLEAN:
    case LUA_TNIL:
        err = need(w, 1);
        if (err)
            return err;
        if (type == LUA_TNIL)
            w->pos += codec_put_nil(at(w));
        else
            w->pos += codec_put_boolean(at(w), lua_toboolean(w->L, index));
        return 0;
    case LUA_TLIGHTUSERDATA:
        return write_light(w, index);
    default:
        return write_constant(w, index, lua_typename(w->L, type));
    }
}

/* The whole call gets a mark in front if a table was met twice, so that other
 * readers need not remember any. */
static int
write_mark(struct writer *w)
{
    int err = need(w, 1);
    if (err)
        return err;
    unsigned char *p = w->buf->bytes + w->start;
    memmove(p + 1, p, w->pos - w->start);
    p[0] = CODEC_MARK;
    w->pos++;
    return 0;
}

int
codec_encode(struct codec *c, lua_State *L, int first, int last,
             const char *what, struct codec_buf *buf)
{
    struct writer w;
    int i = first, err = 0, top = lua_gettop(L);

    w.c = c;
    w.L = L;
    w.buf = buf;
    w.start = w.pos = buf->len;
    w.tables = 0;
    w.shared = false;
    codec_problem_clear(&w.problem);

    for (; i <= last && !err; i++)
        err = write_value(&w, i, 0);
    if (!err && w.shared)
        err = write_mark(&w);
    if (!err && w.pos - w.start > CODEC_BYTES_MAX)
        err = need_more(&w, 0);
    if (err) {
        lua_settop(L, top);
        codec_problem_explain(&w.problem, c, err, what, i - first);
        return err;
    }
    buf->len = w.pos;
    return 0;
}
