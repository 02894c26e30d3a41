/* cli: the values that options take, and how wrong ones are refused. */
#include <stdio.h>
#include <string.h>

#include "fixture_cli.h"
#include "job/options.h"

/* Each of the words is refused as a value of the option; '' is an empty one. */
static void
refuses_each(const char *option, const char *const *bad, size_t n, const char *is_not)
{
    char line[100], message[200];
    for (size_t i = 0; i < n; i++) {
        const char *word = strcmp(bad[i], "''") ? bad[i] : "";
        snprintf(line, sizeof line, "job.lua %s=%s", option, word);
        snprintf(message, sizeof message, "%s: \"%s\" is not %s", option, word, is_not);
        cli_refuses(line, message);
    }
}

#define REFUSES_EACH(option, bad, is_not) \
    refuses_each(option, bad, sizeof bad / sizeof *bad, is_not)

static void
test_cli_number_of_workers_is_checked(void **state)
{
    (void)state;
    cli_accepts("job.lua -n 1");
    cli_accepts("job.lua -n 4000");
    assert_int_equal(config.n, 4000);
    cli_refuses("job.lua -n0", "-n: \"0\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n x", "-n: \"x\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n 5000", "-n: \"5000\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n -1", "-n: \"-1\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n 1.5", "-n: \"1.5\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n ''", "-n: \"\" is not a number of workers (1 to 4000)");
    cli_refuses("job.lua -n 18446744073709551617",
                "-n: \"18446744073709551617\" is not a number of workers (1 to 4000)");
}

static void
test_cli_counts_have_their_ranges(void **state)
{
    (void)state;
    cli_accepts("job.lua --retries 0 --max-crashes 1 --max-tasks 1");
    assert_int_equal(config.max_crashes, 1);
    cli_accepts("job.lua --retries 254 --max-crashes 255 --max-tasks 1000000");
    assert_int_equal(config.retries, 254);
    assert_int_equal(config.max_crashes, 255);
    assert_int_equal(config.max_tasks, 1000000);
    cli_refuses("job.lua --retries -1",
                "--retries: \"-1\" is not a number of retries (0 to 254)");
    cli_refuses("job.lua --max-crashes 0",
                "--max-crashes: \"0\" is not a number of crashes (1 to 255)");
    cli_refuses("job.lua --max-crashes 256",
                "--max-crashes: \"256\" is not a number of crashes (1 to 255)");
    cli_refuses("job.lua --max-tasks 0",
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
    char line[100];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(line, sizeof line, "job.lua --memory %s --max-rss %s", good[i].text,
                 good[i].text);
        cli_accepts(line);
        assert_int_equal(config.memory_bytes, good[i].bytes);
        assert_int_equal(config.max_rss_bytes, good[i].bytes);
    }
    REFUSES_EACH("--memory", bad, "a size in bytes (such as 64M or 2G)");
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
    char line[100];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(line, sizeof line, "job.lua --timeout %s", good[i].text);
        cli_accepts(line);
        assert_true(config.timeout_ns == good[i].ns);
    }
    REFUSES_EACH("--timeout", bad, "a time in seconds (such as 30 or 1.5)");
}

static void
assert_halt(const char *rule, enum halt_when when, enum halt_kind kind,
            uint64_t count, uint32_t percent)
{
    char line[100];
    snprintf(line, sizeof line, "job.lua --halt %s", rule);
    cli_accepts(line);
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
        cli_refuses(line, message);
    }
}

static void
test_cli_guards_speak_gnu_parallel(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "0", "0%", "%", "-1", "1.5", "8%%", "1000001", "''"};
    char line[100], message[200];
    cli_accepts("job.lua --load 8 --memfree 2G --delay 1.5 --nice 19");
    assert_int_equal(config.load.count, 8);
    assert_int_equal(config.load.percent, 0);
    assert_true(config.memfree_bytes == (uint64_t)2 << 30);
    assert_int_equal(config.delay_ns, 1500000000);
    assert_int_equal(config.nice, 19);
    cli_accepts("job.lua --load 8 --load 150% --serial");
    assert_int_equal(config.load.count, 0);
    assert_int_equal(config.load.percent, 150);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "job.lua --load %s", bad[i]);
        snprintf(message, sizeof message,
                 "--load: \"%s\" is not a number of processes, 1 to 1000000, or a percentage "
                 "of the CPUs (such as 8 or 100%%)",
                 strcmp(bad[i], "''") ? bad[i] : "");
        cli_refuses(line, message);
    }
    cli_refuses("job.lua --nice 20", "--nice: \"20\" is not a niceness (1 to 19)");
    cli_refuses("job.lua --nice -5", "--nice: \"-5\" is not a niceness (1 to 19)");
    cli_refuses("job.lua --delay 0", "--delay: \"0\" is not a time in seconds (such as 30 or 1.5)");
    cli_refuses("job.lua --memfree lots",
                "--memfree: \"lots\" is not a size in bytes (such as 64M or 2G)");
}

static void
test_cli_order_is_fifo_or_lifo(void **state)
{
    (void)state;
    cli_accepts("job.lua --order lifo");
    assert_int_equal(config.order, TASKS_LIFO);
    cli_accepts("job.lua --order lifo --order fifo");
    assert_int_equal(config.order, TASKS_FIFO);
    cli_refuses("job.lua --order random",
                "--order: \"random\" is not an order (fifo or lifo)");
}

static void
test_cli_tmpdir_must_be_a_directory(void **state)
{
    (void)state;
    cli_accepts("job.lua --tmpdir /tmp");
    assert_string_equal(config.tmpdir, "/tmp");
    cli_refuses("job.lua --tmpdir /dev/null", "--tmpdir: \"/dev/null\" is not a directory");
    cli_refuses("job.lua --tmpdir /no/such/place",
                "--tmpdir: \"/no/such/place\": No such file or directory");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_number_of_workers_is_checked),
        cmocka_unit_test(test_cli_counts_have_their_ranges),
        cmocka_unit_test(test_cli_sizes_have_units),
        cmocka_unit_test(test_cli_seconds_are_exact),
        cmocka_unit_test(test_cli_halt_speaks_gnu_parallel),
        cmocka_unit_test(test_cli_guards_speak_gnu_parallel),
        cmocka_unit_test(test_cli_order_is_fifo_or_lifo),
        cmocka_unit_test(test_cli_tmpdir_must_be_a_directory),
    };
    return cmocka_run_group_tests_name("cli options", tests, NULL, NULL);
}
