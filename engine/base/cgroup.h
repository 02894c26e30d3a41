/* cgroup: which cgroups of this process can limit a resource. Reads
 * /proc/self/mountinfo and /proc/self/cgroup at each call; keeps nothing.
 *
 * A limit of any ancestor holds for us too, so the walk goes up from our own
 * cgroup to the mount point. What lies above that is not seen: in a container
 * the mount point often is the container's own cgroup. */
#ifndef PRN_CGROUP_H
#define PRN_CGROUP_H

#include <stdbool.h>

/* cgroup_each calls fn with the directory of our cgroup, then of each ancestor,
 * nearest first, last the mount point: in every mounted v1 hierarchy that has
 * `controller` ("cpu", "memory") and in every v2 one, in the order of mountinfo.
 * fn returns whether to continue; `dir` is valid until then. The directory need not
 * exist, nor have the controller's files. What is mounted twice is visited twice.
 * Every path begins with `root`: "" for the running system, a directory for a
 * test. Returns 0, also if fn ended it; -errno if the mounts cannot be read. */
int cgroup_each(const char *root, const char *controller,
                bool (*fn)(void *arg, const char *dir, bool v2), void *arg);

#endif
