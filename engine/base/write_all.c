#include "base/write_all.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/screen.h"

enum { APPEND = -1 }; /* where the descriptor stands */

static ssize_t
write_at_without(const sigset_t *signals, int fd, const char *bytes, size_t len, off_t at)
{
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, signals, &before);
    ssize_t n = at == APPEND ? screen_write(fd, bytes, len) : pwrite(fd, bytes, len, at);
    int err = errno;
    /* A write that is cut short by the reader's end raises the signal, too. */
    if (n < (ssize_t)len) {
        struct timespec now = {0, 0};
        (void)sigtimedwait(signals, NULL, &now);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return n;
}

ssize_t
write_without(const sigset_t *signals, int fd, const char *bytes, size_t len)
{
    return write_at_without(signals, fd, bytes, len, APPEND);
}

int
write_all(int fd, const char *bytes, size_t len, int also)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    if (also)
        sigaddset(&signals, also);
    while (len) {
        ssize_t n = write_without(&signals, fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {fd, POLLOUT, 0};
            poll(&p, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int
write_all_at(int fd, const char *bytes, size_t len, off_t at, int without)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, without);
    while (len) {
        ssize_t n = write_at_without(&signals, fd, bytes, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        bytes += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}
