/* chain: the loops of lua/prunner/chain.lua, by function: which functions have one.
 * Private to the worker. */
#ifndef PRN_TASK_LOOP_H
#define PRN_TASK_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* chain_open leaves the table of loops on the stack, for chain_push(). */
void chain_open(lua_State *L);
/* chain_push pushes the loop of function `fn`, in place of it, if it has one by now; the
 * tables of functions and of loops stand at `functions` and `loops`. One load and one
 * comparison where there is none. */
bool chain_push(lua_State *L, uint32_t fn, int functions, int loops);
/* chain_give_up: function `fn` shall have none. */
void chain_give_up(uint32_t fn);

#endif
