/* stream: a C stream of our own that collects bytes on their way to a descriptor.
 *
 *   stdio --> bytes[] --+-- whole lines, under `lock` --> real          the usual way
 *                       |
 *                       +-- while a task is captured --> kept -- stream_show() ------> real
 *                                                            \-- stream_take_piece() -> the caller
 *
 * write(2) to a pipe is only atomic up to 4 KiB: lines of different processes do not mix
 * because each process writes its whole lines under a lock in the arena.
 *
 * Two streams exist in each process that runs tasks, for stdout and stderr; output.c has
 * them and decides what is captured. Lua is not known here.
 *
 * Private to the process but for the lock. Died while writing: the supervisor breaks the
 * lock; the line may be cut, and what was collected is lost. */
#ifndef PRN_STREAM_H
#define PRN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "output/order_log.h"
#include "output/sink.h"

struct self;
struct slot;

struct stream {
    /* Fixed: set by the opener. */
    struct self *self;        /* acts for the slot that takes the lock */
    uint32_t *lock;           /* held while bytes go to `real` */
    struct slot *tail_of;     /* stderr: keeps the last of it (stderr_tail.h); NULL: no */
    const char *(*tag)(void); /* what each line begins with now; it may return NULL: nothing */
    struct sink real;         /* where bytes go in the end */
    bool hold;                /* lines wait for a flush, or until there are many */

    FILE *file;      /* what programs in this process write to; NULL: not open */
    char *bytes;     /* not yet written: the start of a line, or of a task's output */
    size_t len, cap; /* of `bytes` */

    /* While a task is captured, and afterwards for kept.error alone. */
    bool captured;
    bool whole;       /* the file gets all of it, also what could be shown from memory */
    struct sink kept; /* the file */
    off_t shown;      /* bytes of the file that were passed on */
};

/* stream_open makes the FILE; the first fields are set, the others 0. 0 or -ENOMEM. */
int stream_open(struct stream *s);
/* stream_close drops what was not flushed. All is 0 afterwards. */
void stream_close(struct stream *s);

/* stream_pull takes over what stdio has buffered. Once a task: output_flush(). */
void stream_pull(struct stream *s);
/* stream_write_lines writes whole lines to `real`, or all to the file if captured: for a
 * flush by the script. May wait for the lock, and for the reader of a pipe; so may
 * those below. */
void stream_write_lines(struct stream *s);
/* stream_flush writes all to `real`, the start of a line too. Not while captured. */
void stream_flush(struct stream *s);
/* stream_finish does the same at the end of a task: a tag that follows begins a line. */
void stream_finish(struct stream *s);

/* An unfinished line, apart. malloc'ed; NULL: none. */
struct stream_line {
    char *bytes;
    size_t len;
};

/* stream_suspend writes whole lines and puts the start of the next one aside; without memory it is
 * written too. stream_resume puts it back. Not while captured. */
void stream_suspend(struct stream *s, struct stream_line *line);
void stream_resume(struct stream *s, struct stream_line *line);

/* stream_drop: nobody continues it. */
void stream_drop(struct stream_line *line);

/* stream_capture: from here on all goes to the file `fd`, which is empty, or waits to go
 * there. For output_start(). */
void stream_capture(struct stream *s, int fd, bool whole);
/* stream_release ends that: the file is the caller's business. */
void stream_release(struct stream *s);
/* stream_spill moves all that was collected to the file. */
void stream_spill(struct stream *s);
/* stream_show writes to `real` what was captured and not yet shown. The caller holds the
 * lock: both streams of a task are shown together. */
void stream_show(struct stream *s);
/* stream_take_piece hands over what was captured and not yet shown; the bytes are there
 * until something else is printed. From memory, as long as nothing had to go to the
 * file. */
struct order_log_piece stream_take_piece(struct stream *s);

#endif
