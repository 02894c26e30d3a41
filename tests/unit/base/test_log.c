/* log: what arrives on the other side of stderr. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr;
static int reader; /* the other end: one recv() is one write() */
static char got[1 << 20];

static void
stderr_to(int fd)
{
    saved_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static void
stderr_back(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
}

/* A packet socket keeps the borders between writes. */
static int
setup(void **state)
{
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -1;
    reader = pair[0];
    stderr_to(pair[1]);
    log_init(false, false);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    stderr_back();
    close(reader);
    return 0;
}

/* The next write to stderr; "" if there was none. */
static const char *
next_write(void)
{
    ssize_t n = recv(reader, got, sizeof got - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    return got;
}

static void
test_log_one_message_is_one_write(void **state)
{
    (void)state;
    log_error("worker %d: %s", 3, "gone");
    log_warn("second");
    assert_string_equal(next_write(), "prunner: worker 3: gone\n");
    assert_string_equal(next_write(), "prunner: second\n");
    assert_string_equal(next_write(), "");
}

static void
test_log_a_line_ends_once(void **state)
{
    (void)state;
    log_error("ended\n");
    assert_string_equal(next_write(), "prunner: ended\n");
    log_error("two\nlines");
    assert_string_equal(next_write(), "prunner: two\nlines\n");
    log_error("%s", "");
    assert_string_equal(next_write(), "prunner: \n");
}

static void
test_log_debug_only_when_asked_for(void **state)
{
    (void)state;
    log_debug("unseen");
    assert_false(log_debugging());
    assert_string_equal(next_write(), "");
    log_init(false, true);
    assert_true(log_debugging());
    log_debug("seen %d", 1);
    assert_string_equal(next_write(), "prunner: seen 1\n");
}

static void
test_log_quiet_leaves_errors_and_reports(void **state)
{
    (void)state;
    log_init(true, true);
    log_warn("unseen");
    log_debug("unseen");
    assert_false(log_debugging());
    assert_string_equal(next_write(), "");
    log_error("seen");
    assert_string_equal(next_write(), "prunner: seen\n");
    log_text("a report\n", 9);
    assert_string_equal(next_write(), "a report\n");
}

static void
test_log_long_messages_are_cut(void **state)
{
    (void)state;
    char *text = malloc(2 * LOG_BYTES_MAX);
    memset(text, 'x', 2 * LOG_BYTES_MAX - 1);
    text[2 * LOG_BYTES_MAX - 1] = '\0';
    log_error("%s", text);
    size_t len = strlen(next_write());
    assert_true(len <= LOG_BYTES_MAX && len > LOG_BYTES_MAX - 32);
    assert_string_equal(got + len - 5, "x...\n");

    /* Around the border: all there, or cut, and never without its end. */
    for (int n = LOG_BYTES_MAX - 32; n < LOG_BYTES_MAX + 8; n++) {
        log_error("%.*s", n, text);
        len = strlen(next_write());
        assert_true(len <= LOG_BYTES_MAX);
        assert_true(len == (size_t)n + 10 || strcmp(got + len - 5, "x...\n") == 0);
        assert_int_equal(got[len - 1], '\n');
    }
    free(text);
}

static void
test_log_errno_survives_and_can_be_shown(void **state)
{
    (void)state;
    errno = ENOENT;
    log_error("open: %m");
    assert_int_equal(errno, ENOENT);
    assert_string_equal(next_write(), "prunner: open: No such file or directory\n");

    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int keep = dup(STDERR_FILENO);
    dup2(full, STDERR_FILENO);
    errno = EPERM;
    log_error("nobody reads this");
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(full);
    assert_int_equal(errno, EPERM);
}

/* A pipe takes a long text in parts, and a non-blocking one refuses between. */
static void
test_log_text_arrives_whole_through_a_small_pipe(void **state)
{
    (void)state;
    enum { BYTES = 500000 };
    int pipe_fd[2];
    char *text = malloc(BYTES);
    for (int i = 0; i < BYTES; i++)
        text[i] = (char)('a' + i % 23);

    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    fcntl(pipe_fd[1], F_SETPIPE_SZ, 4096);
    fcntl(pipe_fd[1], F_SETFL, O_NONBLOCK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30);
        dup2(pipe_fd[1], STDERR_FILENO);
        log_text(text, BYTES);
        _exit(0);
    }
    close(pipe_fd[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(pipe_fd[0], got + len, sizeof got - len)) > 0)
        len += (size_t)n;
    close(pipe_fd[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(len, BYTES);
    assert_memory_equal(got, text, BYTES);
    free(text);
}

/* Nobody reads: it must not wait for ever. */
static void
test_log_gives_up_on_a_stderr_that_stays_full(void **state)
{
    (void)state;
    int pipe_fd[2];
    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    fcntl(pipe_fd[1], F_SETFL, O_NONBLOCK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30); /* dies of it if log_text never returns */
        dup2(pipe_fd[1], STDERR_FILENO);
        log_text(got, sizeof got);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_log_one_message_is_one_write),
        TEST(test_log_a_line_ends_once),
        TEST(test_log_debug_only_when_asked_for),
        TEST(test_log_quiet_leaves_errors_and_reports),
        TEST(test_log_long_messages_are_cut),
        TEST(test_log_errno_survives_and_can_be_shown),
        TEST(test_log_text_arrives_whole_through_a_small_pipe),
        TEST(test_log_gives_up_on_a_stderr_that_stays_full),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
