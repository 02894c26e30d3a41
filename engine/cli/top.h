/* top: `prunner top [PID|STATE]`: watches a running job without slowing it down. */
#ifndef PRN_TOP_H
#define PRN_TOP_H

#include "job/options.h"

extern const struct option_row top_options[];

/* top_run is the sub-command. Returns the exit status: 0; 2: the words are wrong, or there
 * is no such job; 3: its figures cannot be read. */
int top_run(int argc, char **argv);

#endif
