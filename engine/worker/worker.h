/* worker: the life of a process that runs tasks: it becomes a worker, calls worker_begin, runs
 * tasks (run.c), calls worker_end, and ends (exit.c). Called by the supervisor. */
#ifndef PRN_WORKER_H
#define PRN_WORKER_H

#include <lua.h>
#include <stdbool.h>

/* worker_run is the life of a forked worker that acts for job.self's slot.
 * Does not return. */
__attribute__((noreturn)) void worker_run(lua_State *L);
/* worker_serial runs all tasks in this process (--serial), acting for slot 1.
 * false: it could not begin, like a worker that is given up; message printed. */
bool worker_serial(lua_State *L);

#endif
