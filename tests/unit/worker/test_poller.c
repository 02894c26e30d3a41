/* poller: real pipes and sockets; nothing is waited for by the clock but what is due at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "worker/poller.h"

struct one {
    struct poller_wait wait;
    struct poller_fd fd;
};

static int pair[2];

static int
setup(void **state)
{
    (void)state;
    return poller_open() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int
teardown(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    poller_close();
    return 0;
}

static int
wait_at(struct one *o, int fd, uint8_t want, uint64_t due_ns)
{
    uint32_t at;
    *o = (struct one){.fd = {fd, want, 0}};
    o->wait.due_ns = due_ns;
    o->wait.fds = &o->fd;
    o->wait.nfds = fd != -2;
    return poller_wait(&o->wait, &at);
}

static void
expect_over(struct one *o, enum poller_why why)
{
    assert_ptr_equal(poller_next(), &o->wait);
    assert_int_equal(o->wait.why, why);
}

static void
poll_now(void)
{
    (void)poller_poll(0);
}

static void
test_poller_tells_what_can_be_read(void **state)
{
    struct one r, w;
    (void)state;
    assert_int_equal(wait_at(&r, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    poll_now();
    assert_null(poller_next());
    assert_int_equal(wait_at(&w, pair[0], POLLER_WRITE, CLOCK_NEVER), 0);
    poll_now();
    expect_over(&w, POLLER_READY); /* and r waits on */
    assert_int_equal(w.fd.ready, POLLER_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    poll_now();
    expect_over(&r, POLLER_READY);
    assert_null(poller_next());
}

/* With POLLER_NEVER it would sleep for ever if the event did not come. */
static void
test_poller_sleeps_until_something_is_over(void **state)
{
    struct one r;
    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(wait_at(&r, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    (void)poller_poll(CLOCK_NEVER);
    expect_over(&r, POLLER_READY);
}

static void
test_poller_refuses_a_second_wait_for_the_same(void **state)
{
    struct one a, b, c;
    (void)state;
    assert_int_equal(wait_at(&a, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    assert_int_equal(wait_at(&b, pair[0], POLLER_READ, CLOCK_NEVER), -EBUSY);
    assert_int_equal(wait_at(&c, pair[0], POLLER_READ | POLLER_WRITE, CLOCK_NEVER), -EBUSY);
    assert_ptr_equal(poller_reads(pair[0]), &a.wait);
    assert_null(poller_writes(pair[0]));
    poller_end(&a.wait, POLLER_TOLD);
    expect_over(&a, POLLER_TOLD);
    assert_int_equal(wait_at(&b, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    poller_end(&b.wait, POLLER_TOLD);
}

static void
test_poller_tells_who_waits_for_what_is_closed(void **state)
{
    struct one r, w, again;
    int fd = pair[0];
    (void)state;
    assert_int_equal(wait_at(&r, fd, POLLER_READ, CLOCK_NEVER), 0);
    poller_closes(fd);
    close(fd);
    expect_over(&r, POLLER_CLOSED);
    /* Without a word, and its number is another file's by now. */
    pair[0] = dup(pair[1]);
    assert_int_equal(pair[0], fd);
    assert_int_equal(wait_at(&r, fd, POLLER_READ, CLOCK_NEVER), 0);
    close(fd);
    int other[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
    assert_int_equal(other[0], fd);
    assert_int_equal(wait_at(&again, fd, POLLER_READ, CLOCK_NEVER), 0);
    expect_over(&r, POLLER_CLOSED);
    assert_int_equal(wait_at(&w, fd, POLLER_WRITE, CLOCK_NEVER), 0);
    poll_now();
    expect_over(&w, POLLER_READY);
    assert_int_equal(write(other[1], "x", 1), 1);
    poll_now();
    expect_over(&again, POLLER_READY);
    close(other[1]);
}

/* An event that was on its way when the file was closed is not the next file's. */
static void
test_poller_knows_old_events_by_their_number(void **state)
{
    struct one r, other;
    int second[2];
    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(wait_at(&r, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    poller_closes(pair[0]);
    expect_over(&r, POLLER_CLOSED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second), 0);
    assert_int_equal(dup2(second[0], pair[0]), pair[0]);
    close(second[0]);
    assert_int_equal(wait_at(&other, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    poll_now();
    assert_null(poller_next());
    close(second[1]);
    poll_now();
    expect_over(&other, POLLER_READY); /* its end */
}

static void
test_poller_a_file_on_disk_is_always_ready(void **state)
{
    struct one r;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(wait_at(&r, fd, POLLER_READ, CLOCK_NEVER), 0);
    expect_over(&r, POLLER_READY);
    assert_int_equal(r.fd.ready, POLLER_READ);
    close(fd);
    assert_int_equal(wait_at(&r, fd, POLLER_READ, CLOCK_NEVER), -EBADF);
    assert_int_equal(wait_at(&r, -1, POLLER_READ, CLOCK_NEVER), -EBADF);
}

static void
test_poller_moments_come_in_their_order(void **state)
{
    enum { N = 300 };
    static struct one all[N];
    uint64_t last = 0;
    (void)state;
    srand(1);
    for (int i = 0; i < N; i++)
        assert_int_equal(wait_at(&all[i], -2, 0, (uint64_t)(1 + rand() % 50)), 0);
    for (int i = 0; i < N; i += 3)
        poller_end(&all[i].wait, POLLER_TOLD);
    for (int i = 0; i < N; i += 3)
        expect_over(&all[i], POLLER_TOLD);
    poll_now();
    for (int i = 0; i < N - N / 3; i++) {
        struct poller_wait *w = poller_next();
        assert_non_null(w);
        assert_int_equal(w->why, POLLER_TIME);
        assert_true(w->due_ns >= last);
        last = w->due_ns;
    }
    assert_null(poller_next());
    assert_true(poller_due() == CLOCK_NEVER);
}

/* Not one for a descriptor: it may be ready. */
static void
test_poller_ends_waits_for_moments_without_a_look(void **state)
{
    static struct one r, late;
    int p[2];
    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(wait_at(&r, -2, 0, clock_coarse_ns()), 0);
    assert_null(poller_next());
    assert_true(poller_moments());
    expect_over(&r, POLLER_TIME);
    assert_int_equal(wait_at(&late, p[0], POLLER_READ, 1), 0);
    assert_false(poller_moments());
    assert_true(poller_due() == 1);
    poller_end(&late.wait, POLLER_TOLD);
    expect_over(&late, POLLER_TOLD);
    close(p[0]);
    close(p[1]);
}

/* What has come is not late, however late we look. */
static void
test_poller_looks_at_descriptors_before_moments(void **state)
{
    struct one r;
    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(wait_at(&r, pair[0], POLLER_READ, 1), 0);
    poll_now();
    expect_over(&r, POLLER_READY);
    assert_null(poller_next());
}

static void
test_poller_waits_for_several(void **state)
{
    struct poller_fd fds[] = {{pair[0], POLLER_READ, 0}, {pair[1], POLLER_READ, 0}, {pair[1], POLLER_WRITE, 0}};
    struct poller_wait w = {.due_ns = CLOCK_NEVER, .fds = fds, .nfds = 3};
    struct one r;
    uint32_t at;
    (void)state;
    assert_int_equal(wait_at(&r, pair[1], POLLER_READ, CLOCK_NEVER), 0);
    assert_int_equal(poller_wait(&w, &at), -EBUSY);
    assert_int_equal(at, 1);
    assert_null(poller_reads(pair[0])); /* nothing of it waits */
    poller_end(&r.wait, POLLER_TOLD);
    expect_over(&r, POLLER_TOLD);
    assert_int_equal(poller_wait(&w, &at), 0);
    poll_now();
    assert_ptr_equal(poller_next(), &w);
    assert_int_equal(fds[0].ready + fds[1].ready, 0);
    assert_int_equal(fds[2].ready, POLLER_WRITE);
    assert_null(poller_reads(pair[0]));
}

static void
test_poller_a_childs_close_is_its_own(void **state)
{
    struct one r;
    int status = 1;
    (void)state;
    assert_int_equal(wait_at(&r, pair[0], POLLER_READ, CLOCK_NEVER), 0);
    pid_t pid = fork();
    if (pid == 0) {
        poller_closes(pair[0]); /* the set is its parent's, too */
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    poll_now();
    expect_over(&r, POLLER_READY);
}

#define POLLER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        POLLER_TEST(test_poller_tells_what_can_be_read),
        POLLER_TEST(test_poller_sleeps_until_something_is_over),
        POLLER_TEST(test_poller_refuses_a_second_wait_for_the_same),
        POLLER_TEST(test_poller_tells_who_waits_for_what_is_closed),
        POLLER_TEST(test_poller_knows_old_events_by_their_number),
        POLLER_TEST(test_poller_a_file_on_disk_is_always_ready),
        POLLER_TEST(test_poller_moments_come_in_their_order),
        POLLER_TEST(test_poller_ends_waits_for_moments_without_a_look),
        POLLER_TEST(test_poller_looks_at_descriptors_before_moments),
        POLLER_TEST(test_poller_waits_for_several),
        POLLER_TEST(test_poller_a_childs_close_is_its_own),
    };
    return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}
