/* cli: the command line into a struct config. Reads argv, touches nothing else:
 * no fork, no Lua, no shared memory. Each mistake gets one line on stderr that
 * says what was typed and what would do. */
#ifndef PRN_CLI_H
#define PRN_CLI_H

#include "job/config.h"

/* cli_parse fills *out from the command line. Options may stand before or after
 * the script; the first word that is no option is the script, further ones and
 * all after "--" are the script's arguments. So are, in their order, options after
 * the script that are none of ours: out->unknown is then the complaint that is
 * due unless the script declares options. `out` points into argv, whose pointers
 * were moved together for that.
 * Returns 0: go on; 1: --help or --version was printed, exit 0;
 * -EINVAL: message printed, exit 2; *out is not to be used then. */
int cli_parse(struct config *out, int argc, char **argv);

#endif
