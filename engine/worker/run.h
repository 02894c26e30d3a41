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

#include <lua.h>

#include "memory/layout.h"

/* run_open makes a Lua thread for the tasks, so that tracebacks end where the task does. It
 * lives as long as `main` does. */
lua_State *run_open(lua_State *main);
/* run_tasks runs tasks on that thread. Returns why there are no more for this worker. May
 * sleep while there are none; does not return if the output is lost (exit.h). */
enum exit_reason run_tasks(lua_State *L);

#endif
