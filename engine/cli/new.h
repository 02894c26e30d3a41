/* new: `prunner new FILE`: a script to begin with, in a file that did not exist. */
#ifndef PRN_NEW_H
#define PRN_NEW_H

#include "job/options.h"

extern const struct option_row new_options[];

/* new_run is the sub-command. Returns the exit status: 0; 2: the words are wrong,
 * or the file exists or cannot be written, and then nothing is left of it. */
int new_run(int argc, char **argv);

#endif
