/* prunner: run: options -> job -> exit status. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <luajit.h>

#include "base/exit_status.h"
#include "base/version.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/ctl.h"
#include "cli/help.h"
#include "cli/new.h"
#include "cli/top.h"
#include "lua/host.h"

static const struct subcommand subcommands[] = {
    {"new", "FILE", "write a starter script", new_options, NULL, new_run},
    {"top", "[PID | STATE]", "watch a running job", top_options, NULL, top_run},
    {"ctl", "[PID] WHAT", "control a running job: -n N, pause, stop, kill a task", ctl_options,
     "status pause resume stop kill", ctl_run},
    {0},
};

/* The row that `word` names, or NULL. */
static const struct subcommand *
subcommand_named(const char *word)
{
    for (const struct subcommand *s = subcommands; s->name; s++) {
        if (strcmp(s->name, word) == 0)
            return s;
    }
    return NULL;
}

static void
print_help(bool brief)
{
    if (brief)
        help_brief();
    else
        help_print(subcommands);
}

/* Values nested 200 deep are encoded by recursion; with less than this it ends in a SIGSEGV.
 * false: message printed. */
static bool
enough_stack(void)
{
    enum { STACK_KIB_MIN = 256 };
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur >= STACK_KIB_MIN << 10)
        return true;
    /* fprintf() to stderr has a buffer of 8 KiB on the stack. */
    char text[128];
    int len = snprintf(text, sizeof text,
                       "prunner: the stack may take %llu KiB only, at least %d are needed "
                       "(ulimit -s)\n",
                       (unsigned long long)stack.rlim_cur >> 10, STACK_KIB_MIN);
    (void)!write(STDERR_FILENO, text, (size_t)len);
    return false;
}

/* Returns the exit status. */
static int
act(const struct cli *cli)
{
    if (cli->action == CLI_RUN) {
        int status = prn_command(&cli->config);
        if (status != EXIT_NO_OPTIONS)
            return status;
    }
    switch (cli->action) {
    case CLI_RUN: /* the script has no help of its own */
    case CLI_HELP: print_help(cli->brief); break;
    case CLI_COMPLETION: completion_print(cli->shell, subcommands); break;
    case CLI_VERSION: printf("prunner %s (%s)\n", PRUNNER_VERSION, LUAJIT_VERSION); break;
    }
    (void)fflush(stdout);
    return 0;
}

/* Apart from main(), whose frame has to fit. Returns the exit status. */
__attribute__((noinline)) static int
command(int argc, char **argv)
{
    const struct subcommand *sub = argc > 1 ? subcommand_named(argv[1]) : NULL;
    if (sub)
        return sub->run(argc - 1, argv + 1);
    struct cli cli;
    char **words = calloc((size_t)argc + 1, sizeof *words);
    if (!words) {
        (void)help_complain("prunner", "not enough memory");
        return EXIT_FATAL;
    }
    int status = cli_parse(&cli, argc, argv, words);
    if (!status)
        status = act(&cli);
    free(words);
    return status;
}

int
main(int argc, char **argv)
{
    return enough_stack() ? command(argc, argv) : EXIT_USAGE;
}
