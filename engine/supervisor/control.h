/* ctl: the supervisor's end of `prunner ctl`: a socket on which the user of a job says
 * what it shall do from now on.
 *
 * Datagrams, so that nobody can keep the supervisor waiting in the middle of a
 * request: one line asks, one line answers. Asked are
 *
 *   status | workers N | pause | resume | stop | stop now
 *
 * and the answer begins with + (done) or - (not done), then text for people. The kernel
 * says who asks (SCM_CREDENTIALS): the job's user, or root. Everybody else is kept out
 * by the directory (ctl_dir.h), and refused here.
 *
 * Made after the workers were forked; those forked later close it, and programs that
 * tasks start never have it. A job that was killed leaves its socket behind: whoever
 * comes next, a job or `prunner ctl`, removes it. */
#ifndef PRN_CONTROL_H
#define PRN_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_LINE = 512 }; /* bytes of a request or an answer, at most */

enum ctl_action {
    CTL_STATUS,
    CTL_WORKERS,
    CTL_PAUSE,
    CTL_RESUME,
    CTL_STOP,
    CTL_STOP_NOW,
};

struct ctl_request {
    enum ctl_action action;
    uint32_t n; /* CTL_WORKERS: 1..CONFIG_WORKERS_MAX; else 0 */
};

/* What the supervisor does when it is told to. */
struct ctl_hands {
    int (*workers)(uint32_t n); /* 0 or -errno */
    void (*stop)(bool now);
};

/* ctl_open makes the socket; without one the job runs all the same. */
void ctl_open(void);
/* ctl_fd: to poll for reading; -1: there is none. */
int ctl_fd(void);
/* ctl_serve does what was asked for, and answers. Never waits. */
void ctl_serve(const struct ctl_hands *hands);
/* ctl_close removes the socket. ctl_forget is for a worker: it lets go of it. */
void ctl_close(void);
void ctl_forget(void);

/* ctl_parse reads a request of `len` bytes, not trusting any of them. false: it is
 * none; *out untouched. */
bool ctl_parse(struct ctl_request *out, const char *text, size_t len);

#endif
