/* subcommand: `prunner NAME ...` for what is no script: the table of names and
 * who runs each. A sub-command is the very first word and nothing else, so a
 * script of that name is run by `prunner ./NAME` or `prunner -- NAME`. */
#ifndef PRN_SUBCOMMAND_H
#define PRN_SUBCOMMAND_H

#include "job/options.h"

struct subcommand {
    const char *name;                  /* NULL ends the table */
    const char *words;                 /* what follows it, as --help shows it */
    const char *help;                  /* one line for --help, at most 57 columns */
    const struct option_row *options;  /* its own, for completions; never NULL */
    int (*run)(int argc, char **argv); /* argv[0] is its name; returns the exit status,
                                          and answers --help itself */
};

/* The last row has no name. */
extern const struct subcommand subcommands[];

/* subcommand_find returns the row that `word` names, or NULL. */
const struct subcommand *subcommand_find(const char *word);

#endif
