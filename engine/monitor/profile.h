/* profile: --profile FILE: where the workers' CPU time goes, by LuaJIT's own profiler, as
 * folded stacks: "function;frame;frame N", the task's function first.
 *
 *   | table of slot 0 | slot 1 | ... |       table: | entries | texts of stacks |
 *
 * Each worker counts its stacks in its slot's table, in memory that the supervisor shares: a
 * worker that is killed loses nothing, and its successor continues with the same table. One
 * writer: the slot's process. A stack's text is written before the entry that names it, so
 * one that a death has left half-written is in no entry. Read when the workers are gone.
 *
 * LuaJIT has its samples taken by ITIMER_PROF, which neither fork() nor a sleep advances: a
 * blocking call is hardly ever interrupted, and what a task starts is not sampled. */
#ifndef PRN_PROFILE_H
#define PRN_PROFILE_H

#include <stdbool.h>

#include <lua.h>

/* profile_open opens the file and makes the tables; `states`: with a last frame that says
 * what LuaJIT did. What is in the file stays until there is something to write. Before the
 * script runs. 0, or -errno with a message; `path` stays the caller's. */
int profile_open(const char *path, bool states);
/* profile_start, profile_stop: in a worker, around all that it runs, on the thread of its
 * tasks. Nothing if no profile is asked for. */
void profile_start(lua_State *tasks);
void profile_stop(lua_State *tasks);
/* profile_follow: the task at hand runs on this thread. */
void profile_follow(lua_State *task);

#endif
