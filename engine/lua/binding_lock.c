/* What lua/prunner/share.lua calls: names, locks, accumulators. */
#define _GNU_SOURCE
#include "lua/binding.h"

#include <errno.h>
#include <time.h>

#include "store/accumulator.h"
#include "base/clock.h"
#include "base/futex.h"
#include "store/names.h"
#include "task/section.h"

/* core.name(kind, text) -> index, number | nil, message, errno. Creates it. */
static int
l_name(lua_State *L)
{
    size_t len;
    uint32_t index;
    enum name_kind kind = (enum name_kind)luaL_checkint(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    int err = names_get(&engine.self, kind, text, len, &index);
    if (err)
        return door_fail(L, err);
    lua_pushnumber(L, index);
    lua_pushnumber(L, name_at(&engine.arena, index)->number);
    return 2;
}

/* core.words(-errno) -> what it means */
static int
l_words(lua_State *L)
{
    lua_pushstring(L, door_words(luaL_checkint(L, 1)));
    return 1;
}

static uint32_t *
lock_of(uint32_t name)
{
    return &name_at(&engine.arena, name)->lock;
}

/* seconds < 0: for ever; 0: at once or not at all. */
PRN_EXPORT int
prn_lock_take(uint32_t name, double seconds)
{
    return view_lock(&engine.self, lock_of(name), seconds);
}

/* keep = 0: the section failed, nothing is published. */
PRN_EXPORT int
prn_lock_release(uint32_t name, int keep)
{
    return view_unlock(&engine.self, lock_of(name), keep != 0);
}

PRN_EXPORT void
prn_acc_add(int kind, uint32_t number, double v)
{
    acc_add(&engine.self, (enum acc_kind)kind, number, v);
}

/* core.acc_get(kind, number) -> value or nil */
static int
l_acc_get(lua_State *L)
{
    double v;
    enum acc_kind kind = (enum acc_kind)luaL_checkint(L, 1);
    if (!acc_get(&engine.self, kind, (uint32_t)luaL_checknumber(L, 2), &v))
        return 0;
    lua_pushnumber(L, v);
    return 1;
}

/* core.collect(number, value); raises if it cannot travel or there is no memory. */
static int
l_collect(lua_State *L)
{
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    luaL_checkany(L, 2);
    const struct codec_buf *b = door_encode(L, 2);
    int err = acc_collect(&engine.self, number, b->bytes, b->len);
    if (err)
        return luaL_error(L, "%s", door_words(err));
    return 0;
}

struct collecting {
    lua_State *L;
    int n;
};

static void
push_collected(void *arg, const void *bytes, size_t len)
{
    struct collecting *c = arg;
    if (codec_decode(engine.codec, c->L, bytes, len) == 1)
        lua_rawseti(c->L, -2, ++c->n);
}

/* core.collected(number) -> list of values, how many */
static int
l_collected(lua_State *L)
{
    struct collecting c = {L, 0};
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    lua_newtable(L);
    acc_each(&engine.self, number, push_collected, &c);
    lua_pushinteger(L, c.n);
    return 2;
}

/* ---- waiting for a queue of the manager ---- */

PRN_EXPORT uint32_t
prn_queue_event(void)
{
    return atom_load(&engine.arena.head->queue_event);
}

/* Something was put: whoever waits shall look. */
PRN_EXPORT void
prn_queue_bump(void)
{
    uint32_t *event = &engine.arena.head->queue_event;
    atom_store(event, atom_peek(event) + 1); /* a lost bump makes a waiter a tick late */
    futex_wake(event, ARENA_SLOTS);
}

/* Sleeps until the event is no longer `seen`, at most a tenth of a second. */
PRN_EXPORT void
prn_queue_wait(uint32_t seen, double seconds)
{
    double most = seconds < 0.1 ? seconds : 0.1;
    struct timespec t = {0, (long)(most * 1e9)};
    futex_wait(&engine.arena.head->queue_event, seen, &t);
}

/* Seconds on a clock that only goes forward. */
PRN_EXPORT double
prn_now(void)
{
    return (double)clock_ns() / 1e9;
}

const luaL_Reg door_share_functions[] = {
    {"name", l_name},
    {"words", l_words},
    {"acc_get", l_acc_get},
    {"collect", l_collect},
    {"collected", l_collected},
    {NULL, NULL},
};
