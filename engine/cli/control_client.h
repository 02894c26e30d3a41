/* control_ask: the asker's end of `prunner ctl`: which jobs of this user are running, and
 * one request to one of them. What the lines say is in ctl.h. */
#ifndef PRN_CONTROL_CLIENT_H
#define PRN_CONTROL_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

/* prn_ctl_jobs writes the process numbers of up to `max` running jobs, lowest first.
 * Returns how many there are. Sockets that dead jobs have left are removed. */
__attribute__((visibility("default"))) size_t prn_ctl_jobs(pid_t *pids, size_t max);

/* prn_ctl_ask puts a request to the job of process pid and waits for the answer, which
 * is cut at `cap` bytes and gets a 0. 0; -ENOENT: that is no job of this user;
 * -ETIMEDOUT: it does not answer; or another -errno. */
__attribute__((visibility("default"))) int prn_ctl_ask(pid_t pid, const char *request,
                                                       char *answer, size_t cap);

#endif
