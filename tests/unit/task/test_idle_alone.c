/* idle: a task that runs alone, and those who wait for its end. docs/internals/sleeping.md */
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_worker.h"
#include "task/commit.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"

/* One task of slot 2 that runs alone, and n others. */
static uint32_t
publish_alone(struct fixture *f, uint32_t n)
{
    struct self *self = &f->selves[0];
    fixture_publish(f, 2, 1, 1);
    assert_true(queue_look(&f->selves[2]));
    uint32_t index = slot_at(&f->arena, 2)->cur;
    commit_begin(&f->selves[2]);
    (void)commit_end(&f->selves[2], OUTCOME_RETRY);
    fixture_publish(f, 3, 2, n);
    idle_run_alone(&f->arena, index);
    assert_int_equal(queue_push(self, index), 0);
    return index;
}

static void
end_task(struct self *self)
{
    commit_begin(self);
    (void)commit_end(self, OUTCOME_DONE);
}

static void
test_idle_a_task_that_runs_alone_goes_before_all_others(void **state)
{
    struct fixture *f = *state;
    uint32_t index = publish_alone(f, 5);
    assert_false(idle_alone_over(&f->arena)); /* READY */
    assert_true(idle_wait(&f->selves[1]));
    assert_int_equal(slot_at(&f->arena, 1)->cur, index);
    assert_false(idle_alone_over(&f->arena)); /* RUN */
    pid_t pid = worker_start(f, 2);
    worker_until_parked(f, 2, 1); /* though five others are ready */
    end_task(&f->selves[1]);
    assert_true(idle_alone_over(&f->arena));
    assert_int_equal(f->arena.header->gate, 0);
    assert_int_equal(worker_ended(pid), 5); /* and then all is done */
    assert_int_equal(f->arena.header->mode, ARENA_DONE);
}

/* Whoever finds that it is over says so: here a worker that looks for work. */
static void
test_idle_who_ended_it_need_not_say_so(void **state)
{
    struct fixture *f = *state;
    (void)publish_alone(f, 1);
    assert_true(idle_wait(&f->selves[1]));
    end_task(&f->selves[1]); /* and is killed */
    assert_int_not_equal(f->arena.header->gate, 0);
    assert_true(idle_wait(&f->selves[3]));
    assert_int_equal(f->arena.header->gate, 0);
}

static void
test_idle_end_alone_lets_others_start(void **state)
{
    struct fixture *f = *state;
    (void)publish_alone(f, 3);
    assert_true(idle_wait(&f->selves[1]));
    pid_t pid = worker_start(f, 2);
    worker_until_parked(f, 2, 1);
    idle_end_alone(&f->arena);
    idle_end_alone(&f->arena);
    worker_until_parked(f, 2, 2);
    end_task(&f->selves[1]);
    idle_set_mode(&f->arena, ARENA_DONE);
    assert_int_equal(worker_ended(pid), 3);
}

/* Claims, ends and looks again, until all is done. */
static void
run_all(void *arg)
{
    struct self *self = arg;
    while (atom_load(&self->arena->header->mode) == ARENA_RUN) {
        if (idle_wait(self))
            end_task(self);
    }
}

/* The supervisor buries the dead; somebody else does the rest. */
static void
check_rest_is_done(struct fixture *f, void *arg)
{
    struct recovered r;
    enum recover_how *how = arg;
    assert_int_equal(recover(&f->selves[1], &f->selves[0], 100, *how, &r), 0);
    if (r.task && *how == RECOVER_WAIT) {
        struct task *t = task_at(&f->arena, r.task);
        assert_int_equal(task_state(t->word), TASK_WAIT);
        assert_true(gate_alone(f->arena.header->gate) != r.task || idle_alone_over(&f->arena));
        atom_store(&t->word, task_word(t->word >> 32, task_attempt(t->word), 0, TASK_READY));
        idle_run_alone(&f->arena, r.task);
        assert_int_equal(queue_push(&f->selves[0], r.task), 0);
    }
    alarm(WORKER_LIMIT_S);
    run_all(&f->selves[2]);
    alarm(0);
    assert_true(idle_all_done(&f->arena));
    assert_int_equal(f->arena.header->gate, 0);
}

static void
run_alone_killed(struct fixture *f, enum recover_how how)
{
    (void)publish_alone(f, 2);
    if (!fixture_deaths(f, run_all, &f->selves[1], check_rest_is_done, &how))
        skip();
}

static void
test_idle_alone_killed_at_each_instruction(void **state)
{
    run_alone_killed(*state, RECOVER_COUNTED);
}

static void
test_idle_alone_killed_at_each_instruction_for_want_of_memory(void **state)
{
    run_alone_killed(*state, RECOVER_WAIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_idle_a_task_that_runs_alone_goes_before_all_others),
        FIXTURE_TEST(test_idle_who_ended_it_need_not_say_so),
        FIXTURE_TEST(test_idle_end_alone_lets_others_start),
        FIXTURE_TEST(test_idle_alone_killed_at_each_instruction),
        FIXTURE_TEST(test_idle_alone_killed_at_each_instruction_for_want_of_memory),
    };
    return cmocka_run_group_tests_name("idle alone", tests, NULL, NULL);
}
