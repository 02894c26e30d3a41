/* What lua/prunner/accumulators.lua calls. An accumulator is given by its number among all. */
#include "lua/binding.h"

#include <errno.h>

#include "store/accumulator.h"
#include "store/error_text.h"

/* The kind: core.ACCUMULATOR. 0; -EPERM: what is added in d:update would count each time that
 * its function runs; -EDOM: nan, with which max, min and sum would tell nothing any more. */
PRN_EXPORT int
prn_accumulator_add(int kind, uint32_t number, double v)
{
    if (unlikely(v != v))
        return -EDOM;
    if (unlikely(job.stage == STAGE_UPDATE))
        return -EPERM;
    accumulator_add(&job.self, (enum accumulator_kind)kind, number, v);
    return 0;
}

/* core.accumulator_get(kind, number) -> value or nil */
static int
l_accumulator_get(lua_State *L)
{
    double v;
    enum accumulator_kind kind = (enum accumulator_kind)luaL_checkint(L, 1);
    if (!accumulator_get(&job.self, kind, (uint32_t)luaL_checknumber(L, 2), &v))
        return 0;
    lua_pushnumber(L, v);
    return 1;
}

/* core.collect(number, value); raises if it cannot travel, there is no memory, or d:update would
 * do it again. */
static int
l_collect(lua_State *L)
{
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    luaL_checkany(L, 2);
    if (job.stage == STAGE_UPDATE)
        return luaL_error(L, "not in the function of d:update, which may run several times");
    uint32_t i = scratch_enter();
    const struct codec_buf *b = binding_encode(L, i, 2, 2, NULL);
    int err = accumulator_collect(&job.self, number, b->bytes, b->len);
    scratch_leave(i);
    if (err)
        return luaL_error(L, "%s", error_text(err));
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
    if (codec_decode(job.codec, c->L, bytes, len) == 1)
        lua_rawseti(c->L, -2, ++c->n);
}

/* core.collected(number) -> list of values, how many */
static int
l_collected(lua_State *L)
{
    struct collecting c = {L, 0};
    uint32_t number = (uint32_t)luaL_checknumber(L, 1);
    lua_newtable(L);
    accumulator_each(&job.self, number, push_collected, &c);
    lua_pushinteger(L, c.n);
    return 2;
}

const luaL_Reg binding_accumulators_functions[] = {
    {"accumulator_get", l_accumulator_get},
    {"collect", l_collect},
    {"collected", l_collected},
    {NULL, NULL},
};
