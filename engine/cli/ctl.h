/* ctl: `prunner ctl`: words of the command line into a request to a running job of this user,
 * and its answer to the user. What the lines say is in supervisor/control_request.h. */
#ifndef PRN_CTL_H
#define PRN_CTL_H

#include "job/options.h"

extern const struct option_row ctl_options[];

/* ctl_run is `prunner ctl ...`; argv[0] is "ctl". Returns the exit status. */
int ctl_run(int argc, char **argv);

#endif
