/* completion: what bash, zsh and fish need to complete prunner's command line,
 * made of the tables of options and sub-commands. Prints, and knows nothing else. */
#ifndef PRN_COMPLETION_H
#define PRN_COMPLETION_H

#include <stdbool.h>

/* completion_print writes the script for that shell to standard output.
 * false: it is none of bash, zsh and fish, and nothing was written. */
bool completion_print(const char *shell);

#endif
