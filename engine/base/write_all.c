#include "base/write_all.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "base/screen.h"

ssize_t
write_without(const sigset_t *signals, int fd, const char *bytes, size_t len)
{
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, signals, &before);
    ssize_t n = screen_write(fd, bytes, len);
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
