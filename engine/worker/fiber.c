#include "worker/fiber.h"

#include <stdlib.h>

#include <lauxlib.h>

static struct {
    lua_State *main;
    struct fiber *free;
} fibers;

void
fiber_open(lua_State *main)
{
    fibers.main = main;
    fibers.free = NULL;
}

/* By lua_cpcall(): there may be no memory for it. */
static int
new_coroutine(lua_State *L)
{
    struct fiber *f = lua_touserdata(L, 1);
    f->L = run_open(L, &f->thread);
    return 0;
}

struct fiber *
fiber_take(void)
{
    struct fiber *f = fibers.free;
    if (f) {
        fibers.free = f->next;
        return f;
    }
    f = calloc(1, sizeof *f);
    if (f && lua_cpcall(fibers.main, new_coroutine, f)) {
        lua_pop(fibers.main, 1);
        free(f);
        f = NULL;
    }
    return f;
}

void
fiber_give(struct fiber *f)
{
    f->next = fibers.free;
    fibers.free = f;
}

void
fiber_drop(struct fiber *f)
{
    luaL_unref(fibers.main, LUA_REGISTRYINDEX, f->thread);
    free(f);
}
