/* random: what math.random() gives in a worker. LuaJIT's generator starts with the same seed in
 * every process, so each worker gets one of its own: another one in each run, or one made of
 * the seed that the script has given. Private to a process, except what a fork copies. */
#ifndef PRN_RANDOM_H
#define PRN_RANDOM_H

#include <lua.h>

/* random_watch, once, before the script runs: notes what math.randomseed() is called with. */
void random_watch(lua_State *L);
/* random_in_worker seeds the generator of the worker of this slot, which has claimed `claims`
 * tasks. With a seed of the script's the first worker continues where the script was: with -n 1
 * the numbers are those of --serial. */
void random_in_worker(lua_State *L, unsigned slot, unsigned claims);

#endif
