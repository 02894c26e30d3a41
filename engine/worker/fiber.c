#include "worker/fiber.h"

#include <errno.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/human.h"
#include "store/error_text.h"
#include "worker/collector.h"

static struct {
    lua_State *main;
    struct fiber *free;    /* the pool */
    struct fiber *running; /* NULL: none */
} fibers;

void
fiber_open(lua_State *main)
{
    fibers.main = main;
    fibers.free = NULL;
    fibers.running = NULL;
}

struct fiber *
fiber_running(void)
{
    return fibers.running;
}

void
fiber_set_running(struct fiber *f)
{
    fibers.running = f;
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

bool
fiber_is_late(const struct fiber *f)
{
    return f->wait.why == POLLER_TIME && f->due_ns > f->deadline_ns;
}

void
fiber_push_bits(lua_State *L, const struct poller_fd *fds, uint32_t n)
{
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        lua_pushinteger(L, fds[i].ready);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

int
fiber_push_why(const struct fiber *f)
{
    lua_State *L = f->L;
    char limit[HUMAN_TEXT];
    bool late = fiber_is_late(f);
    if (f->failed || late) {
        (void)collector_hold(L); /* the task is not called yet */
        lua_pushnil(L);
        if (late)
            lua_pushfstring(L, "timed out after %s while it waited for %s (--timeout, timeout)",
                            human_time(limit, f->deadline_ns - f->run.began_ns), f->waits_for);
        else
            lua_pushstring(L, error_text(-ENOMEM));
        (void)collector_go_on(L);
        lua_pushboolean(L, true);
        return 3;
    }
    if (f->wait.why == POLLER_CLOSED) {
        lua_pushnil(L);
        lua_pushliteral(L, "closed");
        return 2;
    }
    if (f->wait.nfds > 1 && f->wait.why == POLLER_READY) {
        (void)collector_hold(L); /* as above */
        fiber_push_bits(L, f->wait.fds, f->wait.nfds);
        (void)collector_go_on(L);
        return 1;
    }
    lua_pushboolean(L, f->wait.why != POLLER_TIME);
    return 1;
}
