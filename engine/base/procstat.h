/* procstat: what /proc/PID/stat says about a process. */
#ifndef PRN_PROCSTAT_H
#define PRN_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>

struct procstat {
    int ppid;
    char state;       /* as ps shows it: R runs, S sleeps, D waits for a disk, T is stopped, Z */
    uint64_t cpu_ns;  /* used, without what its children used */
    uint64_t age_ns;  /* since it was started */
    uint64_t started; /* when that was: of two processes with one number, each has its own */
    uint64_t rss_bytes;
};

/* procstat_read. false: there is no such process, or it cannot be seen; *out untouched. */
bool procstat_read(struct procstat *out, int pid);

#endif
