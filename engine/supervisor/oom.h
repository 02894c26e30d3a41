/* oom: did a worker die because the kernel had no memory left?
 *
 * The kernel counts its kills before it sends SIGKILL, but not whose they were: each
 * kill newly counted excuses one death by SIGKILL within a second. A task's own
 * programs may have been the victims; then a death soon after is excused that had
 * another reason, which costs a second. The supervisor's, private. */
#ifndef PRN_OOM_H
#define PRN_OOM_H

#include <stdbool.h>
#include <stdint.h>

struct oom {
    uint64_t (*kills)(const char *root); /* memory_limit_oom_kills; a test's own */
    uint64_t seen;                       /* kills at the last look */
    uint64_t excuses;                    /* kills not yet held against a death */
    uint64_t until_ns;                   /* excuses are good until then */
};

/* oom_open begins to count. */
void oom_open(struct oom *b, uint64_t (*kills)(const char *root));
/* oom_killed: a worker was found dead by a SIGKILL that we did not send: was it the
 * kernel, for lack of memory? Reads files; once for each death. */
bool oom_killed(struct oom *b, uint64_t now_ns);

#endif
