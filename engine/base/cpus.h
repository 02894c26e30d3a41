/* cpus: how many CPUs this process may use. Reads /proc and the cgroup files
 * once, at the start; keeps nothing. */
#ifndef PRN_CPUS_H
#define PRN_CPUS_H

/* cpus_default: the smallest of the affinity mask and the CPU quotas of this
 * process's cgroup and all its ancestors, v1 and v2; a quota of 1.5 CPUs counts
 * as 2. At least 1; what cannot be read limits nothing. */
int cpus_default(void);

/* cpus_quota: the cgroup part alone, rounded up; 0: no quota. Every path it opens
 * begins with `root`: "" for the running system, a directory for a test. */
int cpus_quota(const char *root);

/* cpus_take_turns: from here on this process, when it is woken, waits for a time slice
 * instead of preempting the waker (SCHED_BATCH, sched(7)). So do its children. For more
 * processes than CPUs that wake each other: each would interrupt the one that wakes it, which
 * has more to do. Does nothing if the user has chosen another policy (chrt), or if the kernel
 * refuses. */
void cpus_take_turns(void);

#endif
