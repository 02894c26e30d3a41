#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum { PIECE = 256 << 10 };

int
outfile_open(struct outfile *o, const char *option, const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0) {
        int err = errno;
        log_error("%s: \"%s\": %s", option, path, strerror(err));
        return -err;
    }
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    *o = (struct outfile){
        .option = option,
        .path = path,
        .fd = fd,
        .fresh = !regular || st.st_size == 0,
    };
    return 0;
}

void
outfile_clear(struct outfile *o)
{
    if (!o->fresh && ftruncate(o->fd, 0))
        log_error("%s: \"%s\" cannot be emptied: %s", o->option, o->path, strerror(errno));
    o->fresh = true;
}

/* As write(2), but what is an error there and a signal too is an error only. */
static ssize_t
write_without_signal(int fd, const char *bytes, size_t n)
{
    sigset_t mask, before;
    struct timespec at_once = {0};
    sigemptyset(&mask);
    sigaddset(&mask, SIGXFSZ);
    sigaddset(&mask, SIGPIPE);
    sigprocmask(SIG_BLOCK, &mask, &before);
    ssize_t written = write(fd, bytes, n);
    int err = errno;
    if (written < 0 && (err == EFBIG || err == EPIPE))
        (void)sigtimedwait(&mask, NULL, &at_once);
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return written;
}

void
outfile_flush(struct outfile *o)
{
    const char *at = o->text.at, *end = at + o->text.len;
    int err = o->text.failed ? ENOMEM : 0;
    while (!o->failed && !err && at < end) {
        ssize_t n = write_without_signal(o->fd, at, (size_t)(end - at));
        if (n >= 0)
            at += n;
        else if (errno != EINTR)
            err = errno;
    }
    o->text.len = 0;
    if (!err)
        return;
    o->failed = true;
    log_error("%s: \"%s\" is not complete: %s. The job goes on without it", o->option, o->path,
              strerror(err));
    text_free(&o->text);
}

void
outfile_more(struct outfile *o)
{
    if (o->text.len >= PIECE || o->text.failed)
        outfile_flush(o);
}

void
outfile_close(struct outfile *o)
{
    outfile_flush(o);
    close(o->fd);
    text_free(&o->text);
}
