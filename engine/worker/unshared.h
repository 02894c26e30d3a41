/* unshared: what was loaded before the fork is shared until somebody writes to it, and Lua's
 * collector does: it marks each object. A worker notes at its end how much of that it has of its
 * own by then; the summary has a hint. Without much loaded all of this costs nothing. */
#ifndef PRN_UNSHARED_H
#define PRN_UNSHARED_H

#include <stdint.h>

/* unshared_open, before the fork: the Lua heap has `heap_bytes` bytes. */
void unshared_open(uint64_t heap_bytes);
/* unshared_note: in a worker, after its last task. */
void unshared_note(void);

#endif
