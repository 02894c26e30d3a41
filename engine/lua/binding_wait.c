/* What lua/prunner/wait.lua calls: waiting for a moment, for descriptors. In a task that can be
 * switched the worker runs others meanwhile; elsewhere the call blocks. */
#include "lua/binding.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/parent_death.h"
#include "job/job.h"
#include "store/error_text.h"
#include "task/section.h"
#include "worker/fiber_wait.h"
#include "worker/waiting.h"

#define SECONDS_MAX 1e9 /* as good as for ever */

/* What is waited for, in words: core.WAIT. */
static const char *const waits_for[] = {
    [WAIT_CLOCK] = "a clock",
    [WAIT_DESCRIPTOR] = "a descriptor",
    [WAIT_SOCKET] = "a socket",
    [WAIT_NAME] = "the address of a name",
    [WAIT_PROGRAM] = "a program",
    [WAIT_QUEUE] = "a queue",
    [WAIT_POOL] = "a connection of a pool",
};

const char *
binding_waits_for(enum wait_kind kind)
{
    return waits_for[kind];
}

/* nil: for ever. 0: a moment that has passed, also by the coarse clock. */
uint64_t
binding_due(lua_State *L, int index)
{
    double s = lua_isnil(L, index) ? SECONDS_MAX : lua_tonumber(L, index);
    if (!(s < SECONDS_MAX))
        return CLOCK_NEVER;
    return s > 0 ? clock_ns() + (uint64_t)(s * 1e9) : clock_coarse_ns();
}

/* ---- without a switch ---- */

/* poll(2). 1: ready, the bits are in fds; 0: the time is over; -EBADF: number *at is not an open
 * descriptor; -errno. */
static int
look(struct poller_fd *fds, uint32_t n, uint64_t due_ns, uint32_t *at)
{
    struct pollfd *list = calloc(n + 1, sizeof *list);
    if (!list)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        list[i].fd = fds[i].fd;
        list[i].events = (short)((fds[i].want & POLLER_READ ? POLLIN | POLLRDHUP : 0) |
                                 (fds[i].want & POLLER_WRITE ? POLLOUT : 0));
    }
    int got;
    do
        got = poll(list, n, clock_poll_ms(due_ns));
    while ((got < 0 && errno == EINTR) || (got == 0 && due_ns == CLOCK_NEVER));
    int err = got < 0 ? -errno : got > 0;
    for (uint32_t i = 0; i < n; i++) {
        bool over = list[i].revents & (POLLERR | POLLHUP);
        bool in = over || list[i].revents & (POLLIN | POLLRDHUP);
        bool out = over || list[i].revents & POLLOUT;
        fds[i].ready = fds[i].want & ((in ? POLLER_READ : 0) | (out ? POLLER_WRITE : 0));
        if (list[i].revents & POLLNVAL) {
            err = -EBADF;
            *at = i;
        }
    }
    free(list);
    return err;
}

static int
block(struct poller_fd *fds, uint32_t n, uint64_t due_ns, uint32_t *at)
{
    if (!job.stranger)
        parent_death_renew(); /* the task may have become another user */
    if (n || due_ns == CLOCK_NEVER)
        return look(fds, n, due_ns, at);
    uint64_t now = clock_ns();
    clock_sleep(due_ns > now ? due_ns - now : 0);
    return 0;
}

/* ---- both ---- */

static void
push_busy(lua_State *L, const struct poller_fd *f)
{
    const struct poller_wait *reader = f->want & POLLER_READ ? poller_reads(f->fd) : NULL;
    const struct poller_wait *w = reader ? reader : poller_writes(f->fd);
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)fiber_wait_owner(w));
    lua_pushfstring(L, "descriptor %d is being %s by task #%s: each task needs a connection of its "
                       "own (prunner.pool)",
                    f->fd, reader ? "read" : "written", id);
}

/* nil, message, true */
static int
fail(lua_State *L, int err, const struct poller_fd *f)
{
    lua_pushnil(L);
    if (err == -EBUSY)
        push_busy(L, f);
    else if (err == -EBADF)
        lua_pushfstring(L, "%d is not an open descriptor", f->fd);
    else
        lua_pushstring(L, error_text(err));
    lua_pushboolean(L, true);
    return 3;
}

/* Waits for n descriptors; `many`: their bits are returned, as a list. */
static int
wait_for(lua_State *L, struct poller_fd *fds, uint32_t n, uint64_t due_ns, int what, bool many)
{
    uint32_t at = 0;
    int err;
    if (fiber_can_wait(L)) {
        err = fiber_wait(fds, n, due_ns, waits_for[what], &at);
        return err ? fail(L, err, &fds[at]) : lua_yield(L, 0);
    }
    err = block(fds, n, due_ns, &at);
    if (err < 0)
        return fail(L, err, &fds[at]);
    if (many && err) {
        fiber_push_bits(L, fds, n);
        return 1;
    }
    lua_pushboolean(L, err);
    return 1;
}

static int
check_what(lua_State *L, int index)
{
    int what = (int)lua_tointeger(L, index);
    return what >= 0 && what < WAIT_KINDS ? what : WAIT_CLOCK;
}

/* core.wait(fd | nil, bits, seconds | nil, WAIT.x) -> true: ready | false: the time is over |
 * nil, "closed" | nil, message, true: to be raised */
static int
l_wait(lua_State *L)
{
    lua_settop(L, 4);
    bool any = !lua_isnil(L, 1);
    struct poller_fd fd = {(int)lua_tointeger(L, 1), (uint8_t)lua_tointeger(L, 2), 0};
    return wait_for(L, &fd, any, binding_due(L, 3), check_what(L, 4), false);
}

/* {fd, bits, fd, bits ...} at 1: descriptors, and what is waited for. */
static struct poller_fd *
check_fds(lua_State *L, uint32_t *count)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    uint32_t n = *count = (uint32_t)lua_objlen(L, 1) / 2;
    struct poller_fd *fds = lua_newuserdata(L, (n + 1) * sizeof *fds);
    for (uint32_t i = 0; i < n; i++) {
        lua_rawgeti(L, 1, 2 * (int)i + 1);
        lua_rawgeti(L, 1, 2 * (int)i + 2);
        fds[i] = (struct poller_fd){(int)lua_tointeger(L, -2), (uint8_t)lua_tointeger(L, -1), 0};
        lua_pop(L, 2);
    }
    return fds;
}

/* core.wait_many({fd, bits, fd, bits ...}, seconds | nil, WAIT.x) -> {bits ...}, or as
 * core.wait() */
static int
l_wait_many(lua_State *L)
{
    uint32_t n;
    lua_settop(L, 3);
    struct poller_fd *fds = check_fds(L, &n);
    return wait_for(L, fds, n, binding_due(L, 2), check_what(L, 3), true);
}

/* core.ready_many({fd, bits, fd, bits ...}) -> {bits ...}: all that are ready now; false: none */
static int
l_ready_many(lua_State *L)
{
    uint32_t n, at;
    struct poller_fd *fds = check_fds(L, &n);
    if (look(fds, n, 0, &at) > 0)
        fiber_push_bits(L, fds, n);
    else
        lua_pushboolean(L, false);
    return 1;
}

/* core.ticket() -> what one task waits for, and another one ends that by */
static int
l_ticket(lua_State *L)
{
    struct fiber_ticket *t = lua_newuserdata(L, sizeof *t);
    *t = (struct fiber_ticket){0};
    return 1;
}

static struct fiber_ticket *
check_ticket(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TUSERDATA);
    luaL_argcheck(L, lua_objlen(L, 1) == sizeof(struct fiber_ticket), 1, "no ticket");
    return lua_touserdata(L, 1);
}

/* Why fiber_can_wait() says no, in words. */
static const char *
why_not(lua_State *L)
{
    if (!fiber_running())
        return job_in_task() ? "without --concurrency" : "outside tasks";
    if (job.stage == STAGE_UPDATE)
        return "in the function of d:update";
    if (job.stage != STAGE_TASK)
        return "in a hook";
    if (section_any_held(&job.self))
        return "while the task holds a lock";
    if (fiber_running()->L != L)
        return "in a coroutine that was not resumed by coroutine.resume or wrap, or "
               "while a function in C calls it (table.sort, string.gsub ...)";
    return "while a function in C calls it (table.sort, string.gsub ...)";
}

int
binding_cannot_wait(lua_State *L)
{
    lua_pushnil(L);
    lua_pushstring(L, why_not(L));
    lua_pushboolean(L, false);
    return 3;
}

/* core.wait_told(ticket, seconds | nil, WAIT.x) -> true: it was told | false: the time is over |
 * nil, why no other task can run here, false | nil, message, true: to be raised. The caller keeps
 * the ticket. */
static int
l_wait_told(lua_State *L)
{
    lua_settop(L, 3);
    struct fiber_ticket *t = check_ticket(L);
    if (!fiber_can_wait(L))
        return binding_cannot_wait(L);
    int err = fiber_wait_told(t, binding_due(L, 2), waits_for[check_what(L, 3)]);
    return err ? fail(L, err, NULL) : lua_yield(L, 0);
}

/* core.tell(ticket) -> has it ended a wait? */
static int
l_tell(lua_State *L)
{
    lua_pushboolean(L, fiber_tell(check_ticket(L)));
    return 1;
}

/* core.waiting() -> how many tasks of this worker wait */
static int
l_waiting(lua_State *L)
{
    lua_pushinteger(L, waiting_count());
    return 1;
}

/* core.closes(fd): it is about to be closed. */
static int
l_closes(lua_State *L)
{
    poller_closes((int)lua_tointeger(L, 1));
    return 0;
}

/* core.in_fiber() -> is this coroutine the one in which a task of its worker runs? */
static int
l_in_fiber(lua_State *L)
{
    lua_pushboolean(L, fiber_running() && fiber_running()->L == L);
    return 1;
}

const luaL_Reg binding_wait_functions[] = {
    {"wait", l_wait},
    {"wait_many", l_wait_many},
    {"ready_many", l_ready_many},
    {"ticket", l_ticket},
    {"wait_told", l_wait_told},
    {"tell", l_tell},
    {"waiting", l_waiting},
    {"closes", l_closes},
    {"in_fiber", l_in_fiber},
    {NULL, NULL},
};
