/* stack_dump: SIGUSR1 to prunner prints what each worker does, and where in its script it is.
 *
 * The supervisor asks (`asked`), and sends SIGUSR1 to the workers that compute. Such a
 * worker's next instruction of interpreted Lua notes the stack in its answer; the
 * supervisor collects for a moment, and prints. A worker that sleeps in a system call gets
 * no signal: it could not answer, and some calls (nanosleep, poll) would end early.
 * Compiled code does not look for hooks: no answer either. A worker whose tasks all wait sleeps in
 * epoll, and gets SIGURG: it answers for the suspended ones (stack_dump_suspended.c).
 *
 * The answers lie in a mapping of their own, made before the fork. writer of an answer:
 * its worker; a torn one could only be seen, and is not: `to` is stored last. Died halfway:
 * there is no answer. Where no supervisor runs, the process prints its own stack. */
#ifndef PRN_STACK_DUMP_H
#define PRN_STACK_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
/* stack_dump_follow: in this process tasks may be suspended, and `each` calls its argument with
 * each of them (worker/fibers.h). */
typedef void stack_dump_fn(void *arg, lua_State *L, uint32_t task, const char *what);
void stack_dump_follow(void (*each)(stack_dump_fn *fn, void *arg));
/* stack_dump_look: between two tasks: if the supervisor asks, this worker answers for those that
 * are suspended. */
void stack_dump_look(void);
/* stack_dump_ask: the supervisor got the signal. Prints a moment later. */
void stack_dump_ask(void);

/* ---- between stack_dump.c and stack_dump_suspended.c ---- */

/* stack_dump_put_stack: the stack of L as lines, the innermost call first. Returns their bytes. */
size_t stack_dump_put_stack(char *text, size_t room, lua_State *L);
/* stack_dump_put_suspended: what is suspended in this process, as lines: each stack once, with how
 * many tasks have it. Returns their bytes; 0: nothing is. */
size_t stack_dump_put_suspended(char *text, size_t room);

#endif
