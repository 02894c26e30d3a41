/* cli: what people type, and what they are told. The values of options: test_cli_options.c. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit_status.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "fixture_cli.h"
#include "job/options.h"

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
    cli_accepts("job.lua");
    assert_string_equal(config.script, "job.lua");
    assert_string_equal(config.command_name, "prunner");
    assert_args(NULL, NULL, NULL);
    assert_int_equal(config.n, 0);
    assert_int_equal(config.retries, 0);
    assert_int_equal(config.max_crashes, 3);
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
    cli_accepts("-n 10 job.lua");
    assert_int_equal(config.n, 10);
    cli_accepts("job.lua -n 10");
    assert_int_equal(config.n, 10);
    assert_args(NULL, NULL, NULL);
    cli_accepts("job.lua a -n10 b --debug c");
    assert_int_equal(config.n, 10);
    assert_true(config.debug);
    assert_args("a", "b", "c");
    cli_accepts("--nprocess=4 -dq job.lua -n 5");
    assert_int_equal(config.n, 5);
    assert_true(config.debug && config.quiet);
}

static void
test_cli_posixly_correct_changes_nothing(void **state)
{
    (void)state;
    setenv("POSIXLY_CORRECT", "1", 1);
    cli_accepts("job.lua a -n 10 b -- -c");
    unsetenv("POSIXLY_CORRECT");
    assert_int_equal(config.n, 10);
    assert_args("a", "b", "-c");
}

static void
test_cli_all_after_two_dashes_is_the_scripts(void **state)
{
    (void)state;
    cli_accepts("job.lua -n 2 -- 2000000");
    assert_int_equal(config.n, 2);
    assert_args("2000000", NULL, NULL);
    cli_accepts("job.lua -- -n 3 --");
    assert_int_equal(config.n, 0);
    assert_args("-n", "3", "--");
    cli_accepts("job.lua a -d -- -d --frob");
    assert_true(config.debug);
    assert_args("a", "-d", "--frob");
    assert_int_equal(config.nliteral, 2);
    cli_accepts("job.lua -- ''");
    assert_args("", NULL, NULL);
    cli_accepts("-n 2 -- job.lua -x");
    assert_string_equal(config.script, "job.lua");
    assert_args("-x", NULL, NULL);
    assert_int_equal(config.nliteral, 1);
}

static void
test_cli_one_dash_is_standard_input(void **state)
{
    (void)state;
    cli_accepts("- -n 2 a -");
    assert_string_equal(config.script, "-");
    assert_args("a", "-", NULL);
}

static void
test_cli_group_and_line_buffer_undo_each_other(void **state)
{
    (void)state;
    cli_accepts("job.lua");
    assert_int_equal(config.buffering, BUFFER_DEFAULT);
    assert_false(config.tag || config.keep_order);
    assert_null(config.output_dir);
    cli_accepts("job.lua --line-buffer --group --tag --keep-order --output-dir d");
    assert_int_equal(config.buffering, BUFFER_TASKS);
    assert_true(config.tag && config.keep_order);
    assert_string_equal(config.output_dir, "d");
    cli_accepts("job.lua --group --line-buffer");
    assert_int_equal(config.buffering, BUFFER_LINES);
    cli_refuses("job.lua --line-buffer --output-dir d",
                "--line-buffer shows lines as they come, --output-dir not before the task has "
                "ended: leave one out");
}

static void
test_cli_serial_has_no_timeout(void **state)
{
    (void)state;
    cli_accepts("job.lua --serial -n 4");
    assert_true(config.serial);
    cli_refuses("--serial job.lua --timeout 3",
                "--timeout kills worker processes, and --serial has none: leave one of "
                "them out");
}

/* `line` is accepted, and `message` due unless the script declares options. */
static void
put_off(const char *line, const char *message)
{
    cli_accepts(line);
    assert_string_equal(config.unknown, message);
}

#define REST ": see prunner --help; what is meant for the script goes after --"

static void
test_cli_unknown_options_before_the_script_are_named(void **state)
{
    (void)state;
    cli_refuses("--frob=3 job.lua", "unknown option --frob" REST);
    cli_refuses("-x job.lua", "unknown option -x" REST);
    cli_refuses("-d -xd job.lua", "unknown option -x in \"-xd\"" REST);
    cli_refuses("job.lua -dx", "unknown option -x in \"-dx\"" REST);
}

static void
test_cli_unknown_options_after_the_script_are_left_to_it(void **state)
{
    (void)state;
    put_off("job.lua --frob=3", "unknown option --frob" REST);
    assert_args("--frob=3", NULL, NULL);
    put_off("job.lua a -5", "unknown option -5" REST);
    put_off("job.lua -xd -n 3 --frob", "unknown option -x in \"-xd\"" REST);
    assert_args("-xd", "--frob", NULL);
    assert_int_equal(config.n, 3);
    assert_false(config.debug);
    put_off("job.lua --depth 3 -n 2 -- --depth", "unknown option --depth" REST);
    assert_args("--depth", "3", "--depth");
    assert_int_equal(config.nliteral, 1);
    cli_accepts("job.lua --order lifo");
    assert_null(config.unknown);
    cli_refuses("--ma=3 job.lua --frob",
                "--ma is short for more than one option: --max-tasks, --max-rss, --max-crashes");
}

static void
test_cli_help_after_the_script_is_left_to_it(void **state)
{
    (void)state;
    cli_accepts("-n 3 job.lua x --frob --state s --help --order x");
    assert_true(config.help);
    assert_string_equal(config.script, "job.lua");
    assert_int_equal(config.nargs, 0);
    assert_null(config.state);
    assert_null(config.unknown);
    cli_accepts("job.lua");
    assert_false(config.help);
    cli_refuses("'' -h", "the script's name is empty");
}

/* A table such as main.c has. */
static const struct option_row other_options[] = {
    {"Options", 'x', "extra", OPTION_OTHER, .help = "more of it"},
    {0},
};
static const struct subcommand commands[] = {
    {"other", "FILE", "do something else", other_options, NULL, NULL},
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
        assert_int_equal(cli_words(line), 0);
        assert_string_equal(said, "");
        assert_int_equal(cli.action, CLI_COMPLETION);
        assert_string_equal(cli.shell, shells[i]);
        cli_said_by(print_completion);
        assert_non_null(strstr(said, "retry-failed"));
        assert_non_null(strstr(said, "other"));
        assert_non_null(strstr(said, "extra"));
    }
    cli_refuses("--completion ksh", "--completion: \"ksh\" is not a shell (bash, zsh or fish)");
}

static void
test_cli_short_forms_of_names_must_fit_one(void **state)
{
    (void)state;
    cli_accepts("--ser job.lua");
    assert_true(config.serial);
    put_off("job.lua --ser", "unknown option --ser" REST);
    put_off("job.lua --output=x -n 2", "unknown option --output" REST);
    assert_args("--output=x", NULL, NULL);
    cli_refuses("--max=3 job.lua",
                "--max is short for more than one option: --max-tasks, --max-rss, --max-crashes");
}

static void
test_cli_values_are_missing_or_too_many(void **state)
{
    (void)state;
    cli_refuses("job.lua -n", "-n: a value is missing, such as -n 10");
    cli_refuses("job.lua --nprocess", "-n: a value is missing, such as -n 10");
    cli_refuses("job.lua --halt", "--halt: a value is missing, such as --halt now,fail=1");
    cli_refuses("job.lua --quiet=1", "--quiet takes no value, but got \"1\"");
    cli_refuses("job.lua --serial=yes", "--serial takes no value, but got \"yes\"");
}

static void
test_cli_no_script_shows_the_usage(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "-n 10", "--"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(cli_words(lines[i]), EXIT_USAGE);
        assert_string_equal(
            said, "usage: prunner [options] script.lua [options] [arguments] [-- "
                  "arguments]\nprunner: no script given; prunner --help says more\n");
    }
    cli_refuses("''", "the script's name is empty");
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
    assert_int_equal(cli_words("--help -n 0"), 0);
    assert_int_equal(cli.action, CLI_HELP);
    assert_false(cli.brief);
    cli_said_by(print_help);
    for (const struct option_row *row = prn_options; row->name; row++)
        assert_true(shows_option(row));
    assert_non_null(strstr(said, "\n  prunner other FILE "));
    assert_narrow();
    assert_int_equal(cli_words("-n 0 --help"), EXIT_USAGE);
}

static void
test_cli_brief_help_has_what_a_newcomer_needs(void **state)
{
    (void)state;
    int shown = 0;
    assert_int_equal(cli_words("-h"), 0);
    assert_int_equal(cli.action, CLI_HELP);
    assert_true(cli.brief);
    cli_said_by(help_brief);
    for (const struct option_row *row = prn_options; row->name; row++) {
        assert_int_equal(shows_option(row), row->basic);
        shown += row->basic;
    }
    assert_in_range(shown, 8, 14);
    assert_true(strlen(said) < 2000); /* a screen */
    assert_non_null(strstr(said, "\nprunner --help shows all "));
    assert_narrow();
    cli_accepts("job.lua -h");
    assert_true(config.help && cli.brief);
    cli_accepts("job.lua --help");
    assert_true(config.help && !cli.brief);
}

static void
test_cli_version_is_asked_for_anywhere(void **state)
{
    (void)state;
    assert_int_equal(cli_words("job.lua --frob --version -n 0"), 0);
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
        cli_accepts(line);
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
