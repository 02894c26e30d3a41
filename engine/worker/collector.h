/* collector: keeps Lua's garbage collector from running where prunner, and no task, allocates.
 *
 * LuaJIT hands the error of a finalizer to whoever allocates at the moment. Inside a task's call,
 * or a hook's, that is an error of theirs. Outside of any lua_pcall() it would end the process:
 * what fails is reported there, and hooks are prepared. So these hold the collector meanwhile. A
 * script that has stopped it itself finds it stopped. */
#ifndef PRN_COLLECTOR_H
#define PRN_COLLECTOR_H

#include <stdbool.h>

#include <lua.h>

/* collector_hold: true: it ran, and is held now. collector_go_on: true: it was held, and runs. */
bool collector_hold(lua_State *L);
bool collector_go_on(lua_State *L);

#endif
