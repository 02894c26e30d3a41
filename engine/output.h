/* output: what tasks print. Lines of different workers never mix.
 *
 * In a worker, stdout and stderr (the C streams and Lua's io.stdout, io.stderr)
 * become streams of our own. They collect whole lines and write them under a lock
 * in the arena, since write(2) to a pipe is only atomic up to 4 KiB. stdout is
 * flushed at the end of each task, before its commit, its whole lines when the
 * script flushes it, and line by line on a terminal; stderr line by line always.
 *
 * The last of what a task writes to stderr is kept in the slot, for --dead.
 *
 * Died while writing: the supervisor breaks the lock; the line may be cut. */
#ifndef PRN_OUTPUT_H
#define PRN_OUTPUT_H

#include <stddef.h>

#include <lua.h>

struct actor;
struct slot;

/* output_open replaces the streams of this (just forked) process. 0, -ENOMEM. */
int output_open(struct actor *x, lua_State *L);
/* output_flush writes all that the task has printed. 0, or -errno of the first
 * write that failed: -EPIPE means that nobody reads any more. */
int output_flush(void);
/* output_last_words copies what the last task of the slot's worker wrote to stderr, its
 * last whole lines as far as they were kept, to text[SLOT_WORDS]. Returns its bytes.
 * By the worker itself, or after its death. */
size_t output_last_words(const struct slot *s, char *text);
/* output_end flushes everything, unfinished lines too, before the process ends.
 * Returns what output_flush() does. */
int output_end(void);

#endif
