/* write_all: errors in place of signals, which stay what they were; all of the bytes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/write_all.h"

enum { MUCH = 1 << 20 };

static char much[MUCH];

static void
test_write_all_says_that_nobody_reads(void **state)
{
    (void)state;
    int ends[2];
    sigset_t pending;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write_all(ends[1], "x", 1, 0), -EPIPE);
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    close(ends[1]);
}

/* What a child ended by, that writes beyond what its files may have. */
static int
status_of_too_large(int also)
{
    int status = 0;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit limit = {1000, 1000}, no_core = {0, 0};
        FILE *file = tmpfile();
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(write_all(fileno(file), much, MUCH, also) == -EFBIG ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
test_write_all_has_a_second_signal_that_is_an_error_if_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(status_of_too_large(SIGXFSZ), 0);
    int status = status_of_too_large(0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXFSZ);
}

static void
test_write_all_at_writes_to_a_place_and_no_signal_ends_it(void **state)
{
    (void)state;
    char back[3];
    FILE *file = tmpfile();
    struct rlimit before, limit;
    sigset_t pending;
    assert_non_null(file);
    assert_int_equal(write_all_at(fileno(file), "abc", 3, 5, SIGXFSZ), 0);
    assert_int_equal(pread(fileno(file), back, 3, 5), 3);
    assert_memory_equal(back, "abc", 3);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){1000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(write_all_at(fileno(file), much, MUCH, 5, SIGXFSZ), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &before);
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGXFSZ));
    fclose(file);
}

static void
test_write_all_waits_for_a_pipe_that_does_not_block(void **state)
{
    (void)state;
    static char part[4096];
    int ends[2], status;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    pid_t pid = fork();
    if (!pid) {
        close(ends[0]);
        _exit(write_all(ends[1], much, MUCH, 0) != 0);
    }
    close(ends[1]);
    size_t got = 0;
    fcntl(ends[0], F_SETFL, 0);
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;)
        got += (size_t)n;
    assert_int_equal(got, MUCH);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ends[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_all_says_that_nobody_reads),
        cmocka_unit_test(test_write_all_has_a_second_signal_that_is_an_error_if_it_is_asked_for),
        cmocka_unit_test(test_write_all_at_writes_to_a_place_and_no_signal_ends_it),
        cmocka_unit_test(test_write_all_waits_for_a_pipe_that_does_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
