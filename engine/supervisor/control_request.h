/* control_request: the lines that `prunner ctl` and a running job exchange. Plain text, so that
 * versions that differ understand each other. Asked are
 *
 *   status | workers N | pause | resume | stop | stop now
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
};

struct control_request {
    enum control_action action;
    uint32_t n; /* CONTROL_WORKERS: 1..CONFIG_WORKERS_MAX; else 0 */
};

/* control_request_parse reads a request of `len` bytes, not trusting any of them. false: it
 * is not one; *out untouched. */
bool control_request_parse(struct control_request *out, const char *text, size_t len);

#endif
