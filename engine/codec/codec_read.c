/* codec_read: the decoder. Its bytes may be anything.
 *
 * Why no count can make it allocate much: each list entry takes at least one
 * byte of its own and each pair two, wherever they are nested. So all counts
 * of one call together may not claim more than its bytes; `unclaimed` is what
 * is left, and a count beyond it is damage. */
#include "codec/codec_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Beyond these LuaJIT raises "table overflow". */
enum { LIST_MAX = 1 << 27,
       PAIRS_MAX = 1 << 26 };

/* What the values of one level need on the Lua stack, and how many values
 * outside of tables are made room for at once. */
enum { SLOTS_LEVEL = 6,
       SLOTS_AHEAD = 32 };

struct reader {
    struct codec *c;
    lua_State *L;
    const unsigned char *start, *p, *end;
    size_t unclaimed; /* see above */
    int refs;         /* stack index of the numbered tables; 0: none */
    uint32_t tables;  /* how many of them */
};

static int read_value(struct reader *r, int depth);

__attribute__((format(printf, 2, 3), cold)) static int
damaged(struct reader *r, const char *format, ...)
{
    struct codec *c = r->c;
    va_list args;
    int n = snprintf(c->error, sizeof c->error, "damaged bytes, at byte %zu: ",
                     (size_t)(r->p - r->start));

    va_start(args, format);
    vsnprintf(c->error + n, sizeof c->error - (size_t)n, format, args);
    va_end(args);
    return -EBADMSG;
}

static int
stack_full(struct reader *r)
{
    snprintf(r->c->error, sizeof r->c->error,
             "too many values for the Lua stack");
    return -E2BIG;
}

static inline size_t
left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

static int
take_varint(struct reader *r, uint32_t *out)
{
    size_t n = codec_get_varint(r->p, r->end, out);

    if (n == 0)
        return damaged(r, "no number, or it ends too early");
    r->p += n;
    return 0;
}

static int
take_count(struct reader *r, uint32_t *out, size_t bytes_each, uint32_t most)
{
    int err = take_varint(r, out);
    if (err)
        return err;
    size_t claim = (size_t)*out * bytes_each;
    if (*out == 0 || *out > most || claim > left(r) || claim > r->unclaimed)
        return damaged(r, "a count of %lu", (unsigned long)*out);
    r->unclaimed -= claim;
    return 0;
}

static int
read_string(struct reader *r)
{
    size_t len, head = codec_get_string_head(r->p, left(r), &len);

    if (head == 0)
        return damaged(r, "a string ends too early");
    lua_pushlstring(r->L, (const char *)r->p + head, len);
    r->p += head + len;
    return 0;
}

static int
read_function(struct reader *r)
{
    uint32_t id = 0;
    int err = take_varint(r, &id);

    if (!err && !codec_push_function(r->c, r->L, id))
        err = damaged(r, "function number %lu is not known here",
                      (unsigned long)id);
    return err;
}

/* Known under that number: a class, or a constant. */
static int
read_known(struct reader *r)
{
    lua_State *L = r->L;
    uint32_t id = 0;
    int err = take_varint(r, &id);
    if (err)
        return err;

    lua_rawgeti(L, LUA_REGISTRYINDEX, r->c->classes);
    lua_pushnumber(L, id);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_isnil(L, -1))
        err = damaged(r, "class number %lu is not known here",
                      (unsigned long)id);
    return err;
}

static int
read_class(struct reader *r)
{
    int err = read_known(r);
    if (!err && !lua_istable(r->L, -1))
        err = damaged(r, "a constant as a class");
    return err;
}

static int
read_cdata(struct reader *r, bool is_unsigned)
{
    if (left(r) < 8)
        return damaged(r, "a 64-bit integer ends too early");
    lua_rawgeti(r->L, LUA_REGISTRYINDEX, r->c->cell_read);
    lua_pushboolean(r->L, is_unsigned);
    lua_call(r->L, 1, 1);
    memcpy((void *)lua_topointer(r->L, -1), r->p, 8); /* new: nobody else has it */
    r->p += 8;
    return 0;
}

static int
read_ref(struct reader *r)
{
    uint32_t number = 0;
    int err = take_varint(r, &number);
    if (err)
        return err;
    if (!r->refs || number >= r->tables)
        return damaged(r, "no table has number %lu", (unsigned long)number);
    lua_rawgeti(r->L, r->refs, (int)number + 1);
    return 0;
}

/* The values of the keys 1..n, into the table on top. */
static int
read_list(struct reader *r, int table, uint32_t n, int depth)
{
    for (uint32_t i = 1; i <= n; i++) {
        if (r->p < r->end && *r->p == CODEC_NIL)
            return damaged(r, "nil in a table");
        int err = read_value(r, depth);
        if (err)
            return err;
        lua_rawseti(r->L, table, (int)i);
    }
    return 0;
}

/* A key that lua_rawset() takes: neither nil nor NaN. */
static int
read_key(struct reader *r, int depth)
{
    unsigned tag = r->p < r->end ? *r->p : CODEC_NIL;
    int err = tag == CODEC_NIL ? damaged(r, "no key") : read_value(r, depth);

    if (!err && tag == CODEC_DOUBLE &&
        lua_tonumber(r->L, -1) != lua_tonumber(r->L, -1))
        err = damaged(r, "not a number as a key");
    return err;
}

static int
read_pairs(struct reader *r, int table, uint32_t n, int depth)
{
    while (n--) {
        int err = read_key(r, depth);
        if (err)
            return err;
        if (r->p < r->end && *r->p == CODEC_NIL)
            return damaged(r, "nil in a table");
        err = read_value(r, depth);
        if (err)
            return err;
        lua_rawset(r->L, table);
    }
    return 0;
}

/* The table on top is the form of a handle: puts that in its place. `number`: the table's,
 * from 1. */
static int
make_handle(struct reader *r, uint32_t number)
{
    lua_rawgeti(r->L, LUA_REGISTRYINDEX, r->c->handle_of);
    lua_insert(r->L, -2);
    lua_call(r->L, 1, 1);
    if (lua_isnil(r->L, -1))
        return damaged(r, "no handle");
    if (r->refs) {
        lua_pushvalue(r->L, -1);
        lua_rawseti(r->L, r->refs, (int)number);
    }
    return 0;
}

/* The class is below the table on top: it becomes an object of that. */
static int
make_object(struct reader *r, uint32_t number)
{
    bool handle = codec_map_get(&r->c->handles, lua_topointer(r->L, -2));
    lua_insert(r->L, -2);
    lua_setmetatable(r->L, -2);
    return handle ? make_handle(r, number) : 0;
}

/* depth: how many tables this one is inside of. */
static int
read_table(struct reader *r, unsigned flags, int depth)
{
    lua_State *L = r->L;
    uint32_t listed = 0, paired = 0;
    int err = 0, table;

    if (depth >= CODEC_DEPTH_MAX)
        return damaged(r, "nested deeper than %d tables", CODEC_DEPTH_MAX);
    if (!lua_checkstack(L, SLOTS_LEVEL))
        return stack_full(r);
    if (flags & CODEC_HAS_CLASS)
        err = read_class(r);
    if (!err && (flags & CODEC_HAS_LIST))
        err = take_count(r, &listed, 1, LIST_MAX);
    if (!err && (flags & CODEC_HAS_PAIRS))
        err = take_count(r, &paired, 2, PAIRS_MAX);
    if (err)
        return err;

    lua_createtable(L, (int)listed, (int)paired);
    table = lua_gettop(L);
    if (r->refs) {
        lua_pushvalue(L, table);
        lua_rawseti(L, r->refs, (int)++r->tables);
    }
    uint32_t number = r->tables;
    err = read_list(r, table, listed, depth + 1);
    if (!err)
        err = read_pairs(r, table, paired, depth + 1);
    if (!err && (flags & CODEC_HAS_CLASS))
        err = make_object(r, number);
    return err;
}

/* A number in more than one byte; p is at its tag. */
static int
read_number(struct reader *r, unsigned tag)
{
    size_t len = tag == CODEC_U8 ? 2 : tag == CODEC_I16 ? 3
                                   : tag == CODEC_I32   ? 5
                                                        : 9;
    double v;

    if (left(r) < len || !codec_get_number(r->p, len, &v))
        return damaged(r, "a number ends too early");
    r->p += len;
    if (tag == CODEC_DOUBLE)
        lua_pushnumber(r->L, v); /* makes any NaN Lua's own */
    else
        lua_pushinteger(r->L, (lua_Integer)v);
    return 0;
}

/* A value that is not a number in more than one byte, no string and no table; p is behind its
 * tag. */
static int
read_other(struct reader *r, unsigned tag)
{
    switch (tag) {
    case CODEC_NIL:
        lua_pushnil(r->L);
        return 0;
    case CODEC_FALSE:
    case CODEC_TRUE:
        lua_pushboolean(r->L, tag == CODEC_TRUE);
        return 0;
    case CODEC_NULL:
        lua_pushlightuserdata(r->L, NULL);
        return 0;
    case CODEC_INT64:
    case CODEC_UINT64:
        return read_cdata(r, tag == CODEC_UINT64);
    case CODEC_FUNCTION:
        return read_function(r);
    case CODEC_CLASS:
        return read_known(r);
    case CODEC_REF:
        return read_ref(r);
    default:
        r->p--;
        return damaged(r, "no value begins with %02x", tag);
    }
}

/* Pushes one value, or fails with anything on the stack. The commonest first. */
static int
read_value(struct reader *r, int depth)
{
    if (r->p == r->end)
        return damaged(r, "they end too early");
    unsigned tag = *r->p;
    if (tag <= CODEC_INT_LAST || tag >= CODEC_NEG_FIRST) {
        r->p++;
        lua_pushinteger(r->L, (int8_t)tag);
        return 0;
    }
    if (tag <= CODEC_STR_LAST || (tag >= CODEC_STR8 && tag <= CODEC_STR32))
        return read_string(r);
    if (tag >= CODEC_U8 && tag <= CODEC_DOUBLE)
        return read_number(r, tag);
    r->p++;
    if (tag >= CODEC_TABLE && tag <= CODEC_TABLE + 7)
        return read_table(r, tag - CODEC_TABLE, depth);
    return read_other(r, tag);
}

/* From here on tables are numbered, from 0. The numbered ones stand below all
 * values, where codec_decode() takes them away at the end. */
static void
read_mark(struct reader *r, int base)
{
    r->p++;
    r->tables = 0;
    lua_newtable(r->L);
    if (r->refs) {
        lua_replace(r->L, r->refs);
        return;
    }
    r->refs = base + 1;
    lua_insert(r->L, r->refs);
}

int
codec_decode(struct codec *c, lua_State *L, const unsigned char *bytes,
             size_t len)
{
    struct reader r = {
        .c = c,
        .L = L,
        .start = bytes,
        .p = bytes,
        .end = len ? bytes + len : bytes,
        .unclaimed = len,
    };
    int count = 0, room = 0, err = 0, base = lua_gettop(L);

    while (r.p < r.end && !err) {
        if (room == 0) {
            room = SLOTS_AHEAD;
            if (!lua_checkstack(L, SLOTS_AHEAD + SLOTS_LEVEL)) {
                err = stack_full(&r);
                break;
            }
        }
        if (*r.p == CODEC_MARK) {
            read_mark(&r, base);
            continue;
        }
        err = read_value(&r, 0);
        count++;
        room--;
    }
    if (err) {
        lua_settop(L, base);
        return err;
    }
    if (r.refs)
        lua_remove(L, r.refs);
    return count;
}
