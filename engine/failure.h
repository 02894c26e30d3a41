/* failure: which failures are of the same kind. */
#ifndef PRN_FAILURE_H
#define PRN_FAILURE_H

#include <stddef.h>
#include <stdint.h>

/* failure_key returns the same number for errors of function fn that say the same but for
 * numbers and quoted texts; the place in front ("job.lua:12: ") counts. Looks at the first
 * FAILURE_BYTES of the first line, so that a text and its beginning have the same key. */
enum { FAILURE_BYTES = 100 };
uint64_t failure_key(uint32_t fn, const char *error, size_t len);

#endif
