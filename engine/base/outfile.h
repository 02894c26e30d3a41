/* outfile: a file that the supervisor writes: while the job runs (--joblog, --trace), or at
 * its end (--report).
 *
 * Text is collected and written in large pieces. The first write that fails is said on
 * stderr, once; nothing is written any more then, and the job continues. */
#ifndef PRN_OUTFILE_H
#define PRN_OUTFILE_H

#include "base/text.h"

struct outfile {
    const char *option, *path; /* as the user knows it: "--trace" */
    int fd;
    bool failed;
    bool fresh;       /* nothing was in it, or it is not a regular file */
    struct text text; /* what is to be written next */
};

/* outfile_open opens the file, or makes it (private: 0600); what is in it stays. 0, or
 * -errno with a message. */
int outfile_open(struct outfile *o, const char *option, const char *path);
/* outfile_clear drops what the file had. */
void outfile_clear(struct outfile *o);
/* outfile_flush writes all that was collected. May sleep for the disk, or for the reader
 * of a pipe. */
void outfile_flush(struct outfile *o);
/* outfile_more: to be called after text was added: writes if it is enough. */
void outfile_more(struct outfile *o);
/* outfile_close flushes first. */
void outfile_close(struct outfile *o);

/* outfile_replace gives the file new contents, which are there as a whole or not at all: by
 * a file next to it that takes its name, private unless the old one was not. What is not a
 * regular file is written to. Without contents (NULL): could that be done? 0 or -errno. */
int outfile_replace(const char *path, const char *bytes, size_t len);

#endif
