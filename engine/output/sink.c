#define _GNU_SOURCE
#include "output/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/screen.h"

enum { BUFFER = 16 << 10 };

/* Blocks SIGPIPE around a write, so that it is an error here and the default
 * elsewhere (a child of io.popen should die of it). */
static ssize_t
write_quietly(int fd, const char *bytes, size_t len)
{
    sigset_t pipe_only, before;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t n = screen_write(fd, bytes, len);
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
write_all(struct sink *s, const char *bytes, size_t len)
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

/* Tagged lines, collected so that short ones do not cost a write each. */
struct batch {
    struct sink *sink;
    size_t len;
    char bytes[BUFFER];
};

static void
batch_write(struct batch *b)
{
    write_all(b->sink, b->bytes, b->len);
    b->len = 0;
}

static void
batch_add(struct batch *b, const char *bytes, size_t len)
{
    if (b->len + len > BUFFER)
        batch_write(b);
    if (len > BUFFER) {
        write_all(b->sink, bytes, len);
        return;
    }
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
}

static void
put_tagged(struct sink *s, const char *bytes, size_t len)
{
    struct batch b;
    size_t tag = strlen(s->tag);
    b.sink = s;
    b.len = 0;
    while (len) {
        const char *end = memchr(bytes, '\n', len);
        size_t n = end ? (size_t)(end - bytes) + 1 : len;
        if (!s->in_line)
            batch_add(&b, s->tag, tag);
        batch_add(&b, bytes, n);
        s->in_line = !end;
        bytes += n;
        len -= n;
    }
    batch_write(&b);
}

void
sink_put(struct sink *s, const char *bytes, size_t len)
{
    if (s->tag)
        put_tagged(s, bytes, len);
    else
        write_all(s, bytes, len);
}

void
sink_copy(struct sink *s, int from, off_t at, off_t len)
{
    char part[BUFFER];
    while (len > 0 && !s->error) {
        ssize_t n = pread(from, part, len < BUFFER ? (size_t)len : BUFFER, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            s->error = n < 0 ? -errno : -EIO;
            return;
        }
        sink_put(s, part, (size_t)n);
        at += n;
        len -= n;
    }
}

void
sink_end_line(struct sink *s)
{
    if (s->in_line)
        write_all(s, "\n", 1);
    s->in_line = false;
}
