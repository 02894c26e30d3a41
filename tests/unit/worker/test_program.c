/* program: what a task starts, without a task. */
#include "worker/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "job/job.h"

enum { TASK = 4096 };

static struct program *
start(const char *command, unsigned pipes, uint64_t task)
{
    int err;
    struct program *p = program_start(command, pipes, task, &err);
    assert_non_null(p);
    assert_int_equal(err, 0);
    return p;
}

static void
await(struct program *p)
{
    while (!program_over(p)) {
        struct pollfd fd = {p->pidfd, POLLIN, 0};
        poll(&fd, 1, 10);
    }
}

static int
status_of(const char *command)
{
    struct program *p = start(command, 0, 0);
    await(p);
    int status = p->status;
    program_free(p);
    return status;
}

/* The lowest number that is free: as many as before if none was left open. */
static int
lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void
assert_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
test_program_says_how_it_ended(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(status_of("true")), 0);
    assert_int_equal(WEXITSTATUS(status_of("exit 7")), 7);
    assert_int_equal(WTERMSIG(status_of("kill -KILL $$")), SIGKILL);
    assert_int_equal(program_busy, 0);
    assert_no_children();
}

static void
test_program_pipes_go_to_and_fro_and_do_not_block(void **state)
{
    (void)state;
    char bytes[64];
    int before = lowest_free();
    struct program *p = start("cat; cat >&2 <&0; echo end >&2",
                              1u << PROGRAM_IN | 1u << PROGRAM_OUT | 1u << PROGRAM_ERR, 0);
    assert_int_equal(program_read(p, PROGRAM_OUT, bytes, sizeof bytes), -EAGAIN);
    assert_int_equal(program_write(p, "hello", 5), 5);
    program_close(p, PROGRAM_IN);
    struct pollfd fd = {p->pipe[PROGRAM_OUT], POLLIN, 0};
    assert_int_equal(poll(&fd, 1, -1), 1);
    assert_int_equal(program_read(p, PROGRAM_OUT, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "hello", 5);
    await(p);
    assert_int_equal(program_read(p, PROGRAM_OUT, bytes, sizeof bytes), 0);
    assert_int_equal(program_read(p, PROGRAM_ERR, bytes, sizeof bytes), 4);
    program_free(p);
    assert_int_equal(lowest_free(), before);
}

static void
test_program_that_reads_no_more_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct program *p = start("true", 1u << PROGRAM_IN, 0);
    await(p);
    assert_int_equal(program_write(p, "x", 1), -EPIPE);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    program_free(p);
}

static void
test_program_works_with_standard_streams_closed(void **state)
{
    (void)state;
    char bytes[64];
    int in = fcntl(0, F_DUPFD_CLOEXEC, 50), err = fcntl(2, F_DUPFD_CLOEXEC, 50);
    close(0);
    close(2);
    struct program *p = start("read x; echo \"got $x\"; echo e >&2",
                              1u << PROGRAM_IN | 1u << PROGRAM_OUT | 1u << PROGRAM_ERR, 0);
    assert_int_equal(program_write(p, "y\n", 2), 2);
    await(p);
    ssize_t n = program_read(p, PROGRAM_OUT, bytes, sizeof bytes);
    ssize_t e = program_read(p, PROGRAM_ERR, bytes + 32, 32);
    program_free(p);
    dup2(in, 0);
    dup2(err, 2);
    assert_int_equal(n, 6);
    assert_memory_equal(bytes, "got y\n", 6);
    assert_int_equal(e, 2);
}

/* Whatever fails: no descriptor is left, no process, no memory (ASan). */
static void
test_program_start_may_fail_at_each_descriptor(void **state)
{
    (void)state;
    struct rlimit limit, before;
    int free_fd = lowest_free(), failed = 0;
    getrlimit(RLIMIT_NOFILE, &before);
    for (int more = 0; more < 12; more++) {
        int err = 0;
        limit = before;
        limit.rlim_cur = (rlim_t)(free_fd + more);
        setrlimit(RLIMIT_NOFILE, &limit);
        struct program *p = program_start("true",
                                          1u << PROGRAM_IN | 1u << PROGRAM_OUT | 1u << PROGRAM_ERR,
                                          0, &err);
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(err, p ? 0 : -EMFILE);
        if (p) {
            await(p);
            program_free(p);
        } else {
            failed++;
        }
        assert_int_equal(lowest_free(), free_fd);
    }
    assert_true(failed >= 6 && failed < 12);
    assert_no_children();
    assert_int_equal(program_busy, 0);
}

/* Ends a program that has told us that it is ready. */
static void
end_by(const char *command, void (*how)(struct program *p))
{
    char byte;
    struct program *p = start(command, 1u << PROGRAM_OUT, TASK);
    struct pollfd fd = {p->pipe[PROGRAM_OUT], POLLIN, 0};
    assert_int_equal(poll(&fd, 1, -1), 1);
    assert_int_equal(program_read(p, PROGRAM_OUT, &byte, 1), 1);
    how(p);
    assert_true(program_over(p));
    /* All that had the pipe are gone. */
    while (program_read(p, PROGRAM_OUT, &byte, 1) == 1)
        ;
    assert_int_equal(program_read(p, PROGRAM_OUT, &byte, 1), 0);
    program_free(p);
    assert_int_equal(program_busy, 0);
    assert_no_children();
}

static void
by_failure(struct program *p)
{
    (void)p;
    program_task_ended(TASK + 64, true); /* of the same list */
    assert_false(program_over(p));
    program_task_ended(TASK, true);
}

static void
test_program_is_ended_with_all_that_it_has_started(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "echo x; sleep 3318",
        "trap '' TERM; echo x; sleep 3318; sleep 3318; sleep 3318",
        "setsid sleep 3318 & echo x; wait",
        "sh -c \"trap '' TERM; echo x; while :; do sleep 3318; done\" & wait",
    };
    job.config.concurrency = 1;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        end_by(commands[i], program_kill);
        end_by(commands[i], by_failure);
    }
}

static void
test_program_whose_task_ended_well_goes_on_and_is_reaped(void **state)
{
    (void)state;
    struct program *held = start("exec cat", 1u << PROGRAM_IN, TASK);
    struct program *freed = start("sleep 0.01", 0, TASK);
    program_task_ended(TASK, false);
    program_free(freed);
    assert_false(program_over(held));
    while (program_busy > 1) {
        program_task_ended(1, false);
        clock_sleep(CLOCK_MILLISECOND);
    }
    program_close(held, PROGRAM_IN);
    while (program_busy) {
        program_task_ended(1, false);
        clock_sleep(CLOCK_MILLISECOND);
    }
    assert_no_children();
    assert_true(program_over(held));
    assert_int_equal(held->status, 0);
    program_free(held);
}

static void
test_program_taken_by_somebody_else_is_lost(void **state)
{
    (void)state;
    struct program *p = start("exit 3", 0, 0);
    while (waitpid(p->pid, NULL, 0) < 0)
        ;
    assert_true(program_over(p));
    assert_int_equal(p->status, PROGRAM_STATUS_LOST);
    program_free(p);
}

static void
test_program_failure_is_known_by_its_message_until_its_task_ends(void **state)
{
    (void)state;
    int status = 0;
    program_failed(TASK, 3 << 8, "sh: `x` ended with status 3");
    program_failed(TASK + 1, SIGKILL, "sh: `y` was ended by SIGKILL");
    assert_true(program_failure(TASK, "job.lua:3: sh: `x` ended with status 3", &status));
    assert_int_equal(status, 3 << 8);
    assert_false(program_failure(TASK, "another", &status));
    assert_false(program_failure(TASK + 1, "sh: `x` ended with status 3", &status));
    program_task_ended(TASK, true);
    assert_false(program_failure(TASK, "sh: `x` ended with status 3", &status));
    program_task_ended(TASK + 1, false);
    assert_int_equal(program_busy, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_says_how_it_ended),
        cmocka_unit_test(test_program_pipes_go_to_and_fro_and_do_not_block),
        cmocka_unit_test(test_program_that_reads_no_more_is_an_error_and_no_signal),
        cmocka_unit_test(test_program_works_with_standard_streams_closed),
        cmocka_unit_test(test_program_start_may_fail_at_each_descriptor),
        cmocka_unit_test(test_program_is_ended_with_all_that_it_has_started),
        cmocka_unit_test(test_program_whose_task_ended_well_goes_on_and_is_reaped),
        cmocka_unit_test(test_program_taken_by_somebody_else_is_lost),
        cmocka_unit_test(test_program_failure_is_known_by_its_message_until_its_task_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
