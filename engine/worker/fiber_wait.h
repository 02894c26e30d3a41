/* fiber_wait: the running task of a worker with --concurrency above 1 begins to wait.
 *
 *   fiber_can_wait   may the running fiber be switched here? Else the caller blocks
 *   fiber_wait       begins the wait; then the caller yields, and run_call() or run_go_on()
 *                    returns RUN_WAITS to the loop (fibers.h)
 *   fiber_push_why   what the wait returns, when it continues
 *
 * Private to the worker. Died: task/suspend.h. */
#ifndef PRN_FIBER_WAIT_H
#define PRN_FIBER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "worker/fiber.h"
#include "worker/poller.h"

/* fiber_can_wait: is L the running fiber's coroutine, at a point where it can yield, with no
 * lock held and nothing of ours in the middle of a call? */
bool fiber_can_wait(lua_State *L);
/* fiber_wait begins a wait of the running fiber for n descriptors (n == 0: none; the list is
 * copied) and until `due_ns` (CLOCK_NEVER: no moment). `what` is what it waits for, in words.
 * 0, or as poller_wait(), with *at the number of the descriptor. */
int fiber_wait(const struct poller_fd *fds, uint32_t n, uint64_t due_ns, const char *what,
               uint32_t *at);
/* fiber_wait_told begins a wait that fiber_tell() ends, with this ticket. */
int fiber_wait_told(struct fiber_ticket *ticket, uint64_t due_ns, const char *what);
/* fiber_tell: false: nobody waits for it (any more). */
bool fiber_tell(struct fiber_ticket *ticket);
/* fiber_wait_owner: the id of the task that waits in this wait; 0: none. */
uint64_t fiber_wait_owner(const struct poller_wait *w);
/* fiber_wait_over: the wait has ended; its list of descriptors is not needed any more. */
void fiber_wait_over(struct fiber *f);

#endif
