#include "worker/collector.h"

static bool held;

bool
collector_hold(lua_State *L)
{
    if (held || !lua_gc(L, LUA_GCISRUNNING, 0))
        return false;
    (void)lua_gc(L, LUA_GCSTOP, 0);
    held = true;
    return true;
}

bool
collector_go_on(lua_State *L)
{
    if (!held)
        return false;
    (void)lua_gc(L, LUA_GCRESTART, 0);
    held = false;
    return true;
}
