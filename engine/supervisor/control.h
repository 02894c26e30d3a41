/* control: the supervisor's end of `prunner ctl`: a socket on which the user of a job says
 * what it does from now on.
 *
 * Datagrams, so that nobody can keep the supervisor waiting in the middle of a
 * request: one line asks, one line answers (control_request.h). The kernel says who asks
 * (SCM_CREDENTIALS): the job's user, or root. Everybody else is kept out by the directory
 * (control_dir.h), and refused here.
 *
 * Made after the workers were forked; those forked later close it, and programs that
 * tasks start never have it. A job that was killed leaves its socket behind: whoever
 * comes next, a job or `prunner ctl`, removes it. */
#ifndef PRN_CONTROL_H
#define PRN_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/run_kill.h"

/* What the supervisor does when it is told to. */
struct control_ops {
    int (*workers)(uint32_t n); /* 0 or -errno */
    void (*stop)(bool now);
    enum run_kill_answer (*kill)(uint64_t id);
};

/* control_open makes the socket; without one the job runs all the same. */
void control_open(void);
/* control_fd: to poll for reading; -1: there is none. */
int control_fd(void);
/* control_serve does what was asked for, and answers. Never waits. */
void control_serve(const struct control_ops *hands);
/* control_killed: the worker in which task `id` was to be killed is dead; `failed`: so is the
 * task, else it had ended before. Whoever asked for it is told. */
void control_killed(uint64_t id, bool failed);
/* control_close removes the socket. control_forget is for a worker: it lets go of it. */
void control_close(void);
void control_forget(void);

#endif
