/* What lua/prunner/program.lua calls: programs that tasks start. A program is a userdata; whoever
 * waits for one does so by its descriptors and core.wait(). */
#include "lua/binding.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "memory/self.h"
#include "output/output.h"
#include "store/error_text.h"
#include "task/task.h"
#include "worker/program.h"

#define TYPE "prunner.program"

enum { READ_BYTES = 64 << 10 };

struct handle {
    struct program *program; /* NULL: not started, or freed */
};

static struct program *
check_program(lua_State *L)
{
    const struct handle *h = luaL_checkudata(L, 1, TYPE);
    if (!h->program)
        luaL_argerror(L, 1, "the program was not started");
    return h->program;
}

static int
check_pipe(lua_State *L, const struct program *p)
{
    int pipe = (int)luaL_checknumber(L, 2);
    luaL_argcheck(L, pipe >= 0 && pipe < PROGRAM_PIPES && p->pipe[pipe] >= 0, 2, "no open pipe");
    return pipe;
}

/* By the garbage collector, too. */
static int
l_free(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, TYPE);
    if (h->program)
        program_free(h->program);
    h->program = NULL;
    return 0;
}

/* Its metatable has nothing that scripts could use. */
static void
new_handle(lua_State *L)
{
    struct handle *h = lua_newuserdata(L, sizeof *h);
    h->program = NULL;
    if (luaL_newmetatable(L, TYPE)) {
        lua_pushcfunction(L, l_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
}

static uint64_t
running_task(void)
{
    const struct slot *s = job.self.slot;
    return job_in_task() && s->cur ? task_at(&job.arena, s->cur)->id : 0;
}

/* core.program_start(command, pipes) -> a program | nil, message, errno. The pipes: 2 ^ PROGRAM.x
 * of each. What was printed so far comes before what the program prints. */
static int
l_start(lua_State *L)
{
    const char *command = luaL_checkstring(L, 1);
    unsigned pipes = (unsigned)luaL_checknumber(L, 2);
    int err;
    new_handle(L);
    struct handle *h = lua_touserdata(L, -1);
    fflush(stdout);
    output_write_lines();
    fflush(stderr);
    h->program = program_start(command, pipes, running_task(), &err);
    return h->program ? 1 : binding_fail(L, err);
}

/* core.program_pipe(program, PROGRAM.x) -> the descriptor | nil */
static int
l_pipe(lua_State *L)
{
    const struct program *p = check_program(L);
    int pipe = (int)luaL_checknumber(L, 2);
    if (pipe < 0 || pipe >= PROGRAM_PIPES || p->pipe[pipe] < 0)
        return 0;
    lua_pushinteger(L, p->pipe[pipe]);
    return 1;
}

/* core.program_pidfd(program) -> what can be read when it is over | nil: it is, or there is no such
 * thing */
static int
l_pidfd(lua_State *L)
{
    const struct program *p = check_program(L);
    if (p->pidfd < 0)
        return 0;
    lua_pushinteger(L, p->pidfd);
    return 1;
}

/* core.program_read(program, PROGRAM.x) -> bytes, "" at the end | nil: nothing yet | nil, message,
 * errno */
static int
l_read(lua_State *L)
{
    struct program *p = check_program(L);
    char bytes[READ_BYTES];
    ssize_t n = program_read(p, check_pipe(L, p), bytes, sizeof bytes);
    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return binding_fail(L, (int)n);
    lua_pushlstring(L, bytes, (size_t)n);
    return 1;
}

/* core.program_write(program, PROGRAM.IN, bytes, n) writes what follows the first n bytes -> how
 * many it has written | nil: none yet | nil, message, errno */
static int
l_write(lua_State *L)
{
    struct program *p = check_program(L);
    size_t len, from = (size_t)luaL_checknumber(L, 4);
    const char *bytes = luaL_checklstring(L, 3, &len);
    (void)check_pipe(L, p);
    ssize_t n = from < len ? program_write(p, bytes + from, len - from) : 0;
    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return binding_fail(L, (int)n);
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* core.program_close(program, PROGRAM.x): that may be closed already. */
static int
l_close(lua_State *L)
{
    struct program *p = check_program(L);
    int pipe = (int)luaL_checknumber(L, 2);
    if (pipe >= 0 && pipe < PROGRAM_PIPES)
        program_close(p, pipe);
    return 0;
}

/* core.program_kill(program) ends it. */
static int
l_kill(lua_State *L)
{
    program_kill(check_program(L));
    return 0;
}

/* core.program_status(program) -> nil: it runs | "exit", status | "signal", number, name |
 * "lost" */
static int
l_status(lua_State *L)
{
    struct program *p = check_program(L);
    if (!program_over(p))
        return 0;
    if (p->status == PROGRAM_STATUS_LOST) {
        lua_pushliteral(L, "lost");
        return 1;
    }
    bool killed = WIFSIGNALED(p->status);
    int number = killed ? WTERMSIG(p->status) : WEXITSTATUS(p->status);
    const char *name = killed ? sigabbrev_np(number) : NULL;
    lua_pushstring(L, killed ? "signal" : "exit");
    lua_pushinteger(L, number);
    if (name)
        lua_pushfstring(L, "SIG%s", name);
    else
        lua_pushfstring(L, "signal %d", number);
    return 3;
}

/* core.program_failed(program, message): it is why an error with this message is raised. */
static int
l_failed(lua_State *L)
{
    const struct program *p = check_program(L);
    program_failed(running_task(), p->status, luaL_checkstring(L, 2));
    return 0;
}

/* core.program_shows(bytes): a program has written them to its stderr. */
static int
l_shows(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    (void)fwrite(bytes, 1, len, stderr);
    return 0;
}

const luaL_Reg binding_program_functions[] = {
    {"program_start", l_start},
    {"program_pipe", l_pipe},
    {"program_pidfd", l_pidfd},
    {"program_read", l_read},
    {"program_write", l_write},
    {"program_close", l_close},
    {"program_kill", l_kill},
    {"program_status", l_status},
    {"program_failed", l_failed},
    {"program_shows", l_shows},
    {"program_free", l_free},
    {NULL, NULL},
};
