#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/write_all.h"

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

/* A file that may not grow any further (ulimit -f) is an error here, not a signal. */
static int
write_file(int fd, const char *bytes, size_t len)
{
    return write_all(fd, bytes, len, SIGXFSZ);
}

void
outfile_flush(struct outfile *o)
{
    int err = o->text.failed ? -ENOMEM : 0;
    if (!o->failed && !err)
        err = write_file(o->fd, o->text.at, o->text.len);
    o->text.len = 0;
    if (o->failed || !err)
        return;
    o->failed = true;
    log_error("%s: \"%s\" is not complete: %s. The job continues without it", o->option, o->path,
              strerror(-err));
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

/* ---- at once ---- */

static int
overwrite(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int err = bytes ? write_file(fd, bytes, len) : 0;
    close(fd);
    return err;
}

/* The temporary file is there already, and gone if this fails. */
static int
fill_and_rename(int fd, const char *temporary, const char *path, const char *bytes, size_t len)
{
    int err = write_file(fd, bytes, len);
    if (close(fd) && !err)
        err = -errno;
    if (!err && rename(temporary, path))
        err = -errno;
    if (err)
        unlink(temporary);
    return err;
}

int
outfile_replace(const char *path, const char *bytes, size_t len)
{
    struct stat st;
    char target[PATH_MAX], temporary[PATH_MAX];
    bool there = realpath(path, target) != NULL; /* of a link: what it leads to */
    if (there && stat(target, &st))
        return -errno;
    if (there && !S_ISREG(st.st_mode))
        return overwrite(target, bytes, len);
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", there ? target : path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return -ENAMETOOLONG;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (there)
        (void)fchmod(fd, st.st_mode & 0777);
    if (bytes)
        return fill_and_rename(fd, temporary, there ? target : path, bytes, len);
    close(fd);
    unlink(temporary);
    return 0;
}
