/* What lua/prunner/manager.lua calls: queues. A queue is a dict, with a lock of its own: the values
 * that wait have the numbers from "head" to below "tail" as keys. Putting and taking are lock
 * sections, each within one call: no Lua runs in the middle of one. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/hash.h"
#include "base/parent_death.h"
#include "lua/getters.h"
#include "store/error_text.h"
#include "store/names.h"
#include "task/record.h"
#include "task/section.h"

struct queue_key {
    unsigned char bytes[CODEC_SCALAR_MAX + sizeof "head"];
    struct dict_key k;
};

static const struct dict_key *
key_of_length(struct queue_key *key, size_t len)
{
    key->k = (struct dict_key){key->bytes, len, hash_bytes(key->bytes, len)};
    return &key->k;
}

static const struct dict_key *
end_key(struct queue_key *key, const char *name)
{
    size_t len = strlen(name), head = codec_put_string_head(key->bytes, len);
    memcpy(key->bytes + head, name, len);
    return key_of_length(key, head + len);
}

static const struct dict_key *
place_key(struct queue_key *key, double place)
{
    return key_of_length(key, codec_put_number(key->bytes, place));
}

/* Where the queue begins or ends. */
static int
get_end(struct dict *d, const char *name, double *place)
{
    struct queue_key key;
    struct dict_value v;
    int err = section_get(&job.self, d, end_key(&key, name), &v);
    if (!err)
        *place = v.present && v.is_number ? v.number : 0;
    return err;
}

static int
set(struct dict *d, const struct dict_key *k, const struct dict_value *v)
{
    struct dict_op op = {.kind = v ? DICT_SET : DICT_DELETE, .dict = d, .key = *k};
    struct dict_result r;
    if (v)
        op.value = *v;
    return section_change(&job.self, &op, &r);
}

static int
set_end(struct dict *d, const char *name, double place)
{
    struct queue_key key;
    struct dict_value v = {.present = true, .is_number = true, .number = place};
    return set(d, end_key(&key, name), &v);
}

/* Under the lock. */
static int
put(struct dict *d, const struct dict_value *v)
{
    struct queue_key key;
    double tail;
    int err = get_end(d, "tail", &tail);
    if (!err)
        err = set(d, place_key(&key, tail), v);
    return err ? err : set_end(d, "tail", tail + 1);
}

/* Under the lock. The value goes to scratch i, numbers are in *v; absent: the queue is empty. */
static int
take(struct dict *d, uint32_t i, struct dict_value *v)
{
    struct queue_key key;
    double head, tail = 0;
    v->present = false;
    int err = get_end(d, "head", &head);
    if (!err)
        err = get_end(d, "tail", &tail);
    if (err || head >= tail)
        return err;
    err = section_get(&job.self, d, place_key(&key, head), v);
    if (!err && v->present && !v->is_number) {
        err = scratch_copy(i, v->bytes, v->len);
        v->bytes = scratch_of(i)->a.bytes;
    }
    if (!err)
        err = set(d, &key.k, NULL);
    return err ? err : set_end(d, "head", head + 1);
}

/* The queue that the first two arguments name, its lock taken. 0 or -errno. */
static int
enter(lua_State *L, struct dict **d, uint32_t **lock)
{
    if (job.stage == STAGE_UPDATE)
        return -EPERM; /* it would be done by each run of the function */
    *d = arena_at(&job.arena, name_at(&job.arena, (uint32_t)luaL_checknumber(L, 1))->object);
    *lock = &name_at(&job.arena, (uint32_t)luaL_checknumber(L, 2))->lock;
    return section_lock(&job.self, *lock, -1);
}

static int
leave(uint32_t *lock, int err)
{
    int lost = section_unlock(&job.self, lock, !err);
    return err ? err : lost;
}

/* core.queue_put(dict, lock, value) -> 0 or -errno; raises if the value cannot travel. */
static int
l_queue_put(lua_State *L)
{
    struct dict *d;
    uint32_t *lock, i = scratch_enter();
    struct dict_value v = {.present = true, .is_number = lua_type(L, 3) == LUA_TNUMBER};
    if (v.is_number) {
        v.number = lua_tonumber(L, 3);
    } else {
        const struct codec_buf *b = binding_encode(L, i, 3, 3, NULL);
        v.bytes = b->bytes;
        v.len = b->len;
    }
    int err = enter(L, &d, &lock);
    if (!err)
        err = leave(lock, put(d, &v));
    scratch_leave(i);
    lua_pushinteger(L, err);
    return 1;
}

/* Of a dict, past the section: nothing is noted. */
static bool
seems_empty(struct self *self, struct dict *d)
{
    struct queue_key key;
    struct dict_value head = {0}, tail = {0};
    (void)dict_get(self, d, end_key(&key, "head"), &head);
    double from = head.present && head.is_number ? head.number : 0;
    (void)dict_get(self, d, end_key(&key, "tail"), &tail);
    return from >= (tail.present && tail.is_number ? tail.number : 0);
}

/* core.queue_take(dict, lock, last) -> 0, value or nothing | -errno. The journal gets an entry also
 * for nothing, but not if the caller tries again (`last` is false). */
static int
l_queue_take(lua_State *L)
{
    struct dict *d;
    struct dict_value v = {0};
    uint32_t *lock, i = scratch_enter();
    bool peeks = !lua_toboolean(L, 3) && !section_any_held(&job.self);
    int err = enter(L, &d, &lock), n = 0;
    if (!err)
        err = leave(lock, peeks && seems_empty(&job.self, d) ? 0 : take(d, i, &v));
    lua_pushinteger(L, err);
    if (!err && v.present && v.is_number) {
        lua_pushnumber(L, v.number);
        n = 1;
    } else if (!err && v.present) {
        n = codec_decode(job.codec, L, v.bytes, v.len);
    }
    scratch_leave(i);
    return n < 0 ? binding_fail_codec(L, "%s") : 1 + n;
}

static struct dict *
check_dict(lua_State *L, int index)
{
    return arena_at(&job.arena, name_at(&job.arena, (uint32_t)luaL_checknumber(L, index))->object);
}

double
queue_length(struct dict *d)
{
    double head = 0, tail = 0;
    (void)get_end(d, "head", &head);
    (void)get_end(d, "tail", &tail);
    return tail - head;
}

/* core.queue_len(dict) -> how many values wait */
static int
l_queue_len(lua_State *L)
{
    lua_pushnumber(L, queue_length(check_dict(L, 1)));
    return 1;
}

/* core.queue_look(dict) -> QUEUE.x, without the lock: nothing is noted of it in the journal */
static int
l_queue_look(lua_State *L)
{
    struct dict *d = check_dict(L, 1);
    int found = QUEUE_EMPTY;
    if (job.stage == STAGE_UPDATE || section_any_held(&job.self))
        found = QUEUE_TRY;
    else if (job.self.journaling && journal_peek(&job.self))
        found = QUEUE_REPEAT;
    else if (getters_free(d) > 0)
        found = QUEUE_TRY;
    lua_pushinteger(L, found);
    return 1;
}

/* ---- waiting for a value ---- */

/* core.getter() -> for core.queue_wait() */
static int
l_getter(lua_State *L)
{
    struct getter *g = lua_newuserdata(L, sizeof *g);
    *g = (struct getter){0};
    return 1;
}

static struct getter *
check_getter(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TUSERDATA);
    luaL_argcheck(L, lua_objlen(L, 1) == sizeof(struct getter), 1, "no getter");
    return lua_touserdata(L, 1);
}

/* core.queue_wait(getter, dict, seconds) -> true: look again | false: the time is over | nil, why
 * no other task can run here, false | nil, message, true: to be raised. Then queue_waited(getter),
 * and until then the caller keeps it. */
static int
l_queue_wait(lua_State *L)
{
    lua_settop(L, 3);
    struct getter *g = check_getter(L);
    struct dict *d = check_dict(L, 2);
    if (!fiber_can_wait(L))
        return binding_cannot_wait(L);
    int err = getters_wait(g, d, binding_due(L, 3), binding_waits_for(WAIT_QUEUE));
    if (err < 0) {
        lua_pushnil(L);
        lua_pushstring(L, error_text(err));
        lua_pushboolean(L, true);
        return 3;
    }
    if (!err)
        return lua_yield(L, 0);
    lua_pushboolean(L, true);
    return 1;
}

/* core.queue_waited(getter) */
static int
l_queue_waited(lua_State *L)
{
    getters_forget(check_getter(L));
    return 0;
}

PRN_EXPORT uint32_t
prn_queue_event(void)
{
    return atom_load(&job.arena.header->queue_event);
}

/* Something was put: those who wait must look. */
PRN_EXPORT void
prn_queue_bump(void)
{
    getters_call();
}

/* Sleeps until the event is no longer `seen`, at most a tenth of a second. */
PRN_EXPORT void
prn_queue_wait(uint32_t seen, double seconds)
{
    double most = seconds < 0.1 ? seconds : 0.1;
    struct timespec t = {0, (long)(most * 1e9)};
    parent_death_renew(); /* the task may have become another user */
    futex_wait(&job.arena.header->queue_event, seen, &t);
}

/* Seconds on a clock that only goes forward. */
PRN_EXPORT double
prn_now(void)
{
    return (double)clock_ns() / 1e9;
}

const luaL_Reg binding_manager_functions[] = {
    {"queue_put", l_queue_put},
    {"queue_take", l_queue_take},
    {"queue_len", l_queue_len},
    {"queue_look", l_queue_look},
    {"getter", l_getter},
    {"queue_wait", l_queue_wait},
    {"queue_waited", l_queue_waited},
    {NULL, NULL},
};
