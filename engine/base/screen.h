/* screen: a block of rows below what is written to the terminal.
 *
 *   ... what tasks print            <- scrolls, as without the block
 *   the last of it_                 <- the cursor: output continues here
 *   0:12  120 of 200 tasks          <- the block
 *   shared 1.2M  workers 12M
 *
 * The cursor stays where output continues, perhaps in the middle of a line; the block is
 * drawn below by going down and coming back. Before a process of the job writes to the
 * terminal it erases what is below the cursor, and it may draw the block again behind its
 * lines, all of it in one write(2), which the kernel does not mix with those of other
 * processes. So no lock is needed, nobody has to know how many rows there are, a resize moves
 * nothing that matters, and no death leaves more than the block itself. A writer that does not
 * know of it (a program that a task has started) writes over it, and is not erased.
 *
 * The shared part is mapped before the fork, and only where a block may be drawn.
 * `shown` and the drawings have one writer, the supervisor. */
#ifndef PRN_SCREEN_H
#define PRN_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* screen_possible: is standard error a terminal that can move its cursor? */
bool screen_possible(void);
/* screen_open, before the fork. 0 or -ENOMEM: then nothing is ever shown. */
int screen_open(void);
/* screen_in_use: was it opened? */
bool screen_in_use(void);
/* screen_size: the terminal's, now. */
void screen_size(int *columns, int *rows);
/* screen_show draws the rows, each ended by \n and no wider than the terminal, instead of
 * those drawn before. Never waits: draws nothing if the terminal is not ready, or if this
 * process is in the background. The supervisor only. */
void screen_show(const char *rows, size_t len);
/* screen_hide erases the block. */
void screen_hide(void);
/* screen_suspend: the user wants this process to stop (SIGTSTP, which is blocked). Returns
 * when it is continued. */
void screen_suspend(void);
/* screen_write is write(2), also to a terminal with a block. Any process; async-signal-safe
 * while nothing is shown. */
ssize_t screen_write(int fd, const char *bytes, size_t len);

#endif
