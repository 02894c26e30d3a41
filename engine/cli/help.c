#include "cli/help.h"

#include <string.h>

#include "cli/subcommand.h"

enum { TEXT_COLUMN = 23 };

static const char intro_text[] =
    "\n"
    "Runs the job that script.lua describes, its tasks spread over N processes.\n"
    "Words that are no options, and everything after --, are the script's arg.\n"
    "A script may have options of its own: prunner script.lua --help shows them.\n";

static const char last_text[] =
    "\n"
    "Examples:\n"
    "  prunner new job.lua                      a script to begin with\n"
    "  prunner sum.lua -n 10                    ten workers\n"
    "  prunner --timeout 30 --retries 2 fetch.lua -n 100 -- urls.txt\n"
    "  prunner --halt now,fail=1 check.lua      stop at the first failure\n"
    "  prunner -n 4 - < job.lua                 the script on standard input\n"
    "\n"
    "Exit status: 0 all done; 1 some task failed or was set aside; 2 the command\n"
    "line or the script is wrong; 3 prunner could not go on; 128+n ended by signal n.\n"
    "See prunner(1).\n";

/* `left`, and beside it the lines of `text`, one below the other. */
static void
print_beside(FILE *out, const char *left, const char *text)
{
    int width = (int)strlen(left);
    fprintf(out, "%s%*s", left, width + 2 > TEXT_COLUMN ? 2 : TEXT_COLUMN - width, "");
    for (;;) {
        int len = (int)strcspn(text, "\n");
        fprintf(out, "%.*s\n", len, text);
        if (!text[len])
            return;
        text += len + 1;
        fprintf(out, "%*s", TEXT_COLUMN, "");
    }
}

static void
print_option(FILE *out, const struct option_row *row)
{
    char letter[] = "    ", left[64];
    if (row->opt < 256)
        snprintf(letter, sizeof letter, "-%c, ", row->opt);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
             row->value ? row->value : "");
    print_beside(out, left, row->help);
}

void
help_options(FILE *out, const struct option_row *rows)
{
    const char *group = "";
    for (; rows->name; rows++) {
        if (strcmp(rows->group, group) != 0)
            fprintf(out, "\n%s:\n", rows->group);
        group = rows->group;
        print_option(out, rows);
    }
}

void
help_usage(FILE *out)
{
    fputs("usage: prunner [options] script.lua [options] [arguments] [-- arguments]\n", out);
}

void
help_print(void)
{
    help_usage(stdout);
    fputs(intro_text, stdout);
    help_options(stdout, prn_options);
    fputs("\nOther commands, each with its own --help (a script of that name: ./NAME):\n",
          stdout);
    for (const struct subcommand *s = subcommands; s->name; s++) {
        char left[64];
        snprintf(left, sizeof left, "  prunner %s %s", s->name, s->words);
        print_beside(stdout, left, s->help);
    }
    fputs(last_text, stdout);
    (void)fflush(stdout);
}
