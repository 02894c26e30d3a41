#include "output/sink.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/write_all.h"

enum { BUFFER = 16 << 10 };

static void
write_plain(struct sink *s, const char *bytes, size_t len)
{
    if (len && !s->error)
        s->error = write_all(s->fd, bytes, len, SIGXFSZ);
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
    write_plain(b->sink, b->bytes, b->len);
    b->len = 0;
}

static void
batch_add(struct batch *b, const char *bytes, size_t len)
{
    if (b->len + len > BUFFER)
        batch_write(b);
    if (len > BUFFER) {
        write_plain(b->sink, bytes, len);
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
        write_plain(s, bytes, len);
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
        write_plain(s, "\n", 1);
    s->in_line = false;
}
