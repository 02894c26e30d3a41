/* stderr_tail: the last of what a task writes to stderr, kept in its worker's slot for
 * --failures.
 *
 * slot->stderr_tail, stderr_len, stderr_of. writer: the worker; reader: the worker itself,
 * or, after its death, the supervisor. Died while it wrote: the text may end early or have a
 * wrong byte; it is shown to people only. A task that writes nothing leaves an earlier
 * one's text, which is told by its stderr_of. Of a task that has waited it is what it has written
 * since. */
#ifndef PRN_STDERR_TAIL_H
#define PRN_STDERR_TAIL_H

#include <stddef.h>

struct slot;

/* stderr_tail_add: the slot's task has written this. By its stream (stream.c). */
void stderr_tail_add(struct slot *s, const char *bytes, size_t len);
/* stderr_tail_copy copies what the last task of the slot's worker wrote to stderr, its
 * last whole lines as far as they were kept, to text[SLOT_STDERR]. Returns its bytes.
 * For a failure record. */
size_t stderr_tail_copy(const struct slot *s, char *text);

#endif
