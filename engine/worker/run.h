/* run: claims tasks and calls them, until there are none.
 *
 * The worker's life (worker.c) calls run_open() once and run_tasks() once. Everything that
 * happens for each task is here; what happens when one fails is in failure.c.
 *
 *   run_tasks        claims a task, or waits for one
 *     run_task       starts it, has it called, ends it
 *       call_task    pushes function and arguments; lua_pcall
 *         its function, or
 *         a loop of task_loop.lua, which calls the function and, after each task:
 *           prn_next_task     (FFI) ends the task, claims and starts the next one
 *
 * The task at hand (enum run_state in run.c):
 *
 *                claim                start                end
 *   RUN_NOTHING -------> RUN_CLAIMED -------> RUN_STARTED -----> RUN_NOTHING
 *
 *   who             does of these                         leaves        and says
 *   run_tasks       claims                                RUN_CLAIMED
 *   prn_next_task   none: run_task has to end it          RUN_STARTED   false
 *                   ends; there is no task to claim       RUN_NOTHING   false
 *                   ends, claims one of another kind      RUN_CLAIMED   false
 *                   ends, claims, starts one that the     RUN_STARTED   true: once more
 *                   loop can call
 *   run_task        starts; and if it is still            RUN_NOTHING,
 *                   RUN_STARTED when call_task has        or what prn_next_task has
 *                   returned, ends it                     left
 *
 * So run_tasks calls run_task again while it is RUN_CLAIMED, and a task that was claimed is
 * started: head->mode is not read in between. A loop can call a task of its own function
 * with one number as its arguments. prn_next_task leaves the end to run_task when there may
 * be something to say: locks that are held, posts or dict operations that a second run has
 * not repeated.
 *
 * All of this is private to the worker. Died in any state: slot->cur names the task that
 * was claimed and not committed, which is all that the supervisor needs (recover.h). */
#ifndef PRN_RUN_H
#define PRN_RUN_H

#include <stdbool.h>

#include <lua.h>

#include "memory/layout.h"

struct self;

/* run_open makes a Lua thread for tasks, so that tracebacks end where the task does. It
 * lives as long as it has its reference in the registry, *reference. */
lua_State *run_open(lua_State *main, int *reference);
/* run_tasks runs tasks on that thread. Returns why there are no more for this worker. May
 * sleep while there are none; does not return if the output is lost (exit.h). */
enum exit_reason run_tasks(lua_State *L);

/* ---- what fibers.c does these by ---- */

/* Of a task that waits. */
struct run_saved {
    uint64_t from, began_ns;
    uint32_t fn;
};

enum run_turn {
    RUN_ENDED,        /* the task, and perhaps others after it; the thread can be used again */
    RUN_CLAIMED_NEXT, /* the same, and the next one is claimed */
    RUN_BROKEN,       /* the task; the thread is dead */
    RUN_WAITS,        /* it has called run_will_wait(), and yielded */
};

/* run_by_turns: from here on tasks run in coroutines, by the calls below; `spare` is a thread for
 * what is to be done when one is dead. */
void run_by_turns(lua_State *spare);
/* run_reserve makes sure that one more task can come back, while others wait. false: no memory. */
bool run_reserve(void);
/* run_claim claims a task that may be started now. For it, and for run_wait_for_task() and
 * idle_wait_with(), a place is reserved. */
bool run_claim(void);
/* run_wait_for_task sleeps until there is one, as run_tasks() does. true: it is claimed. */
bool run_wait_for_task(void);
/* run_tell_turn: a task was claimed; if it took a turn (--delay) the supervisor has to know. */
void run_tell_turn(void);
/* run_may_claim: may this worker begin another task? Else *why says for which reason it should
 * end. */
bool run_may_claim(enum exit_reason *why);
/* run_start starts the claimed task; run_call calls the started one on L. */
void run_start(void);
enum run_turn run_call(lua_State *L);
/* run_go_on continues with the task that waits on L, whose transaction is back in the slot; n
 * values on the top of L are what its wait returns. */
enum run_turn run_go_on(lua_State *L, int n);
/* run_will_wait: the task at hand is about to yield. */
void run_will_wait(void);
/* run_began: when the task at hand was started (CLOCK_MONOTONIC, some ms off). */
uint64_t run_began(void);
/* run_save, run_restore: around suspend_task() and suspend_resume(). */
struct run_saved run_save(void);
void run_restore(const struct run_saved *saved);

#endif
