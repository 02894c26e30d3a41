/* rows: what getopt_long() has to know of a table of options, and which row its answer means.
 * An answer is the option's letter, or ROWS_LONG and the row's index if the long name was typed. */
#ifndef PRN_ROWS_H
#define PRN_ROWS_H

#include <getopt.h>

#include "job/options.h"

enum { ROWS_LONG = 256 };

struct rows_getopt {
    char letters[2 * OPTIONS_MAX + 4];
    struct option names[OPTIONS_MAX + 1];
};

/* rows_prepare: `mode` is how the string of letters begins: see getopt(3). */
void rows_prepare(struct rows_getopt *out, const struct option_row *rows, const char *mode);
/* rows_answer returns the row that getopt's answer means; NULL: none of them. */
const struct option_row *rows_answer(const struct option_row *rows, int answer);

#endif
