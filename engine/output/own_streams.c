#define _GNU_SOURCE
#include "output/own_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/exit_status.h"
#include "base/log.h"
#include "base/write_all.h"

/* A descriptor that stdio cannot be left with: one that does not block, which it would give up at
 * once, or one whose end is a signal (ulimit -f). */
struct patient {
    int fd;
    int error; /* -errno of the first write that failed; 0: none */
};

static struct patient patient[2] = {{STDOUT_FILENO, 0}, {STDERR_FILENO, 0}};
static int lost;        /* -errno of the first loss that was seen: stdio keeps a flag, no reason */
static pid_t opened_by; /* 0: nobody */
static bool said;

/* The FILE's write function. Writing to a pipe that nobody reads is fatal, as with stdio. */
static ssize_t
write_patiently(void *cookie, const char *bytes, size_t len)
{
    struct patient *p = cookie;
    if (!p->error)
        p->error = write_all(p->fd, bytes, len, SIGXFSZ);
    if (!p->error)
        return (ssize_t)len;
    if (p->error == -EPIPE)
        raise(SIGPIPE);
    errno = -p->error;
    return 0;
}

static bool
needs_patience(int fd)
{
    struct rlimit limit;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return false;
    bool limited = !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY;
    return (flags & O_NONBLOCK) || limited;
}

static FILE *
make_patient(FILE *file, struct patient *p, int mode)
{
    cookie_io_functions_t io = {.write = write_patiently};
    if (!needs_patience(p->fd))
        return file;
    FILE *own = fopencookie(p, "w", io);
    if (!own)
        return file;
    setvbuf(own, NULL, mode, BUFSIZ);
    return own;
}

/* os.exit() in begin() or end_(): its status must not tell that all went well. */
static void
at_exit(void)
{
    if (getpid() == opened_by && own_streams_end())
        _exit(EXIT_FATAL);
}

void
own_streams_open(void)
{
    opened_by = getpid();
    stdout = make_patient(stdout, &patient[0], isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
    stderr = make_patient(stderr, &patient[1], _IONBF);
    (void)atexit(at_exit);
}

int
own_streams_flush(void)
{
    int err = fflush(stdout) ? errno : 0;
    if (!lost && (err || ferror(stdout)))
        lost = err ? -err : patient[0].error ? patient[0].error
                                             : -EIO;
    return lost;
}

int
own_streams_end(void)
{
    int err = own_streams_flush();
    if (err && !said)
        log_error("standard output: %s: not all could be written", strerror(-err));
    said = true;
    return err;
}

void
own_streams_said(void)
{
    said = true;
}
