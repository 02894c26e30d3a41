/* task_loop: the loops of lua/prunner/task_loop.lua, by function: which functions have one.
 * Private to the worker. */
#ifndef PRN_TASK_LOOP_H
#define PRN_TASK_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* task_loop_open leaves the table of loops on the stack, for task_loop_push(). */
void task_loop_open(lua_State *L);
/* task_loop_push pushes the loop of function `fn`, instead of it, if it has one by now; the
 * tables of functions and of loops stand at `functions` and `loops`. One load and one
 * comparison where there is none. */
bool task_loop_push(lua_State *L, uint32_t fn, int functions, int loops);
/* task_loop_give_up: function `fn` gets none. */
void task_loop_give_up(uint32_t fn);

#endif
