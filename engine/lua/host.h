/* host: the life of the prunner command after its options are read: a Lua
 * state, the script, its job, the exit status. */
#ifndef PRN_HOST_H
#define PRN_HOST_H

#include "base/exit_status.h"
#include "base/export.h"
#include "job/config.h"

/* prn_command runs config->script and returns an exit status, or, with config->help,
 * EXIT_NO_OPTIONS. */
PRN_EXPORT int prn_command(const struct config *config);

#endif
