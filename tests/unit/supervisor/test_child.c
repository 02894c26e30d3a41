/* child: which state follows which, what is counted, and how often is too often. */
#include "supervisor/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "job/config.h"

enum { N = 3 };

static int
setup(void **state)
{
    (void)state;
    children_open(N);
    return 0;
}

/* All pairs of states, against the picture in child.h. */
static void
test_child_follows_the_arrows_of_the_picture(void **state)
{
    (void)state;
    static const bool arrows[CHILD_STATES][CHILD_STATES] = {
        /* to:                NONE   WANTED ALIVE  DYING  UNREC. GIVEN_UP */
        [CHILD_NONE] = {false, true, false, false, false, false},
        [CHILD_WANTED] = {true, false, true, false, false, false},
        [CHILD_ALIVE] = {true, true, false, true, true, false},
        [CHILD_DYING] = {true, true, false, false, true, false},
        [CHILD_UNRECOVERED] = {true, true, false, false, false, true},
        [CHILD_GIVEN_UP] = {false, false, false, false, false, false},
    };
    for (int from = 0; from < CHILD_STATES; from++) {
        for (int to = 0; to < CHILD_STATES; to++) {
            bool may = child_may_become((enum child_state)from, (enum child_state)to);
            assert_int_equal(may, arrows[from][to]);
        }
    }
}

/* No state but ALIVE and DYING leads to UNRECOVERED: nothing is recovered that never had a
 * process. None leads from UNRECOVERED to a process: first the slot is repaired. */
static void
test_child_is_unrecovered_between_two_processes(void **state)
{
    (void)state;
    for (int s = 0; s < CHILD_STATES; s++) {
        bool process = s == CHILD_ALIVE || s == CHILD_DYING;
        assert_int_equal(child_may_become((enum child_state)s, CHILD_UNRECOVERED), process);
    }
    assert_false(child_may_become(CHILD_UNRECOVERED, CHILD_ALIVE));
}

/* How a process ends that changes the state of a child in slot 1. */
static int
status_of(enum child_state first, enum child_state second)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);
        child_become(child_at(1), first);
        child_become(child_at(1), second);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
test_child_stops_at_what_is_no_arrow(void **state)
{
    (void)state;
    assert_int_equal(status_of(CHILD_WANTED, CHILD_ALIVE), 0);
    int status = status_of(CHILD_WANTED, CHILD_UNRECOVERED);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
assert_counts(uint32_t none, uint32_t wanted, uint32_t alive, uint32_t unrecovered)
{
    assert_int_equal(children_in(CHILD_NONE), none);
    assert_int_equal(children_in(CHILD_WANTED), wanted);
    assert_int_equal(children_alive(), alive);
    assert_int_equal(children_in(CHILD_UNRECOVERED), unrecovered);
}

static void
test_child_the_counts_follow_the_states(void **state)
{
    (void)state;
    struct child *c = child_at(2);
    assert_counts(N, 0, 0, 0);
    assert_false(children_expected());
    child_become(c, CHILD_WANTED);
    assert_counts(N - 1, 1, 0, 0);
    assert_true(children_expected());
    child_become(c, CHILD_ALIVE);
    child_become(c, CHILD_DYING); /* still a process */
    assert_counts(N - 1, 0, 1, 0);
    assert_true(child_has_process(c) && children_expected());
    child_become(c, CHILD_UNRECOVERED);
    assert_counts(N - 1, 0, 0, 1);
    assert_true(!child_has_process(c) && children_expected());
    child_become(c, CHILD_GIVEN_UP);
    assert_counts(N - 1, 0, 0, 0);
    assert_false(children_expected());
}

static void
test_child_more_of_them_begin_as_none(void **state)
{
    (void)state;
    child_become(child_at(1), CHILD_WANTED);
    children_grow(CONFIG_WORKERS_MAX);
    assert_counts(CONFIG_WORKERS_MAX - 1, 1, 0, 0);
    assert_int_equal(child_at(CONFIG_WORKERS_MAX)->state, CHILD_NONE);
    children_grow(1); /* fewer: their slots stay */
    assert_int_equal(children_count(), CONFIG_WORKERS_MAX);
    children_open(N);
    assert_counts(N, 0, 0, 0);
}

/* A process that was waited for has left its number to others. */
static void
test_child_kills_processes_only(void **state)
{
    (void)state;
    struct child *c = child_at(1);
    int status;
    pid_t pid = fork();
    if (!pid) {
        pause();
        _exit(0);
    }
    c->pid = pid;
    child_kill(c); /* NONE */
    child_become(c, CHILD_WANTED);
    children_kill();
    clock_sleep(20 * CLOCK_MILLISECOND);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    child_become(c, CHILD_ALIVE);
    children_kill();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static const struct child_progress nothing;

static void
test_child_too_many_early_deaths_are_five_and_ten_seconds(void **state)
{
    (void)state;
    struct child *c = child_at(1);
    uint64_t now = 7 * CLOCK_SECOND, end = now + CHILD_EARLY_SECONDS * CLOCK_SECOND;
    for (int i = 0; i < 1000; i++)
        assert_false(child_died_early(c, nothing, now + (uint64_t)i)); /* killed by a storm */
    assert_false(child_died_early(c, nothing, end - 1));
    assert_true(child_died_early(c, nothing, end));

    c = child_at(2); /* starts slowly: few deaths in a long time */
    for (int i = 0; i < CHILD_EARLY_DEATHS - 1; i++)
        assert_false(child_died_early(c, nothing, now + (uint64_t)i * 8 * CLOCK_SECOND));
    assert_true(child_died_early(c, nothing, end + 60 * CLOCK_SECOND));
}

static void
test_child_pauses_double_up_to_a_second(void **state)
{
    (void)state;
    struct child *c = child_at(1);
    uint64_t now = 7 * CLOCK_SECOND, before = 0;
    assert_int_equal(c->early.not_before_ns, 0);
    for (int i = 0; i < 20; i++) {
        (void)child_died_early(c, nothing, ++now);
        uint64_t pause = c->early.not_before_ns - now;
        assert_true(!before || pause == 2 * before || (pause == before && pause >= CLOCK_SECOND));
        assert_true(pause < 2 * CLOCK_SECOND);
        before = pause;
    }
}

/* It has taken a task, or found none to take: the row of early deaths ends. */
static void
test_child_that_came_to_tasks_did_not_die_early(void **state)
{
    (void)state;
    static const struct child_progress came[] = {{5, 9}, {4, 10}};
    for (int i = 0; i < 2; i++) {
        struct child *c = child_at((uint32_t)i + 1);
        uint64_t now = 7 * CLOCK_SECOND;
        c->from = (struct child_progress){4, 9}; /* of those before it */
        for (int j = 0; j < CHILD_EARLY_DEATHS; j++)
            assert_false(child_died_early(c, c->from, ++now));
        now += CHILD_EARLY_SECONDS * CLOCK_SECOND;
        assert_false(child_died_early(c, came[i], now));
        assert_int_equal(c->early.not_before_ns, 0);
        c->from = came[i];
        assert_false(child_died_early(c, came[i], now)); /* begins anew */
        assert_int_equal(c->early.deaths, 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
        T(test_child_follows_the_arrows_of_the_picture),
        T(test_child_is_unrecovered_between_two_processes),
        T(test_child_stops_at_what_is_no_arrow),
        T(test_child_the_counts_follow_the_states),
        T(test_child_more_of_them_begin_as_none),
        T(test_child_kills_processes_only),
        T(test_child_too_many_early_deaths_are_five_and_ten_seconds),
        T(test_child_pauses_double_up_to_a_second),
        T(test_child_that_came_to_tasks_did_not_die_early),
#undef T
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
