/* counts: sums over the slots and their differences, while workers stand between two stores. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "task/commit.h"
#include "task/counts.h"
#include "task/queue.h"

enum { MANY = 200000,
       LIMIT_S = 20 };

static struct slot *
slot_of(struct fixture *f, uint32_t k)
{
    return slot_at(&f->arena, k);
}

static void
test_counts_sum_everybody(void **state)
{
    struct fixture *f = *state;
    struct counts c;
    slot_of(f, 0)->posted = 11;
    slot_of(f, 1)->finished = 4;
    slot_of(f, 1)->failed = 1;
    slot_of(f, FIXTURE_WORKERS)->finished = 3;
    slot_of(f, FIXTURE_WORKERS)->quarantined = 2;
    slot_of(f, FIXTURE_WORKERS)->retried = 5;
    slot_of(f, 2)->finished = 2;
    slot_of(f, 2)->duplicates = 2;
    counts_sum(&f->arena, &c);
    assert_int_equal(c.posted, 11);
    assert_int_equal(c.finished, 9);
    assert_int_equal(c.duplicates, 2);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.quarantined, 2);
    assert_int_equal(c.retried, 5);
    assert_int_equal(counts_left(&c), 2);
    assert_int_equal(counts_bad(&c), 3);
    assert_int_equal(counts_succeeded(&c), 4);
}

/* No task has succeeded. Worker 1 has counted the failure of its task and not yet its end. */
static void
test_counts_a_worker_between_its_stores_has_no_success(void **state)
{
    struct fixture *f = *state;
    struct counts c;
    slot_of(f, 0)->posted = 2;
    slot_of(f, 1)->failed = 1;
    slot_of(f, 2)->failed = slot_of(f, 2)->finished = 1;
    uint64_t finished = 0, failed = 0;
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++) {
        finished += slot_of(f, k)->finished;
        failed += slot_of(f, k)->failed;
    }
    assert_true(finished - failed > 1000); /* the mistake */
    counts_sum(&f->arena, &c);
    assert_int_equal(counts_succeeded(&c), 0);
    assert_int_equal(c.finished, 1);
    assert_int_equal(c.failed, 1);
    assert_int_equal(counts_left(&c), 1);
    /* Cut off in the sum only, the failure that is not finished yet would hide a success. */
    slot_of(f, 2)->finished = 2;
    counts_sum(&f->arena, &c);
    assert_int_equal(counts_succeeded(&c), 1);
}

static void
end_badly(void *arg)
{
    (void)commit_end(arg, OUTCOME_FAILED);
}

/* `failed` first, then `finished`: a task that fails in between is finished and has not failed. */
static void
test_counts_failed_first_would_make_a_success(void **state)
{
    struct fixture *f = *state;
    struct counts c;
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    commit_begin(&f->selves[1]);
    uint64_t failed = slot_of(f, 1)->failed;
    end_badly(&f->selves[1]);
    assert_int_equal(slot_of(f, 1)->finished - failed, 1); /* the mistake */
    counts_sum(&f->arena, &c);
    assert_int_equal(counts_succeeded(&c), 0);
    assert_int_equal(c.failed, 1);
}

/* What anybody may see, at any instruction of the end of a task that fails. */
static void
check_failing(struct fixture *f, void *arg)
{
    const struct slot *s = slot_of(f, 1);
    struct counts c;
    counts_sum(&f->arena, &c);
    assert_int_equal(counts_succeeded(&c), 0);
    assert_int_equal(counts_bad(&c), c.finished);
    assert_int_equal(counts_left(&c), 1 - c.finished);
    *(uint32_t *)arg += s->failed > s->finished;
}

static void
test_counts_never_a_success_while_a_task_fails(void **state)
{
    struct fixture *f = *state;
    uint32_t between = 0;
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    commit_begin(&f->selves[1]);
    if (!fixture_deaths(f, end_badly, &f->selves[1], check_failing, &between))
        skip();
    assert_true(between > 0); /* the story was played */
}

/* Slot k's process: tasks that all fail, counted as commit.c counts. */
static pid_t
failing_worker(struct fixture *f, uint32_t k)
{
    pid_t pid = fork();
    struct slot *s = slot_of(f, k);
    if (pid)
        return pid;
    alarm(LIMIT_S);
    for (uint64_t i = 1; i <= MANY; i++) {
        atom_store(&s->posted, i);
        atom_set(&s->failed, i);
        atom_store(&s->finished, i);
    }
    _exit(0);
}

static void
test_counts_hold_while_workers_count(void **state)
{
    struct fixture *f = *state;
    pid_t workers[2] = {failing_worker(f, 1), failing_worker(f, 2)};
    struct counts c, before = {0};
    do {
        counts_sum(&f->arena, &c);
        assert_int_equal(counts_succeeded(&c), 0);
        assert_int_equal(counts_bad(&c), c.finished);
        assert_true(c.finished <= c.posted);
        assert_true(c.finished >= before.finished && c.posted >= before.posted);
        before = c;
    } while (c.finished < 2 * MANY);
    assert_int_equal(counts_left(&c), 0);
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
        assert_int_equal(status, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_counts_sum_everybody),
        FIXTURE_TEST(test_counts_a_worker_between_its_stores_has_no_success),
        FIXTURE_TEST(test_counts_failed_first_would_make_a_success),
        FIXTURE_TEST(test_counts_never_a_success_while_a_task_fails),
        FIXTURE_TEST(test_counts_hold_while_workers_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
