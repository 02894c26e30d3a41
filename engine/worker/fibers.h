/* fibers: the loop of a worker that may have begun several tasks (--concurrency above 1).
 *
 *   look what is over (poller.h) --> continue with a fiber whose wait is over
 *                                --> else, and after 16 of these in any case: begin a task
 *                                --> else sleep, until either can be done
 *
 * A worker that may begin a task sleeps so that it is woken for one (idle_wait_with()); one that
 * may not leaves them to others (idle_rest()). How many it may have begun: --concurrency, fewer
 * after a death (begin_limit.h). A task that was forgiven as many runs as it may crash workers is
 * begun alone: if it is the one that kills, it is found.
 *
 * How a task waits: fiber_wait.h.
 *
 * Private to the worker. Died: task/suspend.h. */
#ifndef PRN_FIBERS_H
#define PRN_FIBERS_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "memory/layout.h"
#include "worker/fiber.h"
#include "worker/poller.h"

/* fibers_open prepares this worker, whose state is `main`, for `most` tasks at a time; `spare` is a
 * thread of run_open(), for hooks and reports. 0 or -errno. */
int fibers_open(lua_State *main, lua_State *spare, uint32_t most);
/* fibers_close: --serial: the process continues without tasks. */
void fibers_close(void);
/* fibers_run does what run_tasks() does. */
enum exit_reason fibers_run(void);

#endif
