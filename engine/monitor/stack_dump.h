/* stack_dump: SIGUSR1 to prunner prints what each worker does, and where in its script it is.
 *
 * The supervisor asks (`asked`), and sends SIGUSR1 to the workers that compute. Such a
 * worker's next instruction of interpreted Lua notes the stack in its answer; the
 * supervisor collects for a moment, and prints. A worker that sleeps in a system call gets
 * no signal: it could not answer, and some calls (nanosleep, poll) would end early.
 * Compiled code does not look for hooks: no answer either.
 *
 * The answers lie in a mapping of their own, made before the fork. writer of an answer:
 * its worker; a torn one could only be seen, and is not: `to` is stored last. Died halfway:
 * there is no answer. Where no supervisor runs, the process prints its own stack. */
#ifndef PRN_STACK_DUMP_H
#define PRN_STACK_DUMP_H

#include <stdbool.h>

#include <lua.h>

/* stack_dump_open: from here on SIGUSR1 does not end this process, unless whoever started it
 * ignores it. Again: nothing. */
void stack_dump_open(lua_State *L);
/* stack_dump_close: the state is to be closed. */
void stack_dump_close(void);
/* stack_dump_start, before the fork: workers can be asked. */
void stack_dump_start(void);
/* stack_dump_in_worker: this process answers for slot k, for the task in the state of L. */
void stack_dump_in_worker(unsigned k, lua_State *L);
/* stack_dump_ask: the supervisor got the signal. Prints a moment later. */
void stack_dump_ask(void);

#endif
