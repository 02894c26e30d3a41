/* What lua/prunner/dict.lua calls. A dict is given by the number of its name. Keys
 * are set first (prn_key_*), then the operation names the dict: few functions for
 * many combinations, all cheap. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "store/error_text.h"
#include "store/names.h"
#include "task/section.h"
#include "worker/error.h"

/* What the last operation has to say; read by Lua through FFI. */
struct prn_result {
    double number;
    const char *bytes;
    size_t len;
};
static struct prn_result result;

/* The bytes of a RESULT_OTHER, or of an update()'s old value. */
static struct dict_value last;

static unsigned char key_bytes[DICT_KEY_MAX + CODEC_SCALAR_MAX];
static struct dict_key key = {.bytes = key_bytes};

PRN_EXPORT struct prn_result *
prn_result(void)
{
    return &result;
}

static void
key_ready(size_t len)
{
    key.len = len;
    key.hash = hash_bytes(key_bytes, len);
}

/* 0; -ENAMETOOLONG: more than 32 KiB. */
PRN_EXPORT int
prn_key_string(const char *bytes, size_t len)
{
    if (len > DICT_KEY_MAX)
        return -ENAMETOOLONG;
    size_t head = codec_put_string_head(key_bytes, len);
    memcpy(key_bytes + head, bytes, len);
    key_ready(head + len);
    return 0;
}

PRN_EXPORT int
prn_key_number(double v)
{
    key_ready(codec_put_number(key_bytes, v == 0 ? 0 : v)); /* -0 is 0, as in Lua */
    return 0;
}

PRN_EXPORT int
prn_key_boolean(int v)
{
    key_ready(codec_put_boolean(key_bytes, v != 0));
    return 0;
}

static struct dict *
dict_of(uint32_t name)
{
    return arena_at(&job.arena, name_at(&job.arena, name)->object);
}

/* The value of the key: enum result_kind, or -errno. */
PRN_EXPORT int
prn_dict_get(uint32_t name)
{
    int err = section_get(&job.self, dict_of(name), &key, &last);
    if (err)
        return err;
    if (!last.present)
        return RESULT_NIL;
    if (last.is_number) {
        result.number = last.number;
        return RESULT_NUMBER;
    }
    const unsigned char *bytes;
    if (codec_get_string(last.bytes, last.len, &bytes, &result.len)) {
        result.bytes = (const char *)bytes;
        return RESULT_STRING;
    }
    return RESULT_OTHER;
}

static int
change(enum dict_op_kind kind, uint32_t name, const struct dict_value *v, size_t head)
{
    struct dict_op op = {.kind = kind, .dict = dict_of(name), .key = key, .head = head};
    struct dict_result r;
    if (v)
        op.value = *v;
    int err = section_change(&job.self, &op, &r);
    if (err)
        return err;
    result.number = r.number;
    return r.changed;
}

/* Each returns 1 (changed), 0 (not) or -errno. */
PRN_EXPORT int
prn_dict_number(int kind, uint32_t name, double v)
{
    struct dict_value value = {.present = true, .is_number = true, .number = v};
    return change((enum dict_op_kind)kind, name, &value, 0);
}

PRN_EXPORT int
prn_dict_string(int kind, uint32_t name, const char *bytes, size_t len)
{
    static struct codec_buf buf;
    if (len > CODEC_BYTES_MAX)
        return -EFBIG;
    if (len + CODEC_SCALAR_MAX > buf.cap) {
        unsigned char *grown = realloc(buf.bytes, 2 * len + CODEC_SCALAR_MAX);
        if (!grown)
            return -ENOMEM;
        buf.bytes = grown;
        buf.cap = 2 * len + CODEC_SCALAR_MAX;
    }
    size_t head = codec_put_string_head(buf.bytes, len);
    memcpy(buf.bytes + head, bytes, len);
    struct dict_value value = {.present = true, .bytes = buf.bytes, .len = head + len};
    return change((enum dict_op_kind)kind, name, &value, head);
}

PRN_EXPORT int
prn_dict_delete(uint32_t name)
{
    return change(DICT_DELETE, name, NULL, 0);
}

PRN_EXPORT double
prn_dict_len(uint32_t name)
{
    return (double)dict_len(dict_of(name));
}

/* A value for the dict: numbers stay numbers, everything else is encoded. false:
 * it cannot be, and codec_error() says why. */
static bool
value_at(lua_State *L, int index, struct codec_buf *keep, struct dict_value *out)
{
    *out = (struct dict_value){.present = !lua_isnil(L, index)};
    if (lua_type(L, index) == LUA_TNUMBER) {
        out->is_number = true;
        out->number = lua_tonumber(L, index);
    } else if (out->present) {
        keep->len = 0;
        if (codec_encode(job.codec, L, index, index, NULL, keep))
            return false;
        out->bytes = keep->bytes;
        out->len = keep->len;
    }
    return true;
}

static void
push_value(lua_State *L, const struct dict_value *v)
{
    if (!v->present) {
        lua_pushnil(L);
    } else if (v->is_number) {
        lua_pushnumber(L, v->number);
    } else if (codec_decode(job.codec, L, v->bytes, v->len) != 1) {
        luaL_error(L, "a value in the dict cannot be read: %s", codec_error(job.codec));
    }
}

/* core.dict_value() -> the value that prn_dict_get() called RESULT_OTHER */
static int
l_dict_value(lua_State *L)
{
    push_value(L, &last);
    return 1;
}

/* core.dict_change(kind, name, value [, old]) -> 1, 0 or -errno, new number. The
 * key was set before. Raises if a value cannot travel. */
static int
l_dict_change(lua_State *L)
{
    static struct codec_buf value, old;
    struct dict_op op = {
        .kind = (enum dict_op_kind)luaL_checkint(L, 1),
        .dict = dict_of((uint32_t)luaL_checknumber(L, 2)),
        .key = key,
    };
    struct dict_result r = {0};
    lua_settop(L, 4);
    if (!value_at(L, 3, &value, &op.value))
        return luaL_error(L, "%s", codec_error(job.codec));
    if (!value_at(L, 4, &old, &op.old))
        return luaL_error(L, "old %s", codec_error(job.codec));
    int err = section_change(&job.self, &op, &r);
    lua_pushinteger(L, err ? err : r.changed);
    lua_pushnumber(L, r.number);
    return 2;
}

/* Calls the function below the value at the top of the stack. What it does may be done again, so
 * it may not post, add or commit. What lua_pcall() says. */
static int
call_updater(lua_State *L)
{
    enum job_stage stage = job.stage, within = job.update_in;
    if (stage != STAGE_UPDATE)
        job.update_in = stage;
    job.stage = STAGE_UPDATE;
    int handler = lua_gettop(L) - 1;
    lua_pushcfunction(L, error_handler);
    lua_insert(L, handler);
    int err = lua_pcall(L, 1, 1, handler);
    lua_remove(L, handler);
    job.stage = stage;
    job.update_in = within;
    return err;
}

/* core.dict_update(name, fn) -> new value | nil, message. fn(old) runs outside any lock, and again
 * when another worker was faster. The key was set before. */
static int
l_dict_update(lua_State *L)
{
    struct dict *d = dict_of((uint32_t)luaL_checknumber(L, 1));
    /* fn may use dicts itself: everything of ours is in userdata of this call. */
    struct dict_key *k = lua_newuserdata(L, sizeof *k + key.len);
    *k = key;
    k->bytes = memcpy(k + 1, key_bytes, key.len);
    for (;;) {
        struct dict_value now;
        struct dict_result r;
        lua_settop(L, 3);
        int err = section_get(&job.self, d, k, &now);
        if (err)
            return binding_fail(L, err);
        size_t len = now.present && !now.is_number ? now.len : 0;
        void *old = lua_newuserdata(L, len + 1);
        if (len)
            memcpy(old, now.bytes, len);
        now.bytes = old;
        lua_pushvalue(L, 2);
        push_value(L, &now);
        err = call_updater(L);
        if (err)
            return error_rethrow(L);
        static struct codec_buf value;
        struct dict_op op = {.kind = DICT_CAS, .dict = d, .key = *k, .old = now, .update = true};
        if (!value_at(L, 5, &value, &op.value)) {
            lua_pushnil(L);
            lua_pushfstring(L, "new %s", codec_error(job.codec));
            return 2;
        }
        err = section_change(&job.self, &op, &r);
        if (err)
            return binding_fail(L, err);
        if (r.changed)
            return 1;
    }
}

/* What a snapshot of a shard copies. */
struct snapshot {
    struct codec_buf bytes;
    uint32_t n;
    bool full; /* no memory */
};

struct snapshot_entry {
    double number;
    uint32_t key_len, value_len;
    uint32_t is_number, pad;
};

static void
copy_entry(void *arg, const struct dict_entry *r)
{
    struct snapshot *s = arg;
    size_t n = sizeof(struct snapshot_entry) + r->key_len + r->value_len;
    n = (n + 7) / 8 * 8;
    if (s->bytes.len + n > s->bytes.cap) {
        size_t cap = (s->bytes.len + n) * 2;
        unsigned char *grown = realloc(s->bytes.bytes, cap);
        if (!grown) {
            s->full = true;
            return;
        }
        s->bytes.bytes = grown;
        s->bytes.cap = cap;
    }
    struct snapshot_entry *e = (struct snapshot_entry *)(s->bytes.bytes + s->bytes.len);
    *e = (struct snapshot_entry){r->number, r->key_len, r->value_len, r->is_number, 0};
    memcpy(e + 1, r->bytes, (size_t)r->key_len + r->value_len);
    s->bytes.len += n;
    s->n++;
}

/* core.dict_shard(name, i) -> list {key, value, key, value ...} of shard i (0..63),
 * and how many; nil when there is no such shard. */
static int
l_dict_shard(lua_State *L)
{
    static struct snapshot s;
    uint32_t shard = (uint32_t)luaL_checknumber(L, 2);
    if (shard >= DICT_SHARDS)
        return 0;
    s.bytes.len = 0;
    s.n = 0;
    s.full = false;
    int err = dict_tx_snapshot(&job.self, dict_of((uint32_t)luaL_checknumber(L, 1)), shard,
                               copy_entry, &s);
    if (err || s.full)
        return luaL_error(L, "each: %s", error_text(err ? err : -ENOMEM));
    lua_createtable(L, (int)s.n * 2, 0);
    const unsigned char *at = s.bytes.bytes;
    for (uint32_t i = 0; i < s.n; i++) {
        const struct snapshot_entry *e = (const struct snapshot_entry *)at;
        const unsigned char *bytes = (const unsigned char *)(e + 1);
        if (codec_decode(job.codec, L, bytes, e->key_len) != 1)
            return luaL_error(L, "each: a key cannot be read: %s", codec_error(job.codec));
        lua_rawseti(L, -2, (int)(2 * i + 1));
        struct dict_value v = {true, e->is_number, e->number, bytes + e->key_len,
                               e->value_len};
        push_value(L, &v);
        lua_rawseti(L, -2, (int)(2 * i + 2));
        at += (sizeof *e + e->key_len + e->value_len + 7) / 8 * 8;
    }
    lua_pushinteger(L, (lua_Integer)s.n);
    return 2;
}

const luaL_Reg binding_dict_functions[] = {
    {"dict_value", l_dict_value},
    {"dict_change", l_dict_change},
    {"dict_update", l_dict_update},
    {"dict_shard", l_dict_shard},
    {NULL, NULL},
};
