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
 * Waiting, from inside a task (lua/binding_wait.c):
 *
 *   fibers_can_wait   may the running fiber be switched here? Else the caller blocks
 *   fibers_wait       begins the wait; then the caller yields, and run_call() or run_go_on()
 *                     returns RUN_WAITS
 *   fiber_push_why    what the wait returns, when it continues
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

/* fibers_can_wait: is L the running fiber's coroutine, at a point where it can yield, with no
 * lock held and nothing of ours in the middle of a call? */
bool fibers_can_wait(lua_State *L);
/* fibers_running: the coroutine of the running fiber; NULL: none runs. */
lua_State *fibers_running(void);
/* fibers_wait begins a wait of the running fiber for n descriptors (n == 0: none; the list is
 * copied) and until `due_ns` (CLOCK_NEVER: no moment). `what` is what it waits for, in words.
 * 0, or as poller_wait(), with *at the number of the descriptor. */
int fibers_wait(const struct poller_fd *fds, uint32_t n, uint64_t due_ns, const char *what,
                uint32_t *at);
/* fibers_wait_told begins a wait that fibers_tell() ends, with this ticket. */
int fibers_wait_told(struct fiber_ticket *ticket, uint64_t due_ns, const char *what);
/* fibers_tell: false: nobody waits for it (any more). */
bool fibers_tell(struct fiber_ticket *ticket);
/* fibers_owner: the id of the task that waits in this wait; 0: none. */
uint64_t fibers_owner(const struct poller_wait *w);

#endif
