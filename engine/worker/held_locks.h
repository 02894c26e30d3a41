/* held_locks: what is still locked when a task or a hook ends is released, and its author is
 * told. Called by run.c, failure.c and hooks.c. */
#ifndef PRN_HELD_LOCKS_H
#define PRN_HELD_LOCKS_H

#include <stdbool.h>

/* held_locks_release publishes what was written under the locks and warns; keep = false, after
 * an error: does neither. 0, or -errno: it could not be published. One look if
 * nothing is locked. */
int held_locks_release(bool keep);

#endif
