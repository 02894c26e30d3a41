/* write_all: all bytes to a descriptor, or the error that stopped them. Where write(2) gives
 * an error and raises a signal as well, the caller sees the error only: the signal stays
 * what it is elsewhere (a child of io.popen should die of SIGPIPE).
 *
 * Called by output (what tasks print), by base/outfile (files that the supervisor writes)
 * and by base/log. Any thread: only the caller's own signal mask is touched. */
#ifndef PRN_WRITE_ALL_H
#define PRN_WRITE_ALL_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* write_without is one screen_write(); the `signals` that it may raise are not delivered. */
ssize_t write_without(const sigset_t *signals, int fd, const char *bytes, size_t len);
/* write_all writes `len` bytes. SIGPIPE is an error only (-EPIPE); so is `also`, if it is
 * not 0 (SIGXFSZ: -EFBIG). May wait for the reader of a pipe, of one that does not block,
 * too. 0, or -errno with some of the bytes written. */
int write_all(int fd, const char *bytes, size_t len, int also);
/* write_all_at writes to a place of a file; the signal `without` (SIGXFSZ) is an error only. */
int write_all_at(int fd, const char *bytes, size_t len, off_t at, int without);

#endif
