/* failures_file: --failures FILE: one line of JSON for each task that failed for good or was
 * quarantined, enough to see why and to post it again (--retry-failed, retry_failed.lua).
 *
 * Written by the worker that saw the error, before its commit, or by the supervisor
 * that quarantined the task; each line under a lock, to a file opened with O_APPEND
 * before the fork. No Lua. Died in between: a worker killed after the line and before
 * its commit runs the task again, which may end in another line. A line that was cut
 * is ended by the writer of the next one; an empty line more does no harm. */
#ifndef PRN_FAILURES_FILE_H
#define PRN_FAILURES_FILE_H

#include <stddef.h>
#include <stdint.h>

struct slot;
struct task;

/* What is not in the task itself. */
struct failure_record {
    const struct task *task;
    uint32_t attempts, errors; /* runs in all; those that ended by an error */
    const char *signal;        /* NULL: it was none */
    int exit;                  /* of the program that was the reason; 0: none was */
    const char *error;         /* NULL: it was none */
    size_t error_len;
    const char *traceback;   /* NULL: there is none */
    const struct slot *slot; /* of the worker that ran it last: what it wrote to stderr */
};

/* failures_file_open opens, or makes, the file; "" is none. 0 or -errno; -EEXIST: it is the
 * file `other` (may be NULL), which is to be read. */
int failures_file_open(const char *path, const char *other);
/* failures_file_write adds a line, if a file is open; the first that cannot be written is said
 * on stderr. May wait for the reader of a pipe. */
void failures_file_write(const struct failure_record *d);

#endif
