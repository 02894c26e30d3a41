/* What lua/prunner/socket/names.lua calls: names and addresses. In a worker that runs tasks by
 * turns threads ask (worker/resolver.h); elsewhere the call blocks. */
#include "lua/binding.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "store/error_text.h"
#include "worker/fiber_wait.h"
#include "worker/poller.h"
#include "worker/resolver.h"

#define TYPE "prunner.lookup"

/* A question that was asked: a userdata, so that it is given up whatever becomes of the task. */
struct asked {
    struct resolver_ticket *ticket;
    struct lookup_answer answer; /* without a ticket */
};

static void
give_up(struct asked *a)
{
    if (a->ticket) {
        poller_closes(resolver_fd(a->ticket));
        resolver_drop(a->ticket);
        a->ticket = NULL;
    }
    lookup_free(&a->answer);
}

static int
l_gc(lua_State *L)
{
    give_up(lua_touserdata(L, 1));
    return 0;
}

static struct asked *
new_asked(lua_State *L)
{
    struct asked *a = lua_newuserdata(L, sizeof *a);
    *a = (struct asked){0};
    if (luaL_newmetatable(L, TYPE)) {
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return a;
}

/* {string ...}, each with its tag, | nil, message */
static int
push_answer(lua_State *L, const struct lookup_answer *a)
{
    int n = 0;
    if (a->failed) {
        lua_pushnil(L);
        lua_pushstring(L, a->bytes ? a->text : error_text(-ENOMEM));
        return 2;
    }
    lua_newtable(L);
    for (size_t at = 0; at < a->bytes; at += strlen(a->text + at) + 1) {
        lua_pushstring(L, a->text + at);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int
check_family(lua_State *L, int index)
{
    static const char *const names[] = {"unspec", "inet", "inet6", NULL};
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    return families[luaL_checkoption(L, index, "unspec", names)];
}

/* core.resolve(LOOKUP.x, family | nil, host | nil, service | nil) -> {string ...} | nil, message |
 * false, descriptor, question: core.resolved(question) knows it once the descriptor can be read */
static int
l_resolve(lua_State *L)
{
    int kind = (int)luaL_checkinteger(L, 1);
    luaL_argcheck(L, kind >= 0 && kind < LOOKUP_KINDS, 1, "kind");
    struct lookup_question q = {(enum lookup_kind)kind, check_family(L, 2),
                                luaL_optstring(L, 3, NULL), luaL_optstring(L, 4, NULL)};
    luaL_argcheck(L, q.host || (q.service && kind == LOOKUP_NAMES), 3, "name");
    lua_settop(L, 4); /* the strings stay where they are */
    struct asked *a = new_asked(L);
    if (fiber_running())
        a->ticket = resolver_ask(&q);
    if (a->ticket) {
        lua_pushboolean(L, false);
        lua_pushinteger(L, resolver_fd(a->ticket));
        lua_pushvalue(L, -3);
        return 3;
    }
    lookup(&q, &a->answer);
    int n = push_answer(L, &a->answer);
    give_up(a);
    return n;
}

/* core.resolved(question) -> {string ...} | nil, message: no answer counts as a failure. The
 * question is
 * given up. */
static int
l_resolved(lua_State *L)
{
    struct asked *a = luaL_checkudata(L, 1, TYPE);
    const struct lookup_answer *answer = a->ticket ? resolver_answer(a->ticket) : NULL;
    int n = 0;
    if (answer) {
        n = push_answer(L, answer);
    } else {
        lua_pushnil(L);
        lua_pushliteral(L, "closed");
        n = 2;
    }
    give_up(a);
    return n;
}

const luaL_Reg binding_resolve_functions[] = {
    {"resolve", l_resolve},
    {"resolved", l_resolved},
    {NULL, NULL},
};
