#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "actor.h"
#include "lock.h"

enum { BUFFER = 64 << 10 };

/* One of the two streams. Private to the worker. */
struct stream {
    struct actor *actor;
    FILE *file;
    int fd;
    uint32_t *lock;
    char *bytes; /* not yet written: the start of a line, or of a task's output */
    size_t len, cap;
    bool hold; /* keep whole lines until output_flush() */
    int error; /* of the first write that failed: nothing is written any more */
};

static struct stream out, err;

/* Blocks SIGPIPE around a write, so that it is an error here and the default
 * elsewhere (a child of io.popen should die of it). */
static ssize_t
write_quietly(int fd, const char *bytes, size_t len)
{
    sigset_t pipe_only, before;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t n = write(fd, bytes, len);
    int saved = errno;
    /* A write that is cut short by the reader's end raises it as well. */
    if (n < (ssize_t)len) {
        struct timespec now = {0, 0};
        sigtimedwait(&pipe_only, NULL, &now);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return n;
}

static void
write_all(struct stream *s, const char *bytes, size_t len)
{
    while (len && !s->error) {
        ssize_t n = write_quietly(s->fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {s->fd, POLLOUT, 0};
            poll(&p, 1, -1);
        } else if (errno != EINTR) {
            s->error = -errno;
        }
    }
}

/* Writes the first n collected bytes, nobody else's in between. */
static void
emit(struct stream *s, size_t n)
{
    if (!n)
        return;
    (void)lock_take(s->actor, s->lock, -1);
    write_all(s, s->bytes, n);
    lock_release(s->actor, s->lock);
    s->len -= n;
    memmove(s->bytes, s->bytes + n, s->len);
}

static size_t
whole_lines(const struct stream *s)
{
    const char *end = s->len ? memrchr(s->bytes, '\n', s->len) : NULL;
    return end ? (size_t)(end - s->bytes) + 1 : 0;
}

/* A task that writes nothing to stderr does not come here: what another one left is
 * known by its `words_of`. */
static void
keep_words(struct slot *s, const char *bytes, size_t len)
{
    if (s->words_of != s->claims)
        s->words_len = 0;
    s->words_of = s->claims;
    for (size_t i = 0; i < len; i++)
        s->words[(s->words_len + i) % SLOT_WORDS] = bytes[i];
    s->words_len += len;
}

size_t
output_last_words(const struct slot *s, char *text)
{
    uint64_t len = s->words_of == s->claims ? s->words_len : 0, from = 0;
    if (len > SLOT_WORDS) {
        from = len - SLOT_WORDS;
        /* From the next line's start, if there is one. */
        uint64_t at = from;
        while (at < len && s->words[at % SLOT_WORDS] != '\n')
            at++;
        from = at + 1 < len ? at + 1 : from;
    }
    for (uint64_t i = from; i < len; i++)
        text[i - from] = s->words[i % SLOT_WORDS];
    return (size_t)(len - from);
}

/* The stream's write function: stdio hands over what it has buffered. */
static ssize_t
collect(void *cookie, const char *bytes, size_t len)
{
    struct stream *s = cookie;
    if (s == &err)
        keep_words(s->actor->slot, bytes, len);
    if (s->len + len > s->cap) {
        size_t cap = (s->len + len) * 2;
        char *grown = realloc(s->bytes, cap);
        if (!grown) {
            emit(s, s->len); /* better mixed than lost */
            write_all(s, bytes, len);
            return (ssize_t)len;
        }
        s->bytes = grown;
        s->cap = cap;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    if (!s->hold || s->len > BUFFER)
        emit(s, whole_lines(s));
    return (ssize_t)len;
}

static int
open_stream(struct stream *s, struct actor *x, int fd, uint32_t *lock, bool hold)
{
    cookie_io_functions_t io = {.write = collect};
    *s = (struct stream){.actor = x, .fd = fd, .lock = lock, .hold = hold};
    s->file = fopencookie(s, "w", io);
    if (!s->file)
        return -ENOMEM;
    /* Unbuffered: collect() is the buffer, so that a line is seen when it ends.
     * With `hold`, stdio saves calls. */
    setvbuf(s->file, NULL, hold ? _IOFBF : _IONBF, hold ? 16 << 10 : 0);
    return 0;
}

static void
at_exit(void)
{
    (void)output_end();
}

/* io.stdout and io.stderr are userdata that begin with their FILE *. */
static void
replace_lua_file(lua_State *L, const char *name, FILE *file)
{
    lua_getglobal(L, "io");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, name);
        if (lua_isuserdata(L, -1) && lua_getmetatable(L, -1)) {
            luaL_getmetatable(L, LUA_FILEHANDLE);
            if (lua_rawequal(L, -1, -2))
                *(FILE **)lua_touserdata(L, -3) = file;
            lua_pop(L, 2);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* file:flush() and io.flush(), then the whole lines of stdout: after an explicit
 * flush what a command prints comes behind them. Upvalue: the original. */
static int
flush_and_emit(lua_State *L)
{
    int n = lua_gettop(L);
    FILE **file = lua_isuserdata(L, 1) ? lua_touserdata(L, 1) : NULL;
    bool ours = n == 0 || (file && *file == out.file);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    if (ours)
        emit(&out, whole_lines(&out));
    return lua_gettop(L);
}

/* The table at the top of the stack has a function `flush`: it is replaced. */
static void
replace_flush(lua_State *L)
{
    lua_getfield(L, -1, "flush");
    if (lua_isfunction(L, -1)) {
        lua_pushcclosure(L, flush_and_emit, 1);
        lua_setfield(L, -2, "flush");
    } else {
        lua_pop(L, 1);
    }
}

static void
replace_flushes(lua_State *L)
{
    lua_getglobal(L, "io");
    if (lua_istable(L, -1))
        replace_flush(L);
    lua_pop(L, 1);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    if (lua_istable(L, -1))
        replace_flush(L);
    lua_pop(L, 1);
}

int
output_open(struct actor *x, lua_State *L)
{
    uint32_t *locks = x->arena->head->output_lock;
    int e = open_stream(&out, x, STDOUT_FILENO, &locks[0], !isatty(STDOUT_FILENO));
    if (!e)
        e = open_stream(&err, x, STDERR_FILENO, &locks[1], false);
    if (e)
        return e;
    stdout = out.file;
    stderr = err.file;
    replace_lua_file(L, "stdout", stdout);
    replace_lua_file(L, "stderr", stderr);
    replace_flushes(L);
    (void)atexit(at_exit); /* os.exit() in a task; _exit() passes it by */
    return 0;
}

int
output_flush(void)
{
    if (!out.file)
        return fflush(stdout) ? -errno : 0; /* --serial: the process's own */
    if (__fpending(out.file))
        fflush(out.file);
    if (out.len)
        emit(&out, out.len);
    return out.error;
}

int
output_end(void)
{
    int e = output_flush();
    if (err.file && err.len)
        emit(&err, err.len);
    return e;
}
