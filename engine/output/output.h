/* output: what tasks print. Lines of different workers never mix, or whole tasks do
 * not (--group), or it is put into files (--output-dir).
 *
 * In a worker, stdout and stderr (the C streams and Lua's io.stdout, io.stderr)
 * become streams of our own. They collect whole lines and write them under a lock
 * in the arena, since write(2) to a pipe is only atomic up to 4 KiB. stdout is
 * flushed at the end of each task, before its commit, its whole lines when the
 * script flushes it, and line by line on a terminal; stderr line by line always.
 *
 * If output is kept by task, both go into files while the task runs (keep.h), small
 * ones of stdout excepted, and are shown when it has ended. Unless told otherwise
 * nothing of this costs more than a look at `output_by_task`.
 *
 * The last of what a task writes to stderr is kept in the slot, for --dead.
 *
 * Died while writing: the supervisor breaks the lock; the line may be cut. Died
 * while the task ran: what was kept of that run is not shown. */
#ifndef PRN_OUTPUT_H
#define PRN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "base/atomics.h"

struct self;
struct slot;
struct task;

/* Why output is flushed. */
enum output_when {
    OUTPUT_SO_FAR, /* the task goes on: prunner.commit(); or there is none */
    OUTPUT_AGAIN,  /* this run has ended, and there will be another one */
    OUTPUT_FAILED, /* the task has ended by an error */
    OUTPUT_DONE,   /* the task has ended */
};

/* In what output_flush() returns: it is not stdout that could not be written. */
enum { OUTPUT_KEPT = 1 << 16 };

/* Is it told which task prints (--tag, --group ...)? Fixed before the fork. */
extern bool output_by_task;

/* output_prepare does what comes before the script is loaded. 0, or -errno: the
 * directory of --output-dir cannot be used. */
int output_prepare(void);
/* output_open replaces the streams of this process: a (just forked) worker's, or that
 * of --serial while tasks run. 0, or -errno with nothing replaced. */
int output_open(struct self *self, lua_State *L);
/* output_close (--serial) gives the process its own streams again. As output_flush(). */
int output_close(lua_State *L);
/* output_start: what is printed from here on is the task's. For output_begin(). */
void output_start(const struct task *t);

/* output_begin: a task begins to run. */
static inline void
output_begin(const struct task *t)
{
    if (unlikely(output_by_task))
        output_start(t);
}

/* output_flush writes all that the task has printed. 0, or -code of the first write
 * that failed: -EPIPE means that nobody reads any more. */
int output_flush(enum output_when when);
/* output_say_lost: such a code (above 0) has ended the job. */
void output_say_lost(int code);
/* output_stderr_tail copies what the last task of the slot's worker wrote to stderr, its
 * last whole lines as far as they were kept, to text[SLOT_STDERR]. Returns its bytes.
 * By the worker itself, or after its death. */
size_t output_stderr_tail(const struct slot *s, char *text);
/* output_end flushes everything, unfinished lines too, before the process ends.
 * Returns what output_flush() does. */
int output_end(void);

#endif
