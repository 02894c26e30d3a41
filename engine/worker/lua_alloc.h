/* lua_alloc: how much memory a worker's Lua may take (--lua-memory).
 *
 * Wraps the state's allocator. While a task runs, what would go beyond the limit is
 * refused, and Lua raises "not enough memory", which the task may catch. Everything
 * else (hooks, decoding arguments, reports) is counted and never refused: it would
 * have nobody to catch it. LuaJIT does not collect when an allocation fails, so the
 * collector runs more often near the limit, and after one refusal the task gets an eighth more,
 * to deal with it, until there is room again. Private to the process. */
#ifndef PRN_LUA_ALLOC_H
#define PRN_LUA_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* lua_alloc_used returns the bytes that the state's objects take. */
uint64_t lua_alloc_used(lua_State *L);
/* lua_alloc_push_ballast pushes a block that is counted as memory and never touched. While it
 * lives, the collector of a small state begins a cycle after `bytes` of garbage, not each
 * time that as much garbage is there as the script's few functions take: marking those
 * again and again costs more than many a task. May raise "not enough memory". */
void lua_alloc_push_ballast(lua_State *L, size_t bytes);
/* lua_alloc_open limits the state, which must outlive lua_alloc_close(). */
void lua_alloc_open(lua_State *L, uint64_t limit_bytes);
/* lua_alloc_close gives the state its own allocator back. */
void lua_alloc_close(lua_State *L);
/* lua_alloc_enforce: refuse from here on, or no more. Two stores; before lua_alloc_open() or
 * without it, it does nothing. */
void lua_alloc_enforce(bool on);
/* lua_alloc_refused: was anything refused since the last lua_alloc_enforce(true)? */
bool lua_alloc_refused(void);

#endif
