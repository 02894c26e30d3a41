#include "cli/subcommand.h"

#include <stddef.h>
#include <string.h>

#include "cli/new.h"
#include "cli/ctl.h"
#include "cli/top.h"

const struct subcommand subcommands[] = {
    {"new", "FILE", "write a script to begin with", new_options, new_run},
    {"top", "[PID | STATE]", "show a running job", top_options, top_run},
    {"ctl", "[PID] WHAT", "steer a running job: -n N, pause, resume, stop", ctl_options,
     ctl_run},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct subcommand *
subcommand_find(const char *word)
{
    for (const struct subcommand *s = subcommands; s->name; s++) {
        if (strcmp(s->name, word) == 0)
            return s;
    }
    return NULL;
}
