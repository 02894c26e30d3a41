/* supervisor: the supervisor: forks the workers, waits, repairs what a dead one left,
 * forks a successor, kills what runs too long, ends the job. The only room that
 * forks. Between the first fork and the last worker's end it runs no Lua, so a
 * successor starts from the same state as the first workers. */
#ifndef PRN_SUPERVISOR_H
#define PRN_SUPERVISOR_H

#include <lua.h>

/* super_run runs everything that begin() has posted, and all that comes of it, on
 * n workers, and fills job.result. Returns in the supervisor only. 0; -errno if
 * it could not even start, message printed. */
int super_run(lua_State *L, int n);

/* super_resume makes the arena of an earlier run fit to go on (recover.h). Before the
 * script is loaded. 0 or -errno. */
int super_resume(void);

#endif
