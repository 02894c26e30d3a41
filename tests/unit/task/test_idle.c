/* idle: parking, waking, and knowing that all is done. docs/internals/termination.md,
 * docs/internals/sleeping.md */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture_worker.h"
#include "task/commit.h"
#include "base/futex.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"

static struct slot *
slot_of(struct fixture *f, uint32_t k)
{
    return slot_at(&f->arena, k);
}

static uint64_t
bits(struct fixture *f)
{
    return atom_load(&f->arena.header->idle_bits[0]);
}

/* ---- all done ---- */

static void
test_idle_all_done_sums_everybody(void **state)
{
    struct fixture *f = *state;
    assert_true(idle_all_done(&f->arena));
    slot_of(f, 0)->posted = 3;
    assert_false(idle_all_done(&f->arena));
    slot_of(f, FIXTURE_WORKERS)->finished = 2;
    assert_false(idle_all_done(&f->arena));
    slot_of(f, 1)->finished = 1;
    assert_true(idle_all_done(&f->arena));
}

/* What a decider sees when it reads the sums in the order given, and a worker does
 * all it can between its two passes. */
static bool
decide(struct fixture *f, bool done_first, void (*meanwhile)(struct fixture *f))
{
    uint64_t sums[2] = {0, 0};
    for (int pass = 0; pass < 2; pass++) {
        bool is_done = (pass == 0) == done_first;
        for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++)
            sums[is_done] += is_done ? slot_of(f, k)->finished : slot_of(f, k)->posted;
        if (pass == 0)
            meanwhile(f);
    }
    return sums[0] == sums[1];
}

/* A counted task posts a child and ends; the child waits. */
static void
post_and_end(struct fixture *f)
{
    struct self *self = &f->selves[1];
    commit_begin(self);
    assert_int_equal(queue_reserve(self, 2), 0);
    assert_int_equal(task_stage(self, 2, "self", 1), 0);
    (void)commit_end(self, OUTCOME_DONE);
}

/* Posted first: `finished` has caught up with the old `posted` while the child still
 * waits. This is why counts_sum() sums `finished` first. */
static void
test_idle_posted_first_would_end_too_early(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    assert_true(decide(f, false, post_and_end)); /* the mistake */
    assert_int_equal(fixture_count(f, TASK_READY), 1);
    assert_false(idle_all_done(&f->arena));
}

static void
test_idle_done_first_does_not(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    assert_false(decide(f, true, post_and_end));
}

static void
end_part(void *arg)
{
    struct self *self = arg;
    (void)commit_end(self, OUTCOME_DONE);
}

/* What anybody may see, at any instruction of a commit. */
static void
check_not_done(struct fixture *f, void *arg)
{
    (void)arg;
    assert_false(idle_all_done(&f->arena));
}

static void
test_idle_all_done_never_says_so_while_a_child_waits(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(self));
    commit_begin(self);
    assert_int_equal(queue_reserve(self, 2), 0);
    assert_int_equal(task_stage(self, 2, "self", 1), 0);
    if (!fixture_deaths(f, end_part, self, check_not_done, NULL))
        skip();
}

/* ---- sleeping ---- */

/* Something is left to be done, so nobody ends the job. */
static void
keep_going(struct fixture *f)
{
    slot_of(f, 0)->posted++;
}

static void
test_idle_last_one_ends_the_job_and_wakes_all(void **state)
{
    struct fixture *f = *state;
    pid_t pids[FIXTURE_WORKERS + 1];
    keep_going(f);
    for (uint32_t k = 1; k <= 2; k++)
        pids[k] = worker_start(f, k);
    worker_until_parked(f, 1, 1);
    worker_until_parked(f, 2, 1);
    assert_int_equal(bits(f), 6);
    slot_of(f, 3)->finished = 1;
    pids[3] = worker_start(f, 3);
    for (uint32_t k = 1; k <= 3; k++)
        assert_int_equal(worker_ended(pids[k]), 0);
    assert_int_equal(f->arena.header->mode, ARENA_DONE);
    assert_int_equal(bits(f), 0);
}

static void
test_idle_wake_brings_one_to_the_task(void **state)
{
    struct fixture *f = *state;
    keep_going(f);
    pid_t pid = worker_start(f, 1);
    for (uint32_t i = 1; i <= 20; i++) {
        worker_until_parked(f, 1, i);
        fixture_publish(f, 0, 1, 1);
        idle_wake(&f->selves[0], 1);
    }
    worker_until_parked(f, 1, 21);
    assert_int_equal(slot_of(f, 0)->wakes, 20);
    idle_set_mode(&f->arena, ARENA_STOP);
    assert_int_equal(worker_ended(pid), 20);
}

static void
test_idle_wake_of_nobody(void **state)
{
    struct fixture *f = *state;
    assert_false(idle_any(&f->selves[1]));
    idle_wake(&f->selves[1], 1);
    f->arena.header->idle_bits[0] = 1u << 2; /* an old hint: park says awake */
    assert_true(idle_any(&f->selves[1]));
    idle_wake(&f->selves[1], 1);
    assert_int_equal(slot_of(f, 1)->wakes, 0);
    slot_of(f, 2)->park = 1;
    idle_wake(&f->selves[1], 0);
    assert_int_equal(slot_of(f, 2)->park, 1);
    idle_wake(&f->selves[1], 5);
    assert_int_equal(slot_of(f, 2)->park, 0);
    assert_int_equal(slot_of(f, 1)->wakes, 1);
}

/* Woken, and not yet running: nobody looks at its flag again. */
static void
test_idle_who_is_woken_has_no_bit(void **state)
{
    struct fixture *f = *state;
    slot_of(f, 2)->park = slot_of(f, 3)->park = 1;
    f->arena.header->idle_bits[0] = 1u << 2 | 1u << 3;
    idle_wake(&f->selves[1], 1);
    assert_int_equal(slot_of(f, 2)->park + slot_of(f, 3)->park, 1);
    assert_int_equal(bits(f), slot_of(f, 2)->park ? 1u << 2 : 1u << 3);
    idle_wake(&f->selves[1], 1);
    assert_false(idle_any(&f->selves[1]));
    assert_int_equal(slot_of(f, 1)->wakes, 2);
}

/* One wake-up is enough for any number of tasks: who finds more wakes the next.
 * Each task here waits for the other two. */
static void
meeting(struct fixture *f, uint32_t k, uint32_t *there)
{
    struct self *self = &f->selves[k];
    alarm(WORKER_LIMIT_S);
    while (atom_load(&f->arena.header->mode) == ARENA_RUN) {
        if (!queue_take(self) && !queue_steal(self) && !idle_wait(self))
            continue;
        commit_begin(self);
        __atomic_fetch_add(there, 1, __ATOMIC_SEQ_CST);
        while (atom_load(there) < FIXTURE_WORKERS)
            sched_yield();
        idle_wake(self, commit_end(self, OUTCOME_DONE));
    }
    _exit(0);
}

static void
test_idle_wake_is_passed_on(void **state)
{
    struct fixture *f = *state;
    pid_t pids[FIXTURE_WORKERS + 1];
    uint32_t *there = &slot_of(f, 10)->claims; /* unused shared memory */
    keep_going(f);
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++) {
        pids[k] = fork();
        if (!pids[k])
            meeting(f, k, there);
    }
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++)
        worker_until_parked(f, k, 1);
    fixture_publish(f, 0, 1, FIXTURE_WORKERS);
    slot_of(f, 0)->posted--;
    idle_wake(&f->selves[0], FIXTURE_WORKERS);
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++)
        assert_int_equal(worker_ended(pids[k]), 0);
}

/* A waker was killed between clearing park and the futex call. */
static void
test_idle_wake_all_wakes_whom_a_dead_waker_left_asleep(void **state)
{
    struct fixture *f = *state;
    uint32_t *park = &slot_of(f, 1)->park;
    atom_store(park, 1);
    pid_t pid = fork();
    if (!pid) {
        alarm(WORKER_LIMIT_S);
        atom_store(&slot_of(f, 1)->claims, 1);
        futex_wait(park, 1, NULL);
        _exit(0);
    }
    while (!atom_load(&slot_of(f, 1)->claims))
        sched_yield();
    struct timespec t = {0, 50000000}; /* it is asleep now, or the test proves less */
    nanosleep(&t, NULL);
    atom_store(park, 0);
    idle_wake_all(&f->arena);
    assert_int_equal(worker_ended(pid), 0);
}

static void
test_idle_recover_takes_a_dead_sleeper_out(void **state)
{
    struct fixture *f = *state;
    keep_going(f);
    pid_t pid = worker_start(f, 1);
    worker_until_parked(f, 1, 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(bits(f), 2);
    struct self *self = fixture_reopen(f, 1);
    idle_recover(self);
    idle_recover(self);
    assert_int_equal(bits(f), 0);
    assert_int_equal(slot_of(f, 1)->park, 0);
}

static void
test_idle_wait_claims_what_it_finds_and_does_not_sleep(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 1);
    assert_true(idle_wait(&f->selves[1]));
    assert_int_equal(slot_of(f, 1)->phase, PHASE_ACTIVE);
    assert_int_equal(slot_of(f, 1)->park, 0);
    assert_int_equal(bits(f), 0);
}

static void
test_idle_wait_does_not_sleep_when_told_to_stop(void **state)
{
    struct fixture *f = *state;
    keep_going(f);
    idle_set_mode(&f->arena, ARENA_STOP);
    alarm(WORKER_LIMIT_S);
    assert_false(idle_wait(&f->selves[1]));
    alarm(0);
    assert_int_equal(slot_of(f, 1)->parks, 0);
}

static void
test_idle_mode_goes_upwards_only(void **state)
{
    struct fixture *f = *state;
    idle_set_mode(&f->arena, ARENA_DONE);
    idle_set_mode(&f->arena, ARENA_STOP);
    assert_int_equal(f->arena.header->mode, ARENA_DONE);
}

static void
park_and_leave(void *arg)
{
    (void)idle_wait(arg);
}

static void
check_taken_out(struct fixture *f, void *arg)
{
    (void)arg;
    idle_recover(&f->selves[1]);
    assert_int_equal(slot_of(f, 1)->park, 0);
    assert_int_equal(bits(f), 0);
}

static void
test_idle_wait_killed_at_each_instruction(void **state)
{
    struct fixture *f = *state;
    if (!fixture_deaths(f, park_and_leave, &f->selves[1], check_taken_out, NULL))
        skip();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_idle_all_done_sums_everybody),
        FIXTURE_TEST(test_idle_posted_first_would_end_too_early),
        FIXTURE_TEST(test_idle_done_first_does_not),
        FIXTURE_TEST(test_idle_all_done_never_says_so_while_a_child_waits),
        FIXTURE_TEST(test_idle_last_one_ends_the_job_and_wakes_all),
        FIXTURE_TEST(test_idle_wake_brings_one_to_the_task),
        FIXTURE_TEST(test_idle_wake_of_nobody),
        FIXTURE_TEST(test_idle_who_is_woken_has_no_bit),
        FIXTURE_TEST(test_idle_wake_is_passed_on),
        FIXTURE_TEST(test_idle_wake_all_wakes_whom_a_dead_waker_left_asleep),
        FIXTURE_TEST(test_idle_recover_takes_a_dead_sleeper_out),
        FIXTURE_TEST(test_idle_wait_claims_what_it_finds_and_does_not_sleep),
        FIXTURE_TEST(test_idle_wait_does_not_sleep_when_told_to_stop),
        FIXTURE_TEST(test_idle_mode_goes_upwards_only),
        FIXTURE_TEST(test_idle_wait_killed_at_each_instruction),
    };
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
