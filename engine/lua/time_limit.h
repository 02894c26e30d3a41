/* time_limit: --deadline for begin() and end_(), which run in this process alone.
 *
 *   start --its time is over--> errors are raised in it --GRACE_S--> the process ends
 *     |                                  |
 *     +-------------> end <--------------+
 *
 * The error comes from a hook (lua_sethook) that a signal's handler sets, as luajit's own Ctrl-C
 * does. It does not reach compiled code, or a C function that waits: then nothing but the end
 * of the process is left. A timer does not outlive a fork: no worker has one. */
#ifndef PRN_TIME_LIMIT_H
#define PRN_TIME_LIMIT_H

#include <lua.h>

/* time_limit_start: what `who` (a literal, in words) does now has its time. If it does not
 * heed the error the process ends with `status`. Does nothing without --deadline. */
void time_limit_start(lua_State *L, const char *who, int status);
/* time_limit_end: it is over, in whatever way. */
void time_limit_end(lua_State *L);

#endif
