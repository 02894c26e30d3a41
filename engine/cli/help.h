/* help: what `prunner --help` prints: the options by group, the sub-commands,
 * examples. Prints, and knows nothing else. */
#ifndef PRN_HELP_H
#define PRN_HELP_H

#include <stdio.h>

#include "job/options.h"

/* help_usage writes the line that says how prunner is called. */
void help_usage(FILE *out);

/* help_print writes all of --help to standard output. */
void help_print(void);

/* help_options writes a table of options, each group under its heading. */
void help_options(FILE *out, const struct option_row *rows);

#endif
