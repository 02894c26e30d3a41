/* host: the life of the prunner command after its options are read: a Lua
 * state, the script, its job, the exit status. */
#ifndef PRN_HOST_H
#define PRN_HOST_H

#include "base/export.h"
#include "job/config.h"

/* What the command ends with, but for 128 + the signal that interrupted it. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* some task failed, or end_() did, or --deadline left some */
    EXIT_USAGE = 2,  /* the command line, the script or begin() is wrong: no task was run */
    EXIT_FATAL = 3,  /* prunner could not go on */
    /* None yet. --help of a script that declares no options: the caller prints prunner's. */
    EXIT_NO_OPTIONS = -1,
};

/* prn_command runs config->script and returns an exit status, or, with config->help,
 * EXIT_NO_OPTIONS. */
PRN_EXPORT int prn_command(const struct config *config);

#endif
