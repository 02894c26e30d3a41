/* attach: finds a running job and opens what it lets be seen
 * (monitor/metrics_layout.h), to read only.
 *
 * The figures are read by pread() and not mapped: what the job has never touched then costs
 * it no memory, a file that ends too early is a short read, and what was read does not
 * change while it is looked at. Whatever is read is another process's: it is checked here
 * and in snapshot.c before it is used. */
#ifndef PRN_ATTACH_H
#define PRN_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTACH_MESSAGE_MAX = 512 };

struct attach {
    int pid;           /* of the job's supervisor, as this process sees it */
    int pid_fd;        /* readable once it has ended */
    int fd;            /* of the metrics; good also after its end */
    uint32_t slots;    /* in the figures */
    char command[256]; /* how it was called, words with blanks between */
};

/* attach_pid: the job whose supervisor, or one of whose workers, is process `pid`. 0, or
 * -errno and in `why` a sentence without its full stop that says what is the matter. */
int attach_pid(struct attach *out, int pid, char why[ATTACH_MESSAGE_MAX]);
/* attach_state: the job that was started with --state or --resume `path`. As before. */
int attach_state(struct attach *out, const char *path, char why[ATTACH_MESSAGE_MAX]);
/* attach_list finds the supervisors of this user's jobs: at most `cap`, in order. */
size_t attach_list(int *pids, size_t cap);
/* attach_read copies bytes of the metrics. false: there are fewer. */
bool attach_read(const struct attach *a, void *to, size_t bytes, size_t at);
/* attach_ended: is the supervisor gone? */
bool attach_ended(const struct attach *a);
void attach_close(struct attach *a);

#endif
