/* cli: the command line into a struct config. Reads argv, touches nothing else: no fork, no Lua, no
 * shared memory, nothing on standard output. Each mistake gets one line on stderr that says what
 * was typed and what would do. */
#ifndef PRN_CLI_H
#define PRN_CLI_H

#include "job/config.h"

enum cli_action {
    CLI_RUN = 0, /* what config says */
    CLI_HELP,
    CLI_VERSION,
    CLI_COMPLETION,
};

/* What the command line asks for. */
struct cli {
    enum cli_action action;
    struct config config; /* CLI_RUN only */
    bool brief;           /* CLI_HELP or config.help: -h was typed, not --help */
    const char *shell;    /* CLI_COMPLETION: for which one */
};

/* cli_parse fills *out from the command line. Options may stand before or after the script; the
 * first word that is not an option is the script, further ones and all after "--" are the script's
 * arguments. So are, in their order, options after the script that are none of ours:
 * config.unknown is then the complaint that is due unless the script declares options. `words` has
 * room for argc pointers: config.args points into it; argv is only read.
 * Returns 0, or EXIT_USAGE with a message printed; *out is not to be used then. */
int cli_parse(struct cli *out, int argc, char **argv, char **words);

#endif
