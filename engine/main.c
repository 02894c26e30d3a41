/* prunner: run: options -> job -> exit status. */
#include "cli.h"
#include "command.h"

int
main(int argc, char **argv)
{
    struct config config;
    int err = cli_parse(&config, argc, argv);
    if (err)
        return err > 0 ? 0 : 2;
    return prn_command(&config);
}
