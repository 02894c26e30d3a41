/* failure: a run that has failed: it is reported, and the task runs again or has failed for
 * good. Called by run.c. */
#ifndef PRN_FAILURE_H
#define PRN_FAILURE_H

#include <stdint.h>

#include <lua.h>

/* failure_end_task ends the task at hand, which raised the value at the top of the stack;
 * that is popped. `from`: what metrics_start() gave for it. Died before its commit: the
 * run counts as one that ended with its worker, and may be reported twice. */
void failure_end_task(lua_State *L, uint64_t from);

#endif
