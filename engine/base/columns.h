/* columns: how much room a text takes on a terminal. */
#ifndef PRN_COLUMNS_H
#define PRN_COLUMNS_H

#include <stddef.h>

struct text;

/* columns_put adds `s`, or of it what fits into `columns`, with blanks behind it up to
 * `columns` if `fill`. Characters may be two columns wide; what is not a character, or would
 * move the cursor, is shown as ?. Returns the columns used. */
int columns_put(struct text *t, const char *s, int columns, int fill);
/* columns_of: how many it would use. */
int columns_of(const char *s);

#endif
