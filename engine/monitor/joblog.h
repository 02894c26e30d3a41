/* joblog: --joblog FILE: a line for each run of a task that ended, in the columns of GNU
 * parallel's job log and some more. An observer: written by the supervisor. */
#ifndef PRN_JOBLOG_H
#define PRN_JOBLOG_H

#include <stdbool.h>

/* joblog_open opens the file and asks to be told of runs; `all`: of every one, whatever it
 * costs. An existing job log is added to; another file is refused. 0, or -errno with a
 * message. Before the script runs; `path` stays the caller's. */
int joblog_open(const char *path, bool all);

#endif
