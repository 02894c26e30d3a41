/* host: the life of the prunner command after its options are read: a Lua
 * state, the script, its job, the exit status. */
#ifndef PRN_HOST_H
#define PRN_HOST_H

#include "base/export.h"
#include "job/config.h"

/* prn_command runs config->script and returns the exit status; or, with config->help,
 * COMMAND_NO_OPTIONS when the script declares no options whose help could be printed. */
enum { COMMAND_NO_OPTIONS = -1 };

PRN_EXPORT int prn_command(const struct config *config);

#endif
