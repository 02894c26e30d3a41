/* capture: files in which a task's stdout and stderr are kept while it runs. Meanwhile
 * the descriptors 1 and 2 mean these files, so that programs which the task starts
 * write there too; between tasks they are what they were.
 *
 * Without --output-dir each worker has two files without a name, which keep what one
 * task prints until it is shown. With it every task has its own:
 * DIR/FUNCTION/ID/stdout and stderr, and `task`, which says what it was called with.
 *
 * Died in a task: the nameless files are gone with the worker; the named ones stay
 * until the task's next run makes them anew. */
#ifndef PRN_CAPTURE_H
#define PRN_CAPTURE_H

#include <sys/types.h>

struct task;

/* capture_dir makes --output-dir, if it is not there. Before the fork. 0 or -errno. */
int capture_dir(const char *path);
/* capture_open: this process is going to run tasks. real[0] and real[1] are set to
 * descriptors of what 1 and 2 are now. 0, or -errno with nothing changed. */
int capture_open(int real[2]);
/* capture_close ends that; 1 and 2 are what they were. */
void capture_close(void);
/* capture_enter: from here on 1 and 2 are files: file[0], file[1], which begin empty.
 * 0, or -errno with 1 and 2 as they were. */
int capture_enter(const struct task *t, int file[2]);
/* capture_leave: 1 and 2 are what they were; nameless files are emptied. */
void capture_leave(void);
/* capture_bytes returns how much is in such a file by now. */
off_t capture_bytes(int file);

#endif
