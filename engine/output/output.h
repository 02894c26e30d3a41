/* output: what a task prints: when it starts, whether it is kept until the task ends, and
 * how it is shown then. Lines of different workers never mix (stream.h), or whole tasks do
 * not (--group), or each task's output is put into files (--output-dir).
 *
 *   output_open      a worker, or --serial: stdout and stderr become streams of our own
 *   output_begin     run.c: a task starts
 *   output_flush     run.c: it has ended, before its commit; and at prunner.commit()
 *   output_end       exit.c: the process ends
 *
 * stdout is flushed at the end of each task, its whole lines when the script flushes it,
 * and line by line on a terminal; stderr line by line always. If output is captured by
 * task, both go into files while the task runs (capture.h), small ones of stdout excepted,
 * and are shown when it has ended. Otherwise nothing of this costs more than a look at
 * `output_by_task`.
 *
 * Private to the process. Died while the task ran: what was captured of that run is not
 * shown. */
#ifndef PRN_OUTPUT_H
#define PRN_OUTPUT_H

#include <stdbool.h>

#include "base/atomics.h"
#include "memory/arena.h"
#include "output/stream.h"

struct self;
struct task;

/* Why output is flushed. */
enum output_when {
    OUTPUT_SO_FAR, /* the task continues: prunner.commit(); or there is none */
    OUTPUT_AGAIN,  /* this run has ended, and there will be another one */
    OUTPUT_FAILED, /* the task has ended by an error */
    OUTPUT_DONE,   /* the task has ended */
};

/* Does it matter which task prints (--tag, --group ...)? Fixed before the fork. */
extern bool output_by_task;

/* output_prepare does what comes before the script is loaded. 0, or -errno with a message:
 * the directory of --output-dir, or that of files without a name, cannot be used. */
int output_prepare(void);
/* output_before_fork makes the streams that output_open() puts in place: made by each worker they
 * cost it eight pages. 0 or -ENOMEM: then each makes its own. */
int output_before_fork(void);
/* output_open replaces the streams of this process: a (just forked) worker's, or that
 * of --serial while tasks run. 0, or -errno with nothing replaced. Lua's files are to
 * follow (lua_files.h). */
int output_open(struct self *self);
/* output_close (--serial) gives the process its own streams again. As output_flush(); Lua's
 * files are to follow. */
struct output_error output_close(void);
/* output_start: what is printed from here on is the task's. For output_begin(). */
__attribute__((cold, noinline)) void output_start(const struct task *t);

/* output_begin: a task begins to run. */
static inline void
output_begin(const struct task *t)
{
    if (unlikely(output_by_task))
        output_start(t);
}

/* output_suspend keeps the unfinished lines of the task at hand, which waits, apart from what
 * others print meanwhile; whole lines are written. output_resume: t continues. Not while output is
 * captured. */
struct output_saved {
    struct stream_line out, err;
};
void output_suspend(struct output_saved *saved);
void output_resume(const struct task *t, struct output_saved *saved);
/* output_drop: the task does not continue. */
void output_drop(struct output_saved *saved);
/* output_flush writes all that the task has printed. Returns the first error that was met
 * so far: EPIPE means that nobody reads any more. */
struct output_error output_flush(enum output_when when);
/* output_write_lines writes the whole lines of stdout: the script has flushed it. */
void output_write_lines(void);
/* output_reader_gone: does nobody read standard output any more, as far as it can be told
 * without writing (a pipe, a socket)? What is only captured here does not count. */
bool output_reader_gone(void);
/* output_say_lost: such an error has ended the job. */
void output_say_lost(struct output_error e);
/* output_end flushes everything, unfinished lines too, before the process ends.
 * Returns what output_flush() does. */
struct output_error output_end(void);

#endif
