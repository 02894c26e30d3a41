/* failures: which are alike, and how many of each kind all processes together have met. */
#include "job/failures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "job/failure_kind.h"

static uint64_t
key(uint32_t fn, const char *error)
{
    return failure_key(fn, error, strlen(error));
}

static void
test_kinds_of_failures(void **state)
{
    (void)state;
    uint64_t first = key(1, "job.lua:12: no page 7 at \"a.org\"");
    assert_true(key(1, "job.lua:12: no page 123 at \"b.org/x\"\nmore") == first);
    assert_true(key(2, "job.lua:12: no page 7 at \"a.org\"") != first);
    assert_true(key(1, "job.lua:13: no page 7 at \"a.org\"") != first);
    assert_true(key(1, "job.lua:12: no leaf 7 at \"a.org\"") != first);
    assert_true(key(1, "7 of 8") == key(1, "17 of 20"));
    assert_true(key(1, "") != key(1, "x"));
}

static uint64_t
note(uint32_t fn, bool again, const char *error)
{
    return failures_note(fn, again, error, strlen(error));
}

static void
test_without_a_table_each_is_the_first(void **state)
{
    (void)state;
    struct failures_kind kinds[FAILURES_KINDS];
    uint64_t others = 7;
    assert_int_equal(note(1, false, "x"), 1);
    assert_int_equal(note(1, false, "x"), 1);
    assert_int_equal(failures_kinds(kinds, &others), 0);
    assert_int_equal(others, 0);
}

enum { PROCESSES = 4,
       EACH = 5000 };

static void
fail_often(int k)
{
    char error[64];
    for (int i = 0; i < EACH; i++) {
        snprintf(error, sizeof error, "job.lua:1: number %d\nof %d", i, k);
        (void)note(1, false, error);
        (void)note(1, true, error);
    }
    _exit(0);
}

static void
test_processes_count_together(void **state)
{
    (void)state;
    struct failures_kind kinds[FAILURES_KINDS];
    uint64_t others;
    assert_int_equal(failures_open(), 0);
    for (int k = 0; k < PROCESSES; k++) {
        if (!fork())
            fail_often(k);
    }
    for (int k = 0; k < PROCESSES; k++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(failures_kinds(kinds, &others), 2);
    assert_int_equal(others, 0);
    assert_int_equal(kinds[0].again + kinds[1].again, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kinds[i].count, PROCESSES * EACH);
        assert_int_equal(kinds[i].fn, 1);
        assert_memory_equal(kinds[i].text, "job.lua:1: number ", 18);
        assert_null(memchr(kinds[i].text, '\n', kinds[i].len));
    }
    assert_int_equal(note(1, false, "job.lua:1: number 7"), PROCESSES * EACH + 1);
}

static void
test_what_finds_no_room_is_counted(void **state)
{
    (void)state;
    struct failures_kind kinds[FAILURES_KINDS];
    char error[FAILURES_TEXT + 100];
    uint64_t others;
    assert_int_equal(failures_open(), 0);
    memset(error, 'x', sizeof error);
    for (uint32_t fn = 1; fn <= FAILURES_KINDS; fn++)
        assert_int_equal(failures_note(fn, false, error, sizeof error), 1);
    assert_int_equal(note(1, true, "y"), 0);
    assert_int_equal(note(1, false, "y"), 0);
    assert_int_equal(note(1, false, "y"), 0);
    assert_int_equal(failures_note(1, false, error, sizeof error), 2);
    assert_int_equal(failures_kinds(kinds, &others), FAILURES_KINDS);
    assert_int_equal(others, 2);
    assert_int_equal(kinds[FAILURES_KINDS - 1].len, FAILURES_TEXT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_failures),
        cmocka_unit_test(test_without_a_table_each_is_the_first),
        cmocka_unit_test(test_processes_count_together),
        cmocka_unit_test(test_what_finds_no_room_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
