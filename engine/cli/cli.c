#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/exit_status.h"
#include "cli/help.h"
#include "cli/rows.h"
#include "cli/values.h"
#include "job/options.h"

static const char who[] = "prunner";

/* ---- words that are none of our options --------------------------------- */

/* "--re" fits --retries and others: says which. Returns whether it did. */
static bool
complain_ambiguous(const char *word)
{
    char list[256];
    size_t used = 0, len = strcspn(word + 2, "=");
    int fits = 0;

    for (const struct option_row *row = prn_options; row->name; row++) {
        if (strncmp(row->name, word + 2, len) != 0)
            continue;
        int n = snprintf(list + used, sizeof list - used, "%s--%s",
                         fits ? ", " : "", row->name);
        used += (size_t)n < sizeof list - used ? (size_t)n : 0;
        fits++;
    }
    if (fits < 2)
        return false;
    help_complain(who, "%.*s is short for more than one option: %s", (int)len + 2, word, list);
    return true;
}

/* What is said of an option that nobody knows: `word`, or its letter `letter`. */
static const char *
unknown_message(const char *word, int letter)
{
    static const char rest[] = "see prunner --help; what is meant for the script goes after --";
    static char text[1024];
    if (strncmp(word, "--", 2) == 0)
        snprintf(text, sizeof text, "unknown option %.*s: %s", (int)strcspn(word, "="), word,
                 rest);
    else if (strlen(word) == 2)
        snprintf(text, sizeof text, "unknown option -%c: %s", letter, rest);
    else
        snprintf(text, sizeof text, "unknown option -%c in \"%s\": %s", letter, word, rest);
    return text;
}

/* getopt answered '?': an unknown option, or a value where none belongs. */
static int
complain_unknown(const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0;

    if (is_long && optopt != 0)
        return help_complain(who, "%.*s takes no value, but got \"%s\"",
                             (int)strcspn(word, "="), word, word + strcspn(word, "=") + 1);
    if (is_long && complain_ambiguous(word))
        return EXIT_USAGE;
    return help_complain(who, "%s", unknown_message(word, optopt));
}

/* An option, and none of ours: the script may have declared it. Its long names are not
 * taken for short forms of ours: `--output` is the script's, though there is an
 * --output-dir. A word of several letters belongs to whom its first letter belongs. */
static bool
is_foreign(const char *word)
{
    if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
        return false;
    size_t len = strcspn(word + 1, "=") - 1;
    for (const struct option_row *row = prn_options; row->name; row++) {
        bool same = strncmp(row->name, word + 2, len) == 0 && !row->name[len];
        bool ours = word[1] == '-' ? same : row->letter == word[1];
        if (ours)
            return false;
    }
    return true;
}

/* getopt answered ':': the last word wanted a value. Also what kind of value. */
static int
complain_missing(void)
{
    const struct option_row *row = rows_answer(prn_options, optopt);
    char name[VALUES_NAME];
    return help_complain(who, "%s: a value is missing, such as %s", values_name(row, name),
                         row->example);
}

/* --line-buffer with those that show a task's output at its end only. */
static int
check_output(const struct config *c)
{
    if (c->buffering == BUFFER_LINES && (c->keep_order || c->output_dir))
        return help_complain(who,
                             "--line-buffer shows lines as they come, --%s not before the task "
                             "has ended: leave one out",
                             c->keep_order ? "keep-order" : "output-dir");
    if (c->output_dir && !*c->output_dir)
        return help_complain(who, "--output-dir: \"\" is not a directory's name");
    return 0;
}

/* Is a file named twice that may be once only? true: message printed. */
static bool
same_file(const struct config *c)
{
    const struct {
        const char *what, *path;
    } files[] = {
        {"the script", c->script},
        {"--state", c->state},
        {"--resume", c->resume},
        {"--retry-failed", c->retry_failed},
        {"--failures", c->failures},
        {"--joblog", c->joblog},
        {"--trace", c->trace},
        {"--profile", c->profile},
        {"--report", c->report},
    };
    for (size_t i = 1; i < sizeof files / sizeof *files; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *a = files[k].path, *b = files[i].path;
            if (!a || !b || strcmp(a, b) != 0 || strncmp(a, "/dev/", 5) == 0)
                continue;
            help_complain(who,
                          "%s and %s are the same file, \"%s\": give another name", files[k].what,
                          files[i].what, b);
            return true;
        }
    }
    return false;
}

/* What only the whole line shows. */
static int
check_whole(const struct config *c)
{
    if (!c->script) {
        help_usage(stderr);
        fputs("prunner: no script given; prunner --help says more\n", stderr);
        return EXIT_USAGE;
    }
    if (c->script[0] == '\0')
        return help_complain(who, "the script's name is empty");
    if (c->concurrency > 1 &&
        (c->buffering == BUFFER_TASKS || c->keep_order || c->output_dir))
        return help_complain(who, "--%s collects the output of one task at a time: leave out "
                                  "--concurrency, or use --tag",
                             c->keep_order ? "keep-order" : c->output_dir ? "output-dir"
                                                                          : "group");
    if (c->state && c->resume)
        return help_complain(who, "--state starts a job, --resume continues one: leave one out "
                                  "(--resume keeps the job in its own file)");
    if ((c->state || c->resume) && strcmp(c->script, "-") == 0)
        return help_complain(who,
                             "--%s needs the script in a file, not on standard input: it must be "
                             "the same the next time",
                             c->state ? "state" : "resume");
    if (c->serial && (c->state || c->resume))
        return help_complain(who, "--serial keeps no state: leave out --%s",
                             c->state ? "state" : "resume");
    if (c->resume && c->retry_failed)
        return help_complain(who,
                             "--resume continues a job, --retry-failed starts one: leave one out");
    if (c->profile_states && !c->profile)
        return help_complain(who,
                             "--profile-states is for --profile, which is not asked for: "
                             "leave it out");
    if (c->log_every_run && !c->joblog && !c->trace)
        return help_complain(who,
                             "--log-every-run is for --joblog and --trace, of which none is asked "
                             "for: leave it out");
    if (same_file(c))
        return EXIT_USAGE;
    if (c->serial && c->timeout_ns)
        return help_complain(who, "--timeout kills worker processes, and --serial has none: "
                                  "leave one of them out");
    return check_output(c);
}

/* The script and its arguments. */
static void
take_words(struct config *c, char **words, int count)
{
    if (count == 0)
        return;
    c->script = words[0];
    c->args = words + 1;
    c->nargs = count - 1;
    if (c->nliteral > c->nargs) /* prunner -- script */
        c->nliteral = c->nargs;
}

/* ---- words ---- */

/* --help after the script's name asks for the script's: nothing else counts. */
static void
ask_script(struct config *c, char *script)
{
    const char *command_name = c->command_name;
    config_init(c);
    c->command_name = command_name;
    c->script = script;
    c->help = true;
}

/* Options that are done at once, whatever follows them. `script`: NULL: none so far. Returns 0,
 * or EXIT_USAGE. */
static int
finish(struct cli *cli, const struct option_row *row, char *script)
{
    char why[VALUES_MESSAGE];
    switch (row->kind) {
    case OPTION_HELP:
        if (script)
            ask_script(&cli->config, script);
        else
            cli->action = CLI_HELP;
        return 0;
    case OPTION_COMPLETION:
        cli->action = CLI_COMPLETION;
        cli->shell = optarg;
        if (values_choice(row, optarg, why) < 0)
            return help_complain(who, "%s", why);
        return 0;
    default:
        cli->action = CLI_VERSION;
        return 0;
    }
}

/* What getopt answers to `word`: an option, or what is wrong with it. Returns 0, or EXIT_USAGE. */
static int
take_answer(struct cli *cli, int answer, const char *word, char *script)
{
    char why[VALUES_MESSAGE];
    if (answer == ':')
        return complain_missing();
    const struct option_row *row = rows_answer(prn_options, answer);
    if (!row)
        return complain_unknown(word);
    if (row->kind >= OPTION_SETTERS) {
        cli->brief = answer < ROWS_LONG;
        return finish(cli, row, script);
    }
    return values_set(row, &cli->config, optarg, why) ? help_complain(who, "%s", why) : 0;
}

/* Options into *cli, other words into `words`; *count of them. Returns what cli_parse does. */
static int
read_line(struct cli *cli, int argc, char **argv, char **words, int *count)
{
    static struct rows_getopt table;
    struct config *c = &cli->config;
    int n = 0, err = 0;
    /* '-': words that are not options come in order, also under POSIXLY_CORRECT, and argv stays as
     * it is; ':': the messages are ours. */
    rows_prepare(&table, prn_options, "-:");
    while (!err && cli->action == CLI_RUN && !c->help) {
        char *word = argv[optind > 0 ? optind : 1]; /* what getopt looks at */
        if (n > 0 && optind < argc && is_foreign(word)) {
            if (!c->unknown)
                c->unknown = unknown_message(word, word[1]);
            words[n++] = argv[optind++];
            continue;
        }
        int answer = getopt_long(argc, argv, table.letters, table.names, NULL);
        if (answer == -1) {
            c->nliteral = argc - optind;
            while (optind < argc)
                words[n++] = argv[optind++];
            *count = n;
            return 0;
        }
        if (answer == 1)
            words[n++] = optarg;
        else
            err = take_answer(cli, answer, word, n > 0 ? words[0] : NULL);
    }
    return err;
}

int
cli_parse(struct cli *out, int argc, char **argv, char **words)
{
    struct cli cli = {0};
    int count = 0, err = 0;

    config_init(&cli.config);
    cli.config.command_name = argc > 0 ? argv[0] : who;
    opterr = 0;
    optind = 0; /* glibc: start anew, also after an earlier call */

    if (argc > 0)
        err = read_line(&cli, argc, argv, words, &count);
    if (!err && cli.action == CLI_RUN) {
        if (!cli.config.help)
            take_words(&cli.config, words, count);
        err = check_whole(&cli.config);
    }
    if (!err)
        *out = cli;
    return err;
}
