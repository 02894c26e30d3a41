/* What lua/prunner/dict.lua and the queues of manager.lua call. A dict is given by the number of
 * its name, a key as three arguments: the bytes of a string and their number; or no bytes, the
 * kind, and the number. Each operation is one call, its result a scratch's (scratch.h): in
 * between a finalizer may do others. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "store/error_text.h"
#include "store/names.h"
#include "task/section.h"
#include "worker/error.h"
#include "base/large.h"

/* A key, for one operation. It is filled and used where no Lua runs. */
static LARGE_BSS unsigned char key_bytes[DICT_KEY_MAX + CODEC_SCALAR_MAX];

static struct dict_key
key_of_length(size_t len)
{
    return (struct dict_key){key_bytes, len, hash_bytes(key_bytes, len)};
}

/* The key that Lua gives as (bytes, len, number). false: it is longer than 32 KiB. */
static bool
make_key(const char *bytes, size_t len, double number, struct dict_key *out)
{
    if (!bytes) {
        number = number == 0 ? 0 : number; /* -0 is 0, as in Lua */
        *out = key_of_length(len == KEY_NUMBER ? codec_put_number(key_bytes, number)
                                               : codec_put_boolean(key_bytes, number != 0));
        return true;
    }
    if (len > DICT_KEY_MAX)
        return false;
    size_t head = codec_put_string_head(key_bytes, len);
    memcpy(key_bytes + head, bytes, len);
    *out = key_of_length(head + len);
    return true;
}

/* The same of the Lua value at `index`, which is of one of these types. */
static bool
key_at(lua_State *L, int index, struct dict_key *out)
{
    size_t len;
    const char *bytes;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        return make_key(bytes, len, 0, out);
    case LUA_TNUMBER:
        return make_key(NULL, KEY_NUMBER, lua_tonumber(L, index), out);
    default:
        return make_key(NULL, KEY_BOOLEAN, lua_toboolean(L, index), out);
    }
}

static struct dict *
dict_of(uint32_t name)
{
    return arena_at(&job.arena, name_at(&job.arena, name)->object);
}

/* A value for Lua to read: scratch * RESULT_KINDS + its kind, or -errno. The copy that dict_get()
 * has made changes hands; anything else is copied. */
static int
hand_out(const struct dict_value *v)
{
    if (!v->present)
        return RESULT_NIL;
    uint32_t i = scratch_enter();
    int at = (int)i * RESULT_KINDS;
    if (v->is_number) {
        scratch.number[i] = v->number;
        return at + RESULT_NUMBER;
    }
    struct codec_buf *a = &scratch_of(i)->a;
    if (v->bytes == job.self.copy) {
        struct codec_buf mine = *a;
        *a = (struct codec_buf){(unsigned char *)job.self.copy, v->len, job.self.copy_room};
        job.self.copy = (char *)mine.bytes;
        job.self.copy_room = mine.cap;
    } else if (scratch_copy(i, v->bytes, v->len)) {
        scratch_leave(i);
        return -ENOMEM;
    }
    const unsigned char *bytes;
    size_t len;
    if (!codec_get_string(a->bytes, a->len, &bytes, &len))
        return at + RESULT_OTHER;
    scratch.bytes[i] = (const char *)bytes;
    scratch.length[i] = (uint32_t)len;
    return at + RESULT_STRING;
}

/* The value of the key. */
PRN_EXPORT int
prn_dict_get(uint32_t name, const char *bytes, size_t len, double number)
{
    struct dict_key key;
    struct dict_value v;
    if (!make_key(bytes, len, number, &key))
        return -ENAMETOOLONG;
    int err = section_get(&job.self, dict_of(name), &key, &v);
    return err ? err : hand_out(&v);
}

/* An update whose function runs. Private to the process. */
struct update {
    const struct dict *dict;
    const struct dict_key *key;
    bool touched;          /* this process has changed the key meanwhile */
    struct update *around; /* within whose function this one runs; NULL: none */
};

static struct update *updating; /* the innermost one */

static bool
is_of(const struct update *u, const struct dict_op *op)
{
    return u->dict == op->dict && u->key->hash == op->key.hash && u->key->len == op->key.len &&
           memcmp(u->key->bytes, op->key.bytes, op->key.len) == 0;
}

/* All changes of dicts go through here. 0 or -errno. */
static int
change_key(const struct dict_op *op, struct dict_result *r)
{
    for (struct update *u = updating; unlikely(u); u = u->around)
        u->touched |= is_of(u, op);
    return section_change(&job.self, op, r);
}

/* 1 (changed), 0 (not) or -errno. */
static int
change(const struct dict_op *op)
{
    struct dict_result r;
    int err = change_key(op, &r);
    return err ? err : r.changed;
}

/* Sets or adds a number, as change(). */
PRN_EXPORT int
prn_dict_number(int kind, uint32_t name, const char *bytes, size_t len, double number, double v)
{
    struct dict_op op = {
        .kind = (enum dict_op_kind)kind,
        .dict = dict_of(name),
        .value = {.present = true, .is_number = true, .number = v},
    };
    return make_key(bytes, len, number, &op.key) ? change(&op) : -ENAMETOOLONG;
}

/* The new number, as prn_dict_get(). */
PRN_EXPORT int
prn_dict_incr(uint32_t name, const char *bytes, size_t len, double number, double by)
{
    struct dict_op op = {
        .kind = DICT_INCR,
        .dict = dict_of(name),
        .value = {.present = true, .is_number = true, .number = by},
    };
    struct dict_result r;
    if (!make_key(bytes, len, number, &op.key))
        return -ENAMETOOLONG;
    int err = change_key(&op, &r);
    if (err)
        return err;
    return hand_out(&(struct dict_value){.present = true, .is_number = true, .number = r.number});
}

/* Sets, adds or appends a string, as change(). */
PRN_EXPORT int
prn_dict_string(int kind, uint32_t name, const char *bytes, size_t len, double number,
                const char *value, size_t value_len)
{
    static struct codec_buf buf; /* no Lua runs while it is used */
    struct dict_op op = {.kind = (enum dict_op_kind)kind, .dict = dict_of(name)};
    if (!make_key(bytes, len, number, &op.key))
        return -ENAMETOOLONG;
    if (value_len > CODEC_BYTES_MAX)
        return -EFBIG;
    if (!array_reserve(&buf.bytes, &buf.cap, value_len + CODEC_SCALAR_MAX, 1))
        return -ENOMEM;
    op.head = codec_put_string_head(buf.bytes, value_len);
    memcpy(buf.bytes + op.head, value, value_len);
    op.value = (struct dict_value){.present = true, .bytes = buf.bytes, .len = op.head + value_len};
    return change(&op);
}

/* As change(). */
PRN_EXPORT int
prn_dict_delete(uint32_t name, const char *bytes, size_t len, double number)
{
    struct dict_op op = {.kind = DICT_DELETE, .dict = dict_of(name)};
    return make_key(bytes, len, number, &op.key) ? change(&op) : -ENAMETOOLONG;
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
        if (binding_try_encode(L, index, index, NULL, keep))
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
        binding_fail_codec(L, "a value in the dict cannot be read: %s");
    }
}

/* Pushes the value in buffer a of a scratch and leaves that. */
static void
push_result(lua_State *L, uint32_t i)
{
    const struct codec_buf *a = &scratch_of(i)->a;
    struct dict_value v = {.present = true, .bytes = a->bytes, .len = a->len};
    push_value(L, &v);
    scratch_leave(i);
}

/* core.dict_value(i) -> the value that prn_dict_get() called RESULT_OTHER, in scratch i */
static int
l_dict_value(lua_State *L)
{
    push_result(L, (uint32_t)luaL_checknumber(L, 1));
    return 1;
}

/* core.dict_change(kind, name, key, value [, old]) -> 1, 0 or -errno. Raises if a value cannot
 * travel. */
static int
l_dict_change(lua_State *L)
{
    struct dict_op op = {
        .kind = (enum dict_op_kind)luaL_checkint(L, 1),
        .dict = dict_of((uint32_t)luaL_checknumber(L, 2)),
    };
    lua_settop(L, 5);
    uint32_t i = scratch_enter();
    struct scratch *s = scratch_of(i);
    bool old_ok = true, ok = value_at(L, 4, &s->a, &op.value) &&
                             (old_ok = value_at(L, 5, &s->b, &op.old));
    /* No Lua from here on. */
    int result = !ok ? 0 : key_at(L, 3, &op.key) ? change(&op)
                                                 : -ENAMETOOLONG;
    scratch_leave(i);
    if (!ok)
        return binding_fail_codec(L, old_ok ? "%s" : "old %s");
    lua_pushinteger(L, result);
    return 1;
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

/* The key at `index` and its bytes as a userdata, which is pushed. false: too long. */
static bool
push_key(lua_State *L, int index, struct dict_key **out)
{
    struct dict_key key;
    if (!key_at(L, index, &key))
        return false;
    struct dict_key *k = lua_newuserdata(L, sizeof *k + key.len); /* the collector may run ... */
    (void)key_at(L, index, &key);                                 /* ... and use key_bytes */
    *k = key;
    k->bytes = memcpy(k + 1, key_bytes, key.len);
    *out = k;
    return true;
}

/* The present value of the key; its bytes in a userdata, which is pushed. */
static int
push_old(lua_State *L, struct dict *d, const struct dict_key *k, struct dict_value *now)
{
    int err = section_get(&job.self, d, k, now);
    if (err)
        return err;
    uint32_t i = scratch_enter(); /* until they are where they stay */
    struct scratch *s = scratch_of(i);
    size_t len = now->present && !now->is_number ? now->len : 0;
    err = scratch_copy(i, now->bytes, len);
    if (!err) {
        void *old = lua_newuserdata(L, len + 1);
        now->bytes = memcpy(old, s->a.bytes, len);
    }
    scratch_leave(i);
    return err;
}

/* Stores the new value, at the top, if the old one is still there. 1, 0, -errno; or pushes what
 * is wrong with it and returns -EINVAL. */
static int
store_new(lua_State *L, struct dict *d, const struct dict_key *k, const struct dict_value *old)
{
    struct dict_op op = {.kind = DICT_CAS, .dict = d, .key = *k, .old = *old, .update = true};
    uint32_t i = scratch_enter();
    bool ok = value_at(L, lua_gettop(L), &scratch_of(i)->a, &op.value);
    int result = ok ? change(&op) : -EINVAL;
    scratch_leave(i);
    if (!ok) {
        binding_push_codec(L, "new %s");
    }
    return result;
}

/* So often in a row the function has changed the key itself: it does so in each run. A finalizer
 * that ran within it may have done so once. */
enum { TOUCHES_MAX = 100 };

/* core.dict_update(name, key, fn) -> new value | nil, message. fn(old) runs outside any lock, and
 * again when another worker was faster. */
static int
l_dict_update(lua_State *L)
{
    struct dict *d = dict_of((uint32_t)luaL_checknumber(L, 1));
    struct dict_key *k;
    int touches = 0;
    lua_settop(L, 3);
    if (!push_key(L, 2, &k)) /* at 4: everything of ours is in userdata of this call */
        return binding_fail(L, -ENAMETOOLONG);
    for (;;) {
        struct dict_value now;
        lua_settop(L, 4);
        int err = push_old(L, d, k, &now); /* at 5 */
        if (err)
            return binding_fail(L, err);
        lua_pushvalue(L, 3);
        push_value(L, &now);
        struct update u = {.dict = d, .key = k, .around = updating};
        updating = &u;
        err = call_updater(L);
        updating = u.around;
        if (err)
            return error_rethrow(L);
        int stored = store_new(L, d, k, &now); /* it is at 6 */
        if (stored == 1)
            return 1;
        if (lua_gettop(L) > 6) {
            lua_pushnil(L);
            lua_insert(L, -2);
            return 2;
        }
        if (stored < 0)
            return binding_fail(L, stored);
        touches = u.touched ? touches + 1 : 0;
        if (touches == TOUCHES_MAX) {
            lua_pushnil(L);
            lua_pushliteral(L, "its function changes the key itself, each time");
            return 2;
        }
    }
}

/* ---- all entries ---- */

/* What a snapshot of a shard copies. */
struct snapshot {
    struct codec_buf *to;
    uint32_t n;
    bool full; /* no memory */
};

struct snapshot_entry {
    double number;
    uint32_t key_len, value_len;
    uint32_t is_number, pad;
};

static size_t
bytes_of_entry(size_t key_len, size_t value_len)
{
    return (sizeof(struct snapshot_entry) + key_len + value_len + 7) / 8 * 8;
}

static void
copy_entry(void *arg, const struct dict_entry *r)
{
    struct snapshot *s = arg;
    size_t value_len = dict_entry_value_bytes(r), n = bytes_of_entry(r->key_len, value_len);
    if (!array_reserve(&s->to->bytes, &s->to->cap, s->to->len + n, 1)) {
        s->full = true;
        return;
    }
    struct snapshot_entry *e = (struct snapshot_entry *)(s->to->bytes + s->to->len);
    *e = (struct snapshot_entry){r->number, r->key_len, (uint32_t)value_len,
                                 r->kind == ENTRY_NUMBER, 0};
    memcpy(e + 1, r->bytes, r->key_len);
    if (value_len)
        dict_entry_copy_value(r, (char *)(e + 1) + r->key_len);
    s->to->len += n;
    s->n++;
}

/* Puts n entries into the list at the top. */
static void
fill_list(lua_State *L, const unsigned char *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct snapshot_entry *e = (const struct snapshot_entry *)at;
        const unsigned char *bytes = (const unsigned char *)(e + 1);
        if (codec_decode(job.codec, L, bytes, e->key_len) != 1)
            binding_fail_codec(L, "each: a key cannot be read: %s");
        lua_rawseti(L, -2, (int)(2 * i + 1));
        struct dict_value v = {true, e->is_number, e->number, bytes + e->key_len,
                               e->value_len};
        push_value(L, &v);
        lua_rawseti(L, -2, (int)(2 * i + 2));
        at += bytes_of_entry(e->key_len, e->value_len);
    }
}

/* core.dict_shard(name, i) -> list {key, value, key, value ...} of shard i (0..63),
 * and how many; nil when there is no such shard. */
static int
l_dict_shard(lua_State *L)
{
    struct dict *d = dict_of((uint32_t)luaL_checknumber(L, 1));
    uint32_t shard = (uint32_t)luaL_checknumber(L, 2);
    if (shard >= DICT_SHARDS)
        return 0;
    uint32_t i = scratch_enter();
    struct snapshot s = {.to = &scratch_of(i)->a};
    int err = dict_tx_snapshot(&job.self, d, shard, copy_entry, &s);
    if (!err && s.full)
        err = -ENOMEM;
    if (!err) {
        lua_createtable(L, (int)s.n * 2, 0);
        fill_list(L, s.to->bytes, s.n);
    }
    scratch_leave(i);
    if (err)
        return luaL_error(L, "each: %s", error_text(err));
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
