#include "cli/help.h"

#include <stdarg.h>
#include <string.h>

#include "base/exit_status.h"

enum {
    TEXT_COLUMN = 23,
    LINE_BYTES = 8192, /* of a complaint, which may name a file */
};

static const char purpose_text[] =
    "\n"
    "Runs the tasks of script.lua on N worker processes.\n";

static const char words_text[] =
    "Words that are not options, and all words after --, go to the script as arg.\n"
    "A script may have its own options: prunner script.lua --help lists them.\n";

static const struct {
    const char *line;
    bool basic; /* -h shows it */
} examples[] = {
    {"prunner new job.lua                      write a starter script", true},
    {"prunner sum.lua -n 10                    use ten workers", false},
    {"prunner --timeout 30 --retries 2 fetch.lua -n 100 -- urls.txt", true},
    {"prunner --halt now,fail=1 check.lua      stop at the first failure", false},
    {"prunner -n 4 - < job.lua                 read the script from standard input", false},
};

static const char last_text[] =
    "\n"
    "Exit status: 0 success; 1 a task failed or was quarantined; 2 the command line\n"
    "or the script is wrong; 3 prunner could not continue; 128+n ended by signal n.\n"
    "See prunner(1).\n";

/* `left`, and next to it the lines of `text`. */
static void
print_columns(FILE *out, const char *left, const char *text)
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
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
             row->value ? row->value : "");
    print_columns(out, left, row->help);
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

static void
print_examples(bool all)
{
    fputs("\nExamples:\n", stdout);
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        if (all || examples[i].basic)
            printf("  %s\n", examples[i].line);
    }
}

void
help_print(const struct subcommand *commands)
{
    help_usage(stdout);
    fputs(purpose_text, stdout);
    fputs(words_text, stdout);
    help_options(stdout, prn_options);
    fputs("\nOther commands, each with its own --help (run a script of that name as ./NAME):\n",
          stdout);
    for (const struct subcommand *s = commands; s->name; s++) {
        char left[64];
        snprintf(left, sizeof left, "  prunner %s %s", s->name, s->words);
        print_columns(stdout, left, s->help);
    }
    print_examples(true);
    fputs(last_text, stdout);
    (void)fflush(stdout);
}

void
help_brief(void)
{
    int all = 0;
    help_usage(stdout);
    fputs(purpose_text, stdout);
    putchar('\n');
    for (const struct option_row *row = prn_options; row->name; row++, all++) {
        if (row->basic)
            print_option(stdout, row);
    }
    print_examples(false);
    printf("\nprunner --help shows all %d options and the other commands.\n", all);
    (void)fflush(stdout);
}

int
help_complain(const char *who, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s: %s\n", who, line);
    return EXIT_USAGE;
}
