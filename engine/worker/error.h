/* error: what a script raised, as text, and where it was raised.
 *
 * Called by all that calls into the script: the worker (run.c, failure.c, hooks.c), the Lua
 * state of the command (lua/host.c) and Lua's own xpcall (lua/binding_job.c). Private to the
 * process. */
#ifndef PRN_ERROR_H
#define PRN_ERROR_H

#include <stdbool.h>

#include <lua.h>

/* error_handler is the message handler of every call into the script: keeps the value as it
 * is and remembers the traceback. */
int error_handler(lua_State *L);
/* error_note does that for an error that has ended the coroutine `dead`, with the value at the top
 * of its stack. L: another thread. */
void error_note(lua_State *L, lua_State *dead);
/* error_rethrow raises the error value at the top of the stack once more, after a call with
 * error_handler(): the traceback stays that of where it came from. */
int error_rethrow(lua_State *L);
/* error_open, once, before the script may have changed its globals. */
void error_open(lua_State *L);
/* error_on_purpose: was the last error raised by error(), whose message is all that its
 * author wants to say? Else it is one of Lua code, or of a function that was called. */
bool error_on_purpose(void);
/* error_take_traceback returns the traceback of the last error, without our own frames, until
 * the next call; NULL: none since it was last taken. */
const char *error_take_traceback(void);
/* error_to_text turns the error value at the top of the stack into text that says something
 * for values of any type; the text is then on the stack instead. May call __tostring. */
const char *error_to_text(lua_State *L);
/* error_show replaces the text at the top of the stack by one for people: what a terminal would
 * obey, and 0 bytes, become \xNN; lines and tabs stay. */
const char *error_show(lua_State *L);

#endif
