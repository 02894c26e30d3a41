/* failure_kind: which failures are of the same kind. */
#ifndef PRN_FAILURE_KIND_H
#define PRN_FAILURE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* failure_key returns the same number, not 0, for errors of function fn whose first lines say
 * the same but for numbers and quoted texts; the place in front ("job.lua:12: ") counts. */
uint64_t failure_key(uint32_t fn, const char *error, size_t len);

#endif
