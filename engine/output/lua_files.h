/* lua_files: Lua's io library writes to the process's C streams, whichever those are now.
 * The only part of output/ that knows Lua.
 *
 * Called by the worker after output_open() and output_close() (worker/worker.c): between
 * these and the call, no Lua may run. Private to the process. */
#ifndef PRN_LUA_FILES_H
#define PRN_LUA_FILES_H

#include <lua.h>

/* lua_files_follow: io.stdout and io.stderr are C's stdout and stderr from here on. May raise
 * "not enough memory". */
void lua_files_follow(lua_State *L);
/* lua_files_flush_lines: file:flush() and io.flush() write whole lines of stdout past our own
 * buffer, so that what a command prints afterwards comes behind them. Once a process; it may
 * raise "not enough memory". */
void lua_files_flush_lines(lua_State *L);

#endif
