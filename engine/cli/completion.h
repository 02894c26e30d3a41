/* completion: what bash, zsh and fish need to complete prunner's command line,
 * made of the tables of options and sub-commands. Prints, and knows nothing else. */
#ifndef PRN_COMPLETION_H
#define PRN_COMPLETION_H

struct subcommand;

/* completion_print writes the script for that shell, one of those that --completion offers, to
 * standard output. */
void completion_print(const char *shell, const struct subcommand *commands);

#endif
