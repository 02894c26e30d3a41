/* own_streams: C's stdout and stderr of the process that runs the script, where no worker's are
 * in their place: at top level, in begin() and end_(), and in all of it under --serial.
 *
 * They are the process's own, as under luajit. Two things are different: bytes for a pipe that
 * does not block wait for its reader, and what could not be written is not forgotten.
 *
 * Private to the process. Workers inherit the streams, empty, and put their own in their place
 * (output.h). */
#ifndef PRN_OWN_STREAMS_H
#define PRN_OWN_STREAMS_H

/* own_streams_open, in the command, before Lua has seen a stream. */
void own_streams_open(void);
/* own_streams_flush writes what stdout has collected. 0, or -errno: something that was printed
 * up to here is lost. May wait for the reader of a pipe. Also without own_streams_open(). */
int own_streams_flush(void);
/* own_streams_end does it for the last time: what is lost is said, unless it was said before.
 * Returns what own_streams_flush() does. */
int own_streams_end(void);
/* own_streams_said: the user knows that output was lost. */
void own_streams_said(void);

#endif
