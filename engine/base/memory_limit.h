/* memory_limit: how much memory this process may use. Reads /proc and the cgroup
 * files at each call; keeps nothing. Allocates a little, so not for signal
 * handlers. Every path it opens begins with `root`: "" for the running system, a
 * directory for a test. */
#ifndef PRN_MEMORY_LIMIT_H
#define PRN_MEMORY_LIMIT_H

#include <stdint.h>

/* memory_limit_bytes: the smallest of physical memory and the memory limits of this
 * process's cgroup and all its ancestors, v1 and v2. All processes of a cgroup
 * share it; swap and resource limits (RLIMIT_AS, RLIMIT_DATA) do not count. What
 * cannot be read limits nothing; 0: nothing is known. */
uint64_t memory_limit_bytes(const char *root);

/* memory_limit_free: how much memory this process could take now without swapping: the
 * smallest of what the machine has available and what is left up to the limit of our
 * cgroup and each of its ancestors. What the kernel can drop at once (cached files not
 * used of late) counts as free. UINT64_MAX: nothing is known. */
uint64_t memory_limit_free(const char *root);

/* memory_limit_oom_kills: how many processes of our cgroup (on v2 also of those below
 * it) the kernel has killed for lack of memory, ever. Where our cgroup does not
 * say it, the nearest ancestor that does; where none does, the whole machine's
 * number; 0 where that is unknown too (Linux before 4.13).
 *
 * Only the difference of two calls says something, and not whose death it was.
 * The kernel counts before it sends SIGKILL, so after waitpid() the death
 * is counted. */
uint64_t memory_limit_oom_kills(const char *root);

#endif
