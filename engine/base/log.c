#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/write_all.h"

enum { PATIENCE_MS = 1000 }; /* for a stderr that is full and does not block */

static bool log_is_quiet; /* fixed before the fork */
static bool log_is_debug; /* fixed before the fork */
static int log_fd = STDERR_FILENO;

void
log_init(bool quiet, bool debug)
{
    log_is_quiet = quiet;
    log_is_debug = debug && !quiet;
}

void
log_to(int fd)
{
    log_fd = fd;
}

bool
log_debugging(void)
{
    return log_is_debug;
}

/* All of it, also when the kernel takes it in parts. Gives up when nobody can
 * be told: an error about stderr has nowhere to go. */
static void
write_or_give_up(const char *text, size_t len)
{
    sigset_t too_large;
    sigemptyset(&too_large);
    sigaddset(&too_large, SIGXFSZ); /* a file under ulimit -f: nobody is to die of a message */
    while (len > 0) {
        ssize_t n = write_without(&too_large, log_fd, text, len);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = log_fd, .events = POLLOUT};
            int ready = poll(&p, 1, PATIENCE_MS);
            if (ready == 0 || (ready < 0 && errno != EINTR))
                return;
        } else if (n == 0 || errno != EINTR) {
            return;
        }
    }
}

static void
write_message(const char *fmt, va_list ap)
{
    static const char prefix[] = "prunner: ";
    static const char cut[] = "...\n";
    char line[LOG_BYTES_MAX];
    size_t len = sizeof prefix - 1;
    size_t room = sizeof line - len - sizeof cut;
    int saved = errno;

    memcpy(line, prefix, len);
    int n = vsnprintf(line + len, room, fmt, ap);
    if (n < 0) { /* a format that cannot be printed: say at least who */
        line[len++] = '\n';
    } else if ((size_t)n >= room) {
        len += room - 1;
        memcpy(line + len, cut, sizeof cut - 1);
        len += sizeof cut - 1;
    } else {
        len += (size_t)n;
        if (line[len - 1] != '\n')
            line[len++] = '\n';
    }
    write_or_give_up(line, len);
    errno = saved;
}

void
log_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    write_message(fmt, ap);
    va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
    va_list ap;
    if (log_is_quiet)
        return;
    va_start(ap, fmt);
    write_message(fmt, ap);
    va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
    va_list ap;
    if (!log_is_debug)
        return;
    va_start(ap, fmt);
    write_message(fmt, ap);
    va_end(ap);
}

void
log_text(const char *text, size_t len)
{
    int saved = errno;
    write_or_give_up(text, len);
    errno = saved;
}
