#include "output/stream.h"

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "job/job.h"
#include "output/capture.h"
#include "output/stderr_tail.h"
#include "store/lock.h"

enum {
    STREAM_BUFFER = 64 << 10, /* bytes; more of them are not collected */
    STDIO_BUFFER = 16 << 10,
};

/* ---- to the descriptor ---- */

static void
drop_bytes(struct stream *s, size_t n)
{
    s->len -= n;
    memmove(s->bytes, s->bytes + n, s->len);
}

/* A process that a task has forked has no arena, and no lock: its lines may mix. */
static void
take_turn(const struct stream *s)
{
    if (likely(!job.stranger))
        (void)lock_take(s->self, s->lock, -1);
}

static void
end_turn(const struct stream *s)
{
    if (likely(!job.stranger))
        lock_release(s->self, s->lock);
}

/* Writes the first n collected bytes, nobody else's in between. */
static void
write_bytes(struct stream *s, size_t n)
{
    if (!n)
        return;
    s->real.tag = s->tag();
    take_turn(s);
    sink_put(&s->real, s->bytes, n);
    end_turn(s);
    drop_bytes(s, n);
}

static size_t
whole_lines(const struct stream *s)
{
    const char *end = s->len ? memrchr(s->bytes, '\n', s->len) : NULL;
    return end ? (size_t)(end - s->bytes) + 1 : 0;
}

void
stream_write_lines(struct stream *s)
{
    if (s->captured)
        stream_spill(s);
    else
        write_bytes(s, whole_lines(s));
}

void
stream_flush(struct stream *s)
{
    write_bytes(s, s->len);
}

void
stream_finish(struct stream *s)
{
    if (!s->len && !s->real.in_line)
        return;
    s->real.tag = s->tag();
    take_turn(s);
    sink_put(&s->real, s->bytes, s->len);
    sink_end_line(&s->real);
    end_turn(s);
    s->len = 0;
}

void
stream_suspend(struct stream *s, struct stream_line *line)
{
    *line = (struct stream_line){NULL, 0};
    if (likely(!s->len))
        return;
    stream_write_lines(s);
    if (!s->len)
        return;
    line->bytes = malloc(s->len);
    if (!line->bytes) {
        stream_flush(s);
        return;
    }
    memcpy(line->bytes, s->bytes, s->len);
    line->len = s->len;
    s->len = 0;
}

void
stream_resume(struct stream *s, struct stream_line *line)
{
    if (likely(!line->bytes))
        return;
    stream_flush(s); /* of no task */
    if (array_reserve(&s->bytes, &s->cap, line->len, 1)) {
        memcpy(s->bytes, line->bytes, line->len);
        s->len = line->len;
    } else {
        sink_put(&s->real, line->bytes, line->len);
    }
    stream_drop(line);
}

void
stream_drop(struct stream_line *line)
{
    free(line->bytes);
    line->bytes = NULL;
}

/* ---- from stdio ---- */

/* There is no memory to collect it: better mixed than lost. */
static void
write_through(struct stream *s, const char *bytes, size_t len)
{
    if (s->captured)
        stream_spill(s);
    else
        stream_flush(s);
    sink_put(s->captured ? &s->kept : &s->real, bytes, len);
}

/* The FILE's write function: stdio hands over what it has buffered. */
static ssize_t
take_from_stdio(void *cookie, const char *bytes, size_t len)
{
    struct stream *s = cookie;
    /* More than a buffer of it is the start of one line, which is not looked through again. */
    bool look = s->captured || s->len <= STREAM_BUFFER || memchr(bytes, '\n', len);
    if (s->tail_of && !job.stranger)
        stderr_tail_add(s->tail_of, bytes, len);
    if (!array_reserve(&s->bytes, &s->cap, s->len + len, 1)) {
        write_through(s, bytes, len);
        return (ssize_t)len;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    /* In a file, stderr stands where a program that the task starts finds it. */
    if (look && (!s->hold || s->len > STREAM_BUFFER))
        stream_write_lines(s);
    return (ssize_t)len;
}

int
stream_open(struct stream *s)
{
    cookie_io_functions_t io = {.write = take_from_stdio};
    s->file = fopencookie(s, "w", io);
    if (!s->file)
        return -ENOMEM;
    /* Unbuffered: `bytes` is the buffer, so that a line is seen when it ends. With `hold`,
     * stdio saves calls. */
    setvbuf(s->file, NULL, s->hold ? _IOFBF : _IONBF, s->hold ? STDIO_BUFFER : 0);
    return 0;
}

void
stream_close(struct stream *s)
{
    fclose(s->file);
    free(s->bytes);
    *s = (struct stream){0};
}

void
stream_pull(struct stream *s)
{
    if (__fpending(s->file))
        fflush(s->file);
}

/* ---- by way of a file ---- */

void
stream_capture(struct stream *s, int fd, bool whole)
{
    s->captured = true;
    s->whole = whole;
    s->kept = (struct sink){.fd = fd};
    s->shown = 0;
}

void
stream_release(struct stream *s)
{
    s->captured = false;
}

void
stream_spill(struct stream *s)
{
    sink_put(&s->kept, s->bytes, s->len);
    s->len = 0;
}

/* Is all that is not shown yet in memory? Programs that the task starts write to the file
 * themselves. */
static bool
in_memory(const struct stream *s)
{
    return !s->whole && capture_bytes(s->kept.fd) == s->shown;
}

void
stream_show(struct stream *s)
{
    s->real.tag = s->tag();
    if (in_memory(s)) {
        sink_put(&s->real, s->bytes, s->len);
        s->len = 0;
        return;
    }
    stream_spill(s);
    off_t end = capture_bytes(s->kept.fd);
    sink_copy(&s->real, s->kept.fd, s->shown, end - s->shown);
    s->shown = end;
}

struct order_log_piece
stream_take_piece(struct stream *s)
{
    struct order_log_piece p = {.from = s->bytes, .len = s->len};
    if (!in_memory(s)) {
        stream_spill(s);
        off_t end = capture_bytes(s->kept.fd);
        p = (struct order_log_piece){NULL, s->kept.fd, s->shown, (uint64_t)(end - s->shown)};
        s->shown = end;
    }
    s->len = 0;
    return p;
}
