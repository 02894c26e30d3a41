/* fiber: a Lua coroutine that runs tasks, one after the other. A worker with --concurrency above 1
 * has one that runs and any number whose task waits.
 *
 *                 run_call()            core.wait()
 *   pool of fibers ---------> running ----------------> waiting (poller.h, suspend.h)
 *        ^                       |   <----------------
 *        +------ task ended -----+       run_go_on()
 *
 * What is suspended is the loop, not the task: a fiber whose task has ended takes the next one, in
 * compiled code if it can (task_loop.h). After an error the coroutine is dead, and so is its fiber.
 *
 * The worker's loop over all of them is fibers.h; lua/binding_wait.c lets the running one wait.
 * Private to the worker. */
#ifndef PRN_FIBER_H
#define PRN_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "monitor/metrics.h"
#include "output/output.h"
#include "task/suspend.h"
#include "worker/poller.h"
#include "worker/run.h"

/* By which another task of this worker ends a wait: fiber_tell(). */
struct fiber_ticket {
    struct fiber *fiber; /* NULL: nobody waits for it */
    /* Called if the task is given back meanwhile, and does not continue; NULL: nothing to do. */
    void (*given_back)(struct fiber_ticket *ticket);
};

struct fiber {
    struct poller_wait wait; /* the first field: fiber_of_wait() */
    struct poller_fd fd;     /* room for the list of the usual wait */
    lua_State *L;
    int thread;                  /* registry reference to L */
    bool fresh;                  /* its task was begun and not called yet */
    bool gives_back;             /* the job stops, and it waits for another task: fibers.c */
    bool failed;                 /* what it had staged is lost: an error is to be raised */
    uint64_t due_ns;             /* the wait's own moment; `wait` may end before: at deadline_ns */
    uint64_t deadline_ns;        /* --timeout of that; CLOCK_NEVER: none */
    uint64_t told_ns;            /* when its task was told that its time is over; 0: not yet */
    const char *waits_for;       /* what its wait is called, for people: "a clock" ... */
    struct fiber_ticket *ticket; /* that can end its wait; NULL: none can */
    uint32_t index;              /* among those that wait: waiting.h */
    struct suspended tx;         /* of the task, while it waits */
    struct run_saved run;
    struct metrics_saved metrics;
    struct output_saved output;
    struct fiber *next; /* in the pool */
};

/* fiber_open: coroutines are made in this state. */
void fiber_open(lua_State *main);
/* fiber_take returns one whose coroutine is ready to be called; NULL: no memory. */
struct fiber *fiber_take(void);
/* fiber_give: its task has ended. */
void fiber_give(struct fiber *f);
/* fiber_drop: its task has ended by an error, or by a yield that nobody awaits: the coroutine is
 * of no use any more. */
void fiber_drop(struct fiber *f);

/* fiber_running: the one that runs a task now; NULL: none does. Set by fibers.c. */
struct fiber *fiber_running(void);
void fiber_set_running(struct fiber *f);

/* fiber_is_late: its wait has ended because the time of its task is over. */
bool fiber_is_late(const struct fiber *f);
/* fiber_push_why pushes what its wait returns, and says how many values that are: true, or for
 * several descriptors the list of what is ready, as bits; false: its moment has come; nil,
 * "closed"; nil, message, true: an error is to be raised. */
int fiber_push_why(const struct fiber *f);

/* fiber_push_bits pushes that list. */
void fiber_push_bits(lua_State *L, const struct poller_fd *fds, uint32_t n);

static inline struct fiber *
fiber_of_wait(struct poller_wait *w)
{
    return (struct fiber *)w;
}

#endif
