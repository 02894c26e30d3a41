/* prunner: run: options -> job -> exit status. */
#include <stddef.h>

#include "base/exit_status.h"
#include "cli/cli.h"
#include "lua/host.h"
#include "cli/help.h"
#include "cli/subcommand.h"

int
main(int argc, char **argv)
{
    const struct subcommand *sub = argc > 1 ? subcommand_find(argv[1]) : NULL;
    if (sub)
        return sub->run(argc - 1, argv + 1);
    struct config config;
    int err = cli_parse(&config, argc, argv);
    if (err)
        return err > 0 ? 0 : EXIT_USAGE;
    int status = prn_command(&config);
    if (status != COMMAND_NO_OPTIONS)
        return status;
    help_print();
    return 0;
}
