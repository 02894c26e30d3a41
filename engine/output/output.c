#define _GNU_SOURCE
#include "output/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "job/job.h"
#include "output/capture.h"
#include "store/lock.h"
#include "base/log.h"
#include "output/order_log.h"
#include "output/printer.h"
#include "output/report.h"
#include "output/sink.h"
#include "task/task.h"

enum { BUFFER = 64 << 10,
       TAG = 80 };

/* One of the two streams. Private to the worker. */
struct stream {
    struct self *self;
    FILE *file;
    struct sink real; /* where it goes in the end */
    struct sink kept; /* a file, while it is kept */
    off_t shown;      /* bytes of that file that went on to `real` */
    uint32_t *lock;
    char *bytes; /* not yet written: the start of a line, or of a task's output */
    size_t len, cap;
    bool hold; /* keep whole lines until output_flush() */
};

static struct stream out, err;
static FILE *own_streams[2]; /* the process's, while ours are in their place */

bool output_by_task;

/* The task that runs now, if output is told by task. Private to the worker. */
static struct {
    const struct task *task; /* NULL: none runs */
    bool keeps;              /* what it prints goes to files; else as in any job */
    uint64_t posted;         /* by this worker, before the task began */
    int error;               /* of keeping it: nothing else is kept any more */
    int printed;             /* --serial, --keep-order: -code of what could not be shown */
    char tag[TAG];           /* "": not made yet */
} now;

/* ---- where bytes go ---- */

/* What each line begins with; NULL: nothing. */
static const char *
tag(void)
{
    if (!job.config.tag || !now.task)
        return NULL;
    if (!now.tag[0]) {
        report_task(now.task, now.tag, sizeof now.tag - 1);
        strcat(now.tag, "\t");
    }
    return now.tag;
}

/* Takes the first n collected bytes off. */
static void
drop(struct stream *s, size_t n)
{
    s->len -= n;
    memmove(s->bytes, s->bytes + n, s->len);
}

/* Writes the first n collected bytes, nobody else's in between. */
static void
emit(struct stream *s, size_t n)
{
    if (!n)
        return;
    s->real.tag = tag();
    (void)lock_take(s->self, s->lock, -1);
    sink_put(&s->real, s->bytes, n);
    lock_release(s->self, s->lock);
    drop(s, n);
}

static size_t
whole_lines(const struct stream *s)
{
    const char *end = s->len ? memrchr(s->bytes, '\n', s->len) : NULL;
    return end ? (size_t)(end - s->bytes) + 1 : 0;
}

/* Moves all that was collected into the file that keeps it. */
static void
spill(struct stream *s)
{
    sink_put(&s->kept, s->bytes, s->len);
    s->len = 0;
}

/* What the stream has collected becomes visible to whoever looks: for a flush, or
 * because there is much of it. */
static void
push(struct stream *s)
{
    if (now.keeps)
        spill(s);
    else
        emit(s, whole_lines(s));
}

/* A task that writes nothing to stderr does not come here: what another one left is
 * known by its `stderr_of`. */
static void
keep_stderr(struct slot *s, const char *bytes, size_t len)
{
    if (s->stderr_of != s->claims)
        s->stderr_len = 0;
    s->stderr_of = s->claims;
    for (size_t i = 0; i < len; i++)
        s->stderr_tail[(s->stderr_len + i) % SLOT_STDERR] = bytes[i];
    s->stderr_len += len;
}

size_t
output_stderr_tail(const struct slot *s, char *text)
{
    uint64_t len = s->stderr_of == s->claims ? s->stderr_len : 0, from = 0;
    if (len > SLOT_STDERR) {
        from = len - SLOT_STDERR;
        /* From the next line's start, if there is one. */
        uint64_t at = from;
        while (at < len && s->stderr_tail[at % SLOT_STDERR] != '\n')
            at++;
        from = at + 1 < len ? at + 1 : from;
    }
    for (uint64_t i = from; i < len; i++)
        text[i - from] = s->stderr_tail[i % SLOT_STDERR];
    return (size_t)(len - from);
}

/* No memory to collect it: better mixed than lost. */
static void
write_through(struct stream *s, const char *bytes, size_t len)
{
    if (now.keeps)
        spill(s);
    else
        emit(s, s->len);
    sink_put(now.keeps ? &s->kept : &s->real, bytes, len);
}

/* The stream's write function: stdio hands over what it has buffered. */
static ssize_t
collect(void *cookie, const char *bytes, size_t len)
{
    struct stream *s = cookie;
    /* More than BUFFER of it is the start of one line, which is not looked through again. */
    bool look = now.keeps || s->len <= BUFFER || memchr(bytes, '\n', len);
    if (s == &err)
        keep_stderr(s->self->slot, bytes, len);
    if (s->len + len > s->cap) {
        size_t cap = (s->len + len) * 2;
        char *grown = realloc(s->bytes, cap);
        if (!grown) {
            write_through(s, bytes, len);
            return (ssize_t)len;
        }
        s->bytes = grown;
        s->cap = cap;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    /* In a file, stderr stands where a program that the task starts finds it. */
    if (look && (!s->hold || s->len > BUFFER))
        push(s);
    return (ssize_t)len;
}

static int
open_stream(struct stream *s, struct self *self, int fd, uint32_t *lock, bool hold)
{
    cookie_io_functions_t io = {.write = collect};
    *s = (struct stream){.self = self, .real = {.fd = fd}, .lock = lock, .hold = hold};
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
        push(&out);
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

/* Does what tasks print go to files while they run? */
static bool
keeps(void)
{
    const struct config *c = &job.config;
    return c->buffering == BUFFER_TASKS || c->keep_order || c->output_dir;
}

/* Is it shown as well? With --output-dir only if something says how. */
static bool
shows(void)
{
    const struct config *c = &job.config;
    return !c->output_dir || c->buffering == BUFFER_TASKS || c->keep_order || c->tag;
}

int
output_prepare(void)
{
    const struct config *c = &job.config;
    output_by_task = keeps() || c->tag;
    return c->output_dir ? capture_dir(c->output_dir) : 0;
}

int
output_open(struct self *self, lua_State *L)
{
    uint32_t *locks = self->arena->header->output_lock;
    int real[2] = {STDOUT_FILENO, STDERR_FILENO};
    int e = keeps() ? capture_open(real) : 0;
    fflush(stdout); /* of --serial */
    if (!e)
        e = open_stream(&out, self, real[0], &locks[0], keeps() || !isatty(STDOUT_FILENO));
    if (!e)
        e = open_stream(&err, self, real[1], &locks[1], false);
    if (e)
        return e;
    log_to(real[1]);
    own_streams[0] = stdout;
    own_streams[1] = stderr;
    stdout = out.file;
    stderr = err.file;
    replace_lua_file(L, "stdout", stdout);
    replace_lua_file(L, "stderr", stderr);
    replace_flushes(L);
    (void)atexit(at_exit); /* os.exit() in a task; _exit() passes it by */
    return 0;
}

int
output_close(lua_State *L)
{
    int e = output_end();
    stdout = own_streams[0];
    stderr = own_streams[1];
    replace_lua_file(L, "stdout", stdout);
    replace_lua_file(L, "stderr", stderr);
    log_to(STDERR_FILENO);
    fclose(out.file);
    fclose(err.file);
    free(out.bytes);
    free(err.bytes);
    out = err = (struct stream){0};
    capture_close();
    return e;
}

/* ---- the output of one task ---- */

void
output_start(const struct task *t)
{
    int file[2];
    (void)output_flush(OUTPUT_SO_FAR); /* what a hook has printed is not the task's */
    now.task = t;
    now.tag[0] = '\0';
    now.posted = out.self->slot->posted;
    if (!keeps() || now.error)
        return;
    now.error = capture_enter(t, file);
    if (now.error)
        return;
    now.keeps = true;
    out.kept = (struct sink){.fd = file[0]};
    err.kept = (struct sink){.fd = file[1]};
    out.shown = err.shown = 0;
}

/* Shows what was kept of one stream, and is not shown yet. */
static void
show(struct stream *s, int which)
{
    off_t bytes = capture_bytes(which);
    s->real.tag = tag();
    if (bytes == s->shown && !job.config.output_dir) {
        sink_put(&s->real, s->bytes, s->len);
        s->len = 0;
        return;
    }
    spill(s);
    bytes = capture_bytes(which);
    sink_copy(&s->real, s->kept.fd, s->shown, bytes - s->shown);
    s->shown = bytes;
}

/* Both streams of the task, and nobody else's in between. */
static void
show_both(bool ended)
{
    (void)lock_take(out.self, out.lock, -1);
    show(&out, 0);
    show(&err, 1);
    if (ended) {
        sink_end_line(&out.real);
        sink_end_line(&err.real);
    }
    lock_release(out.self, out.lock);
}

/* What was kept of one stream, and is not on its way yet: from memory, as long as
 * nothing of it had to go to the file. */
static struct order_log_piece
piece_of(struct stream *s, int which)
{
    off_t bytes = capture_bytes(which), shown = s->shown;
    struct order_log_piece p = {.from = s->bytes, .len = s->len};
    if (bytes != shown || job.config.output_dir) {
        spill(s);
        bytes = capture_bytes(which);
        p = (struct order_log_piece){NULL, s->kept.fd, shown, (uint64_t)(bytes - shown)};
    }
    s->shown = bytes;
    s->len = 0; /* the bytes are there until something else is printed */
    return p;
}

/* --keep-order: hands all over to who knows when it is the task's turn. */
static void
send_in_order(enum output_when when)
{
    struct self *self = out.self;
    uint64_t posted = self->slot->posted + (when == OUTPUT_DONE ? self->staged_count : 0);
    struct order_log_entry r = {
        .id = now.task->id,
        .parent = now.task->parent,
        .posts = {(now.posted + 1) * ARENA_SLOTS + self->me, posted - now.posted},
        .ended = when == OUTPUT_FAILED || when == OUTPUT_DONE,
    };
    struct order_log_piece pieces[3] = {{0}, piece_of(&out, 0), piece_of(&err, 1)};
    if (pieces[1].len + pieces[2].len && tag())
        pieces[0] = (struct order_log_piece){.from = now.tag, .len = strlen(now.tag)};
    int e = order_log_add(self, &r, pieces);
    if (e)
        now.error = e;
}

/* The last of the task's lines, and its end, which is missing if a tag follows: nobody
 * else's in between. */
static void
emit_last(struct stream *s)
{
    if (!s->len && !s->real.in_line)
        return;
    s->real.tag = tag();
    (void)lock_take(s->self, s->lock, -1);
    sink_put(&s->real, s->bytes, s->len);
    sink_end_line(&s->real);
    lock_release(s->self, s->lock);
    s->len = 0;
}

static void
flush_lines(bool ended)
{
    if (!ended) {
        emit(&out, out.len);
        return;
    }
    emit_last(&out);
    emit_last(&err);
}

/* 0, or what output_flush() returns. */
static int
first_error(void)
{
    int kept = now.error ? now.error : out.kept.error ? out.kept.error
                                                      : err.kept.error;
    if (out.real.error)
        return out.real.error;
    if (now.printed)
        return now.printed;
    return kept ? -(OUTPUT_KEPT | -kept) : 0;
}

static void
flush_task(enum output_when when)
{
    bool ended = when != OUTPUT_SO_FAR;
    if (!now.keeps) {
        flush_lines(ended);
    } else if (job.config.keep_order) {
        send_in_order(when);
    } else if (shows()) {
        show_both(ended);
    } else {
        spill(&out);
        spill(&err);
    }
    if (!ended)
        return;
    if (now.keeps)
        capture_leave();
    now.keeps = false;
    now.task = NULL;
    if (job.config.keep_order && job.config.serial)
        now.printed = printer_turn();
}

int
output_flush(enum output_when when)
{
    if (!out.file)
        return fflush(stdout) ? -errno : 0; /* --serial: the process's own */
    if (__fpending(out.file))
        fflush(out.file);
    if (unlikely(now.task))
        flush_task(when);
    else if (out.len)
        emit(&out, out.len);
    return unlikely(output_by_task) ? first_error() : out.real.error;
}

int
output_end(void)
{
    int e = output_flush(OUTPUT_AGAIN);
    if (err.file && err.len)
        emit(&err, err.len);
    return e;
}

void
output_say_lost(int code)
{
    const struct config *c = &job.config;
    const char *why = strerror(code & ~OUTPUT_KEPT);
    if (!(code & OUTPUT_KEPT))
        log_error("standard output: %s: the job cannot go on", why);
    else if (c->output_dir)
        log_error("--output-dir: \"%s\": %s: the job cannot go on", c->output_dir, why);
    else
        log_error("what tasks print cannot be kept in \"%s\" (--tmpdir): %s: the job cannot "
                  "go on",
                  job_tmpdir(), why);
}
