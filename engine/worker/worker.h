/* worker: one worker: takes tasks, runs them in its Lua state, commits. The loop
 * is in C: every task is one lua_pcall, and the collector gets its steps. */
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
/* worker_traceback is the message handler of every call into the script: keeps
 * the value as it is and remembers the traceback for the report. */
int worker_traceback(lua_State *L);
/* worker_message turns the error value at the top of the stack into text that
 * says something for values of any type; the text is then on the stack instead. */
const char *worker_message(lua_State *L);
/* worker_take_traceback returns the traceback of the last error; NULL: none. */
const char *worker_take_traceback(void);

#endif
