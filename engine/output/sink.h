/* sink: bytes on their way out of this process: all of them, or the error that
 * stopped them, after which nothing is written any more. With a tag, it stands before
 * each line. Private to its process; locks are the caller's business. */
#ifndef PRN_SINK_H
#define PRN_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sink {
    int fd;
    int error;       /* -errno of the first write that failed; 0: none */
    const char *tag; /* before each line; NULL: none. The caller's memory */
    bool in_line;    /* with a tag: the last line has no end yet */
};

/* sink_put writes `len` bytes. May wait for the reader of a pipe. */
void sink_put(struct sink *s, const char *bytes, size_t len);
/* sink_copy writes `len` bytes of a file, from `at` on. What cannot be read is an
 * error of the sink's, too. */
void sink_copy(struct sink *s, int from, off_t at, off_t len);
/* sink_end_line ends a tagged line that has no end: the next tag starts a line. */
void sink_end_line(struct sink *s);

#endif
