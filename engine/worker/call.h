/* call: what a task's function is called with: from the encoded arguments to values on a stack. */
#ifndef PRN_CALL_H
#define PRN_CALL_H

#include <lua.h>

struct task;

/* What each thread in which tasks run has at the bottom of its stack. */
enum { CALL_FUNCTIONS = 1,
       CALL_HANDLER = 2,
       CALL_LOOPS = 3,
       CALL_DECODER = 4,
       CALL_TOP = CALL_DECODER };

enum call_pushed {
    CALL_READY,
    CALL_FAILED,    /* the bytes are damaged, or there is no memory: the error value is pushed */
    CALL_DUPLICATE, /* another task has its key */
};

/* call_open pushes that. */
void call_open(lua_State *L);
/* call_push pushes the function of t, which is the running task, and its *nargs arguments. */
enum call_pushed call_push(lua_State *L, const struct task *t, int *nargs);

#endif
