/* help: what the command tells whoever typed a line: `prunner --help`, the shorter `prunner -h`,
 * and what is wrong with the line. Prints, and knows nothing else. */
#ifndef PRN_HELP_H
#define PRN_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "job/options.h"

/* `prunner NAME ...` instead of a script. A sub-command is the very first word and nothing else, so
 * a script of that name is run by `prunner ./NAME` or `prunner -- NAME`. */
struct subcommand {
    const char *name;                  /* NULL ends a table of them */
    const char *words;                 /* what follows it, as --help shows it */
    const char *help;                  /* one line for --help, at most 57 columns */
    const struct option_row *options;  /* its own, for completions; never NULL */
    const char *offer;                 /* words it takes, with blanks between; NULL: files */
    int (*run)(int argc, char **argv); /* argv[0] is its name; returns the exit status,
                                          and answers --help itself */
};

/* help_usage writes the line that says how prunner is called. */
void help_usage(FILE *out);

/* help_print writes all of --help to standard output: the options by group, the sub-commands,
 * examples. help_brief writes what a newcomer needs of it. */
void help_print(const struct subcommand *commands);
void help_brief(void);

/* help_options writes a table of options, each group under its heading. */
void help_options(FILE *out, const struct option_row *rows);

/* help_complain writes one line on standard error: `who`, such as "prunner top", and what is wrong.
 * Returns EXIT_USAGE, for whoever wants to return it. */
__attribute__((format(printf, 2, 3))) int help_complain(const char *who, const char *fmt, ...);

#endif
