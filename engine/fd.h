/* fd: descriptors of prunner's own stay above standard input, output and error, also
 * when one of these was closed: what a script prints must not end up in shared memory. */
#ifndef PRN_FD_H
#define PRN_FD_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* fd_above_stdio moves fd out of 0..2. Returns fd, another one, or -1 with errno (as
 * what came in, when that was -1). */
static inline int
fd_above_stdio(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), err = errno;
    close(fd);
    errno = err;
    return above;
}

#endif
