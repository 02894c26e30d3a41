/* held_locks: what is still locked when a task, a hook or the loading of the script ends is
 * released, and its author is told. Called by run.c, failure.c, hooks.c and lua/binding_job.c. */
#ifndef PRN_HELD_LOCKS_H
#define PRN_HELD_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* held_locks_release publishes what was written under the locks and warns; keep = false, after
 * an error: does neither. who: in words; NULL: the running task. 0, or -errno: it could not be
 * published. One look if nothing is locked. */
int held_locks_release(const char *who, bool keep);
/* held_locks_warn names n locks that `who` held and that were released. */
void held_locks_warn(const char *who, uint32_t *const *words, uint32_t n);

#endif
