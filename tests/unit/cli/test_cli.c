/* cli: what people type, and what they are told. */
#include "cli/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/exit_status.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "job/options.h"

enum { WORDS_MAX = 32 };

static struct cli cli;
static struct config config; /* cli's */
static char said[65536];     /* what the last parse() or said_by() wrote to stdout and stderr */
static char line_copy[1024]; /* the words of the last parse() */

/* Calls fn(); what it writes is in `said` afterwards. */
static void
said_by(void (*fn)(void))
{
    int file = memfd_create("said", 0);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    fn();
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    close(file);
    close(out);
    close(err);
}

static struct {
    char *argv[WORDS_MAX + 1], *words[WORDS_MAX + 1]; /* config points into `words` */
    int argc, status;
} typed;

static void
parse_typed(void)
{
    typed.status = cli_parse(&cli, typed.argc, typed.argv, typed.words);
}

/* Parses "prunner" and the words of `line`, cut at blanks; '' is an empty word. */
static int
parse(const char *line)
{
    char *argv[WORDS_MAX + 1] = {(char *)"prunner"};
    int argc = 1;

    assert_true(strlen(line) < sizeof line_copy);
    strcpy(line_copy, line);
    for (char *w = strtok(line_copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "''") ? w : (char *)"";
    memcpy(typed.argv, argv, sizeof argv);
    memset(typed.words, 0, sizeof typed.words);
    typed.argc = argc;
    memset(&cli, 0xee, sizeof cli);
    said_by(parse_typed);
    config = cli.config;
    assert_memory_equal(typed.argv, argv, sizeof argv); /* it is only read */
    return typed.status;
}

/* The line is wrong and the only thing said is `message`. */
static void
refuse(const char *line, const char *message)
{
    char expected[1024];
    assert_int_equal(parse(line), EXIT_USAGE);
    snprintf(expected, sizeof expected, "prunner: %s\n", message);
    assert_string_equal(said, expected);
}

static void
accept(const char *line)
{
    int ret = parse(line);
    assert_string_equal(said, "");
    assert_int_equal(ret, 0);
    assert_int_equal(cli.action, CLI_RUN);
}

static void
assert_args(const char *a, const char *b, const char *c)
{
    const char *want[] = {a, b, c};
    int n = !!a + !!b + !!c;
    assert_int_equal(config.nargs, n);
    for (int i = 0; i < n; i++)
        assert_string_equal(config.args[i], want[i]);
}

static void
test_cli_script_alone_gets_the_defaults(void **state)
{
    (void)state;
    accept("job.lua");
    assert_string_equal(config.script, "job.lua");
    assert_string_equal(config.command_name, "prunner");
    assert_args(NULL, NULL, NULL);
    assert_int_equal(config.n, 0);
    assert_int_equal(config.retries, 0);
    assert_int_equal(config.attempts, 3);
    assert_int_equal(config.timeout_ns, 0);
    assert_int_equal(config.halt.when, HALT_NEVER);
    assert_int_equal(config.load.count | config.load.percent, 0);
    assert_int_equal(config.memfree_bytes, 0);
    assert_int_equal(config.delay_ns, 0);
    assert_int_equal(config.nice, 0);
    assert_int_equal(config.memory_bytes, 0);
    assert_int_equal(config.max_tasks, 0);
    assert_int_equal(config.max_rss_bytes, 0);
    assert_null(config.tmpdir);
    assert_int_equal(config.order, TASKS_FIFO);
    assert_false(config.debug || config.quiet || config.serial);
}

static void
test_cli_options_before_and_after_the_script_are_ours(void **state)
{
    (void)state;
    accept("-n 10 job.lua");
    assert_int_equal(config.n, 10);
    accept("job.lua -n 10");
    assert_int_equal(config.n, 10);
    assert_args(NULL, NULL, NULL);
    accept("job.lua a -n10 b --debug c");
    assert_int_equal(config.n, 10);
    assert_true(config.debug);
    assert_args("a", "b", "c");
    accept("--nprocess=4 -dq job.lua -n 5");
    assert_int_equal(config.n, 5);
    assert_true(config.debug && config.quiet);
}

static void
test_cli_posixly_correct_changes_nothing(void **state)
{
    (void)state;
    setenv("POSIXLY_CORRECT", "1", 1);
    accept("job.lua a -n 10 b -- -c");
    unsetenv("POSIXLY_CORRECT");
    assert_int_equal(config.n, 10);
    assert_args("a", "b", "-c");
}

static void
test_cli_all_after_two_dashes_is_the_scripts(void **state)
{
    (void)state;
    accept("job.lua -n 2 -- 2000000");
    assert_int_equal(config.n, 2);
    assert_args("2000000", NULL, NULL);
    accept("job.lua -- -n 3 --");
    assert_int_equal(config.n, 0);
    assert_args("-n", "3", "--");
    accept("job.lua a -d -- -d --frob");
    assert_true(config.debug);
    assert_args("a", "-d", "--frob");
    assert_int_equal(config.nliteral, 2);
    accept("job.lua -- ''");
    assert_args("", NULL, NULL);
    accept("-n 2 -- job.lua -x");
    assert_string_equal(config.script, "job.lua");
    assert_args("-x", NULL, NULL);
    assert_int_equal(config.nliteral, 1);
}

static void
test_cli_one_dash_is_standard_input(void **state)
{
    (void)state;
    accept("- -n 2 a -");
    assert_string_equal(config.script, "-");
    assert_args("a", "-", NULL);
}

static void
test_cli_number_of_workers_is_checked(void **state)
{
    (void)state;
    accept("job.lua -n 1");
    accept("job.lua -n 4000");
    assert_int_equal(config.n, 4000);
    refuse("job.lua -n0", "-n: \"0\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n x", "-n: \"x\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n 5000", "-n: \"5000\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n -1", "-n: \"-1\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n 1.5", "-n: \"1.5\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n ''", "-n: \"\" is not a number of workers (1 to 4000)");
    refuse("job.lua -n 18446744073709551617",
           "-n: \"18446744073709551617\" is not a number of workers (1 to 4000)");
}

static void
test_cli_counts_have_their_ranges(void **state)
{
    (void)state;
    accept("job.lua --retries 0 --attempts 1 --max-tasks 1");
    assert_int_equal(config.attempts, 1);
    accept("job.lua --retries 254 --attempts 255 --max-tasks 1000000");
    assert_int_equal(config.retries, 254);
    assert_int_equal(config.attempts, 255);
    assert_int_equal(config.max_tasks, 1000000);
    refuse("job.lua --retries -1",
           "--retries: \"-1\" is not a number of retries (0 to 254)");
    refuse("job.lua --attempts 0",
           "--attempts: \"0\" is not a number of attempts (1 to 255)");
    refuse("job.lua --attempts 256",
           "--attempts: \"256\" is not a number of attempts (1 to 255)");
    refuse("job.lua --max-tasks 0",
           "--max-tasks: \"0\" is not a number of tasks (1 or more)");
}

static void
test_cli_sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"100", 100},
        {"512K", 512 << 10},
        {"64M", 64 << 20},
        {"64m", 64 << 20},
        {"1G", 1ull << 30},
        {"2T", 2ull << 40},
    };
    static const char *const bad[] = {"0", "x", "M", "1.5G", "-1", "64MB", "9999999T", "''"};
    char line[100], message[200];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(line, sizeof line, "job.lua --memory %s --max-rss %s", good[i].text,
                 good[i].text);
        accept(line);
        assert_int_equal(config.memory_bytes, good[i].bytes);
        assert_int_equal(config.max_rss_bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "job.lua --memory %s", bad[i]);
        snprintf(message, sizeof message,
                 "--memory: \"%s\" is not a size in bytes (such as 64M or 2G)",
                 strcmp(bad[i], "''") ? bad[i] : "");
        refuse(line, message);
    }
}

static void
test_cli_seconds_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1", 1000000000},
        {"1.5", 1500000000},
        {".25", 250000000},
        {"2.", 2000000000},
        {"0.000000001", 1},
        {"86400", 86400000000000},
    };
    static const char *const bad[] = {"0", "0.0", "x", ".", "1.2.3", "-1", "1e3",
                                      "inf", "nan", "1s", "2000000000", "''"};
    char line[100], message[200];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(line, sizeof line, "job.lua --timeout %s", good[i].text);
        accept(line);
        assert_true(config.timeout_ns == good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "job.lua --timeout=%s", strcmp(bad[i], "''") ? bad[i] : "");
        snprintf(message, sizeof message,
                 "--timeout: \"%s\" is not a time in seconds (such as 30 or 1.5)",
                 strcmp(bad[i], "''") ? bad[i] : "");
        refuse(line, message);
    }
}

static void
assert_halt(const char *rule, enum halt_when when, enum halt_kind kind,
            uint64_t count, uint32_t percent)
{
    char line[100];
    snprintf(line, sizeof line, "job.lua --halt %s", rule);
    accept(line);
    assert_int_equal(config.halt.when, when);
    assert_int_equal(config.halt.kind, kind);
    assert_int_equal(config.halt.count, count);
    assert_int_equal(config.halt.percent, percent);
}

static void
test_cli_halt_speaks_gnu_parallel(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x",
        "now",
        "now,fail",
        "now,fail=",
        "now,fail=0",
        "now,fail=101%",
        "now,fail=0%",
        "now,fail=%",
        "soon,fails=1",
        "never,fail=1",
        "later,fail=1",
        "now,fail=1,",
        "''",
    };
    char line[100], message[200];

    assert_halt("never", HALT_NEVER, HALT_FAIL, 0, 0);
    assert_halt("soon,fail=1", HALT_SOON, HALT_FAIL, 1, 0);
    assert_halt("now,fail=1", HALT_NOW, HALT_FAIL, 1, 0);
    assert_halt("now,fail=5%", HALT_NOW, HALT_FAIL, 0, 5);
    assert_halt("now,success=1", HALT_NOW, HALT_SUCCESS, 1, 0);
    assert_halt("now,done=3", HALT_NOW, HALT_DONE, 3, 0);
    assert_halt("soon,done=100%", HALT_SOON, HALT_DONE, 0, 100);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "job.lua --halt %s", bad[i]);
        snprintf(message, sizeof message,
                 "--halt: \"%s\" is not a rule (such as never, soon,fail=1, now,fail=5%% "
                 "or now,success=1)",
                 strcmp(bad[i], "''") ? bad[i] : "");
        refuse(line, message);
    }
}

static void
test_cli_guards_speak_gnu_parallel(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "0", "0%", "%", "-1", "1.5", "8%%", "1000001", "''"};
    char line[100], message[200];
    accept("job.lua --load 8 --memfree 2G --delay 1.5 --nice 19");
    assert_int_equal(config.load.count, 8);
    assert_int_equal(config.load.percent, 0);
    assert_true(config.memfree_bytes == (uint64_t)2 << 30);
    assert_int_equal(config.delay_ns, 1500000000);
    assert_int_equal(config.nice, 19);
    accept("job.lua --load 8 --load 150% --serial");
    assert_int_equal(config.load.count, 0);
    assert_int_equal(config.load.percent, 150);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "job.lua --load %s", bad[i]);
        snprintf(message, sizeof message,
                 "--load: \"%s\" is not a number of processes, 1 to 1000000, or a percentage "
                 "of the CPUs (such as 8 or 100%%)",
                 strcmp(bad[i], "''") ? bad[i] : "");
        refuse(line, message);
    }
    refuse("job.lua --nice 20", "--nice: \"20\" is not a niceness (1 to 19)");
    refuse("job.lua --nice -5", "--nice: \"-5\" is not a niceness (1 to 19)");
    refuse("job.lua --delay 0", "--delay: \"0\" is not a time in seconds (such as 30 or 1.5)");
    refuse("job.lua --memfree lots",
           "--memfree: \"lots\" is not a size in bytes (such as 64M or 2G)");
}

static void
test_cli_order_is_fifo_or_lifo(void **state)
{
    (void)state;
    accept("job.lua --order lifo");
    assert_int_equal(config.order, TASKS_LIFO);
    accept("job.lua --order lifo --order fifo");
    assert_int_equal(config.order, TASKS_FIFO);
    refuse("job.lua --order random",
           "--order: \"random\" is not an order (fifo or lifo)");
}

static void
test_cli_tmpdir_must_be_a_directory(void **state)
{
    (void)state;
    accept("job.lua --tmpdir /tmp");
    assert_string_equal(config.tmpdir, "/tmp");
    refuse("job.lua --tmpdir /dev/null", "--tmpdir: \"/dev/null\" is not a directory");
    refuse("job.lua --tmpdir /no/such/place",
           "--tmpdir: \"/no/such/place\": No such file or directory");
}

static void
test_cli_group_and_line_buffer_undo_each_other(void **state)
{
    (void)state;
    accept("job.lua");
    assert_int_equal(config.buffering, BUFFER_DEFAULT);
    assert_false(config.tag || config.keep_order);
    assert_null(config.output_dir);
    accept("job.lua --line-buffer --group --tag --keep-order --output-dir d");
    assert_int_equal(config.buffering, BUFFER_TASKS);
    assert_true(config.tag && config.keep_order);
    assert_string_equal(config.output_dir, "d");
    accept("job.lua --group --line-buffer");
    assert_int_equal(config.buffering, BUFFER_LINES);
    refuse("job.lua --line-buffer --output-dir d",
           "--line-buffer shows lines as they come, --output-dir not before the task has "
           "ended: leave one out");
}

static void
test_cli_serial_has_no_timeout(void **state)
{
    (void)state;
    accept("job.lua --serial -n 4");
    assert_true(config.serial);
    refuse("--serial job.lua --timeout 3",
           "--timeout kills worker processes, and --serial has none: leave one of "
           "them out");
}

/* `line` is accepted, and `message` due unless the script declares options. */
static void
put_off(const char *line, const char *message)
{
    accept(line);
    assert_string_equal(config.unknown, message);
}

#define REST ": see prunner --help; what is meant for the script goes after --"

static void
test_cli_unknown_options_before_the_script_are_named(void **state)
{
    (void)state;
    refuse("--frob=3 job.lua", "unknown option --frob" REST);
    refuse("-x job.lua", "unknown option -x in \"-x\"" REST);
    refuse("-d -xd job.lua", "unknown option -x in \"-xd\"" REST);
    refuse("job.lua -dx", "unknown option -x in \"-dx\"" REST);
}

static void
test_cli_unknown_options_after_the_script_are_left_to_it(void **state)
{
    (void)state;
    put_off("job.lua --frob=3", "unknown option --frob" REST);
    assert_args("--frob=3", NULL, NULL);
    put_off("job.lua a -5", "unknown option -5 in \"-5\"" REST);
    put_off("job.lua -xd -n 3 --frob", "unknown option -x in \"-xd\"" REST);
    assert_args("-xd", "--frob", NULL);
    assert_int_equal(config.n, 3);
    assert_false(config.debug);
    put_off("job.lua --depth 3 -n 2 -- --depth", "unknown option --depth" REST);
    assert_args("--depth", "3", "--depth");
    assert_int_equal(config.nliteral, 1);
    accept("job.lua --order lifo");
    assert_null(config.unknown);
    refuse("--ma=3 job.lua --frob",
           "--ma is short for more than one option: --max-tasks, --max-rss");
}

static void
test_cli_help_after_the_script_is_left_to_it(void **state)
{
    (void)state;
    accept("-n 3 job.lua x --frob --state s --help --order x");
    assert_true(config.help);
    assert_string_equal(config.script, "job.lua");
    assert_int_equal(config.nargs, 0);
    assert_null(config.state);
    assert_null(config.unknown);
    accept("job.lua");
    assert_false(config.help);
    refuse("'' -h", "the script's name is empty");
}

/* A table such as main.c has. */
static const struct option_row other_options[] = {
    {"Options", 'x', "extra", OPTION_OTHER, .help = "more of it"},
    {0},
};
static const struct subcommand commands[] = {
    {"other", "FILE", "do something else", other_options, NULL},
    {0},
};

static void
print_completion(void)
{
    completion_print(cli.shell, commands);
}

static void
test_cli_completion_knows_three_shells(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    char line[64];
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        snprintf(line, sizeof line, "job.lua --completion %s --frob", shells[i]);
        assert_int_equal(parse(line), 0);
        assert_string_equal(said, "");
        assert_int_equal(cli.action, CLI_COMPLETION);
        assert_string_equal(cli.shell, shells[i]);
        said_by(print_completion);
        assert_non_null(strstr(said, "retry-dead"));
        assert_non_null(strstr(said, "other"));
        assert_non_null(strstr(said, "extra"));
    }
    refuse("--completion ksh", "--completion: \"ksh\" is not a shell (bash, zsh or fish)");
}

static void
test_cli_short_forms_of_names_must_fit_one(void **state)
{
    (void)state;
    accept("--ser job.lua");
    assert_true(config.serial);
    put_off("job.lua --ser", "unknown option --ser" REST);
    put_off("job.lua --output=x -n 2", "unknown option --output" REST);
    assert_args("--output=x", NULL, NULL);
    refuse("--max=3 job.lua",
           "--max is short for more than one option: --max-tasks, --max-rss");
}

static void
test_cli_values_are_missing_or_too_many(void **state)
{
    (void)state;
    refuse("job.lua -n", "-n: a value is missing, such as -n 10");
    refuse("job.lua --nprocess", "-n: a value is missing, such as -n 10");
    refuse("job.lua --halt", "--halt: a value is missing, such as --halt now,fail=1");
    refuse("job.lua --quiet=1", "--quiet takes no value, but got \"1\"");
    refuse("job.lua --serial=yes", "--serial takes no value, but got \"yes\"");
}

static void
test_cli_no_script_shows_the_usage(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "-n 10", "--"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(parse(lines[i]), EXIT_USAGE);
        assert_string_equal(
            said, "usage: prunner [options] script.lua [options] [arguments] [-- "
                  "arguments]\nprunner: no script given; prunner --help says more\n");
    }
    refuse("''", "the script's name is empty");
}

static void
print_help(void)
{
    help_print(commands);
}

/* No line of what was said is wider than a terminal. */
static void
assert_narrow(void)
{
    for (const char *p = said; *p; p += *p == '\n') {
        size_t width = strcspn(p, "\n");
        assert_true(width <= 80);
        p += width;
    }
}

/* Is the option in what was said? */
static bool
shows_option(const struct option_row *row)
{
    char name[64];
    snprintf(name, sizeof name, row->letter ? "\n  -%2$c, --%1$s " : "\n      --%1$s ", row->name,
             row->letter);
    return strstr(said, name);
}

static void
test_cli_help_names_every_option(void **state)
{
    (void)state;
    assert_int_equal(parse("--help -n 0"), 0);
    assert_int_equal(cli.action, CLI_HELP);
    assert_false(cli.brief);
    said_by(print_help);
    for (const struct option_row *row = prn_options; row->name; row++)
        assert_true(shows_option(row));
    assert_non_null(strstr(said, "\n  prunner other FILE "));
    assert_narrow();
    assert_int_equal(parse("-n 0 --help"), EXIT_USAGE);
}

static void
test_cli_brief_help_has_what_a_newcomer_needs(void **state)
{
    (void)state;
    int shown = 0;
    assert_int_equal(parse("-h"), 0);
    assert_int_equal(cli.action, CLI_HELP);
    assert_true(cli.brief);
    said_by(help_brief);
    for (const struct option_row *row = prn_options; row->name; row++) {
        assert_int_equal(shows_option(row), row->basic);
        shown += row->basic;
    }
    assert_in_range(shown, 8, 14);
    assert_true(strlen(said) < 2000); /* a screen */
    assert_non_null(strstr(said, "\nprunner --help shows all "));
    assert_narrow();
    accept("job.lua -h");
    assert_true(config.help && cli.brief);
    accept("job.lua --help");
    assert_true(config.help && !cli.brief);
}

static void
test_cli_version_is_asked_for_anywhere(void **state)
{
    (void)state;
    assert_int_equal(parse("job.lua --frob --version -n 0"), 0);
    assert_int_equal(cli.action, CLI_VERSION);
}

/* Every option with a value is accepted with the one that messages show. */
static void
test_cli_examples_of_options_are_good(void **state)
{
    (void)state;
    int n = 0;
    for (const struct option_row *row = prn_options; row->name; row++) {
        char line[100];
        bool alone = row->kind != OPTION_COMPLETION && row->kind != OPTION_HELP;
        if (!row->example || !alone)
            continue;
        snprintf(line, sizeof line, "job.lua %s", row->example);
        accept(line);
        n++;
    }
    assert_true(n > 20);
}

static void
test_cli_no_words_at_all_is_no_crash(void **state)
{
    (void)state;
    char *argv[] = {NULL};
    struct cli c;
    int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    int ret = cli_parse(&c, 0, argv, argv);
    dup2(err, STDERR_FILENO);
    close(null);
    close(err);
    assert_int_equal(ret, EXIT_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_script_alone_gets_the_defaults),
        cmocka_unit_test(test_cli_options_before_and_after_the_script_are_ours),
        cmocka_unit_test(test_cli_posixly_correct_changes_nothing),
        cmocka_unit_test(test_cli_all_after_two_dashes_is_the_scripts),
        cmocka_unit_test(test_cli_one_dash_is_standard_input),
        cmocka_unit_test(test_cli_number_of_workers_is_checked),
        cmocka_unit_test(test_cli_counts_have_their_ranges),
        cmocka_unit_test(test_cli_sizes_have_units),
        cmocka_unit_test(test_cli_seconds_are_exact),
        cmocka_unit_test(test_cli_halt_speaks_gnu_parallel),
        cmocka_unit_test(test_cli_guards_speak_gnu_parallel),
        cmocka_unit_test(test_cli_order_is_fifo_or_lifo),
        cmocka_unit_test(test_cli_tmpdir_must_be_a_directory),
        cmocka_unit_test(test_cli_group_and_line_buffer_undo_each_other),
        cmocka_unit_test(test_cli_serial_has_no_timeout),
        cmocka_unit_test(test_cli_unknown_options_before_the_script_are_named),
        cmocka_unit_test(test_cli_unknown_options_after_the_script_are_left_to_it),
        cmocka_unit_test(test_cli_help_after_the_script_is_left_to_it),
        cmocka_unit_test(test_cli_completion_knows_three_shells),
        cmocka_unit_test(test_cli_short_forms_of_names_must_fit_one),
        cmocka_unit_test(test_cli_values_are_missing_or_too_many),
        cmocka_unit_test(test_cli_no_script_shows_the_usage),
        cmocka_unit_test(test_cli_help_names_every_option),
        cmocka_unit_test(test_cli_brief_help_has_what_a_newcomer_needs),
        cmocka_unit_test(test_cli_version_is_asked_for_anywhere),
        cmocka_unit_test(test_cli_examples_of_options_are_good),
        cmocka_unit_test(test_cli_no_words_at_all_is_no_crash),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
