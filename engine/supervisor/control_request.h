/* control_request: the lines that `prunner ctl` and a running job exchange. Plain text, so that
 * versions that differ understand each other. Asked are
 *
 *   status | workers N | pause | resume | stop | stop now | kill TASK
 *
 * and the answer begins with + (done) or - (not done), then text for people. */
#ifndef PRN_CONTROL_REQUEST_H
#define PRN_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_LINE = 512 }; /* bytes of a request or an answer, at most */

enum control_action {
    CONTROL_STATUS,
    CONTROL_WORKERS,
    CONTROL_PAUSE,
    CONTROL_RESUME,
    CONTROL_STOP,
    CONTROL_STOP_NOW,
    CONTROL_KILL,
};

struct control_request {
    enum control_action action;
    uint64_t n; /* CONTROL_WORKERS: 1..CONFIG_WORKERS_MAX; CONTROL_KILL: id of a task; else 0 */
};

/* control_request_task: a task's id in `len` bytes, decimal, no sign, not 0. 0: it is none. The
 * words of the command line are read by it, too. */
uint64_t control_request_task(const char *text, size_t len);

/* control_request_parse reads a request of `len` bytes, not trusting any of them. false: it
 * is not one; *out untouched. */
bool control_request_parse(struct control_request *out, const char *text, size_t len);

#endif
