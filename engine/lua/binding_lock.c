/* What lua/prunner/lock.lua calls; and names, for all that have one. */
#include "lua/binding.h"

#include "store/error_text.h"
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
    int err = names_get(&job.self, kind, text, len, &index);
    if (err)
        return binding_fail(L, err);
    lua_pushnumber(L, index);
    lua_pushnumber(L, name_at(&job.arena, index)->number);
    return 2;
}

/* core.error_text(-errno) -> what it means */
static int
l_error_text(lua_State *L)
{
    lua_pushstring(L, error_text(luaL_checkint(L, 1)));
    return 1;
}

static uint32_t *
lock_of(uint32_t name)
{
    return &name_at(&job.arena, name)->lock;
}

/* seconds < 0: for ever; 0: at once or not at all. */
PRN_EXPORT int
prn_lock_take(uint32_t name, double seconds)
{
    return section_lock(&job.self, lock_of(name), seconds);
}

/* keep = 0: the section failed, nothing is published. */
PRN_EXPORT int
prn_lock_release(uint32_t name, int keep)
{
    return section_unlock(&job.self, lock_of(name), keep != 0);
}

const luaL_Reg binding_lock_functions[] = {
    {"name", l_name},
    {"error_text", l_error_text},
    {NULL, NULL},
};
