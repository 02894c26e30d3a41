/* recover: a worker is killed at every instruction of every kind of task; the job
 * is run to its end by the others, and its answer must be exact. docs/internals/task.md */
#include <errno.h>

#include "fixture.h"
#include "task/recover.h"
#include "../stress/tree.h"

enum { MAX_CRASHES = 3 };

/* ---- each phase by hand ---- */

static void
test_recover_of_an_idle_slot_finds_nothing(void **state)
{
    struct fixture *f = *state;
    struct recovered r = {.task = 7};
    fixture_publish(f, 1, 1, 5);
    assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
    assert_int_equal(r.task, 0);
    assert_false(r.quarantined);
    assert_int_equal(fixture_count(f, TASK_READY), 5);
}

static uint32_t
claim(struct fixture *f, uint32_t k)
{
    assert_true(queue_look(&f->selves[k]));
    commit_begin(&f->selves[k]);
    return f->selves[k].slot->cur;
}

static void
test_recover_gives_a_running_task_back(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = claim(f, 1);
    uint64_t word = task_at(&f->arena, cur)->word;
    for (int i = 0; i < 3; i++)
        tree_post(&f->selves[1], &(struct tree){.plain = true}, 9);
    (void)fixture_reopen(f, 1);
    assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
    assert_int_equal(r.task, cur);
    assert_true(r.word == word);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
    assert_int_equal(fixture_count(f, TASK_READY), 1);
    assert_int_equal(task_attempt(task_at(&f->arena, cur)->word), 1);
    assert_int_equal(claim(f, 3), cur); /* by the hint in the supervisor's ring */
    assert_int_equal(task_attempt(task_at(&f->arena, cur)->word), 2);
    /* Restarted: it is another's now. */
    assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
    assert_int_equal(r.task, 0);
    assert_int_equal(task_worker(task_at(&f->arena, cur)->word), 3);
}

static void
test_recover_of_an_intent_without_a_claim(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = claim(f, 3);
    /* Slot 1 has written its intent and lost the race. */
    f->selves[1].slot->cur = cur;
    f->selves[1].slot->expect = f->selves[3].slot->expect;
    f->selves[1].slot->phase = PHASE_ACTIVE;
    assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
    assert_int_equal(r.task, 0);
    assert_int_equal(f->selves[1].slot->phase, PHASE_IDLE);
    assert_int_equal(task_worker(task_at(&f->arena, cur)->word), 3);
    assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_RUN);
}

static void
test_recover_quarantines_what_kills_its_workers(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = 0;
    for (int i = 1; i <= MAX_CRASHES; i++) {
        cur = claim(f, 1);
        (void)fixture_reopen(f, 1);
        assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
        assert_int_equal(r.quarantined, i == MAX_CRASHES);
        assert_int_equal(r.task, cur);
    }
    assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_QUARANTINED);
    assert_int_equal(f->selves[1].slot->quarantined, 1);
    assert_false(queue_look(&f->selves[2]));
    assert_true(idle_all_done(&f->arena));
}

/* The kernel was out of memory: the caller says when it runs again. */
static void
test_recover_may_let_the_task_wait(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = claim(f, 1);
    uint64_t tail = f->selves[0].slot->tail;
    for (int i = 0; i < 2; i++) { /* also when it is done again */
        assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, RECOVER_WAIT, &r), 0);
        assert_int_equal(r.task, i == 0 ? cur : 0);
        assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_WAIT);
        assert_int_equal(task_attempt(task_at(&f->arena, cur)->word), 1); /* it counts */
    }
    assert_true(f->selves[0].slot->tail == tail); /* no hint */
    assert_false(queue_look(&f->selves[2]));
    assert_false(idle_all_done(&f->arena));
}

/* Its time was over: it is for the caller to end it, in the dead slot's name. */
static void
test_recover_may_leave_the_task_to_be_ended(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    static const enum outcome outcomes[] = {OUTCOME_RETRY, OUTCOME_FAILED};
    fixture_publish(f, 2, 1, 1);
    for (int i = 0; i < 2; i++) {
        uint32_t cur = claim(f, 1);
        for (int j = 0; j < 2; j++) { /* also when it is done again */
            assert_int_equal(recover(&f->selves[1], &f->selves[0], 1, RECOVER_FAILED, &r), 0);
            assert_true(r.failed && !r.quarantined);
            assert_int_equal(r.task, cur);
            assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_RUN);
            assert_false(idle_all_done(&f->arena));
        }
        (void)commit_end(&f->selves[1], outcomes[i]);
    }
    assert_int_equal(f->selves[1].slot->retried, 1);
    assert_int_equal(f->selves[1].slot->failed, 1);
    assert_int_equal(f->selves[1].slot->quarantined, 0);
    assert_true(idle_all_done(&f->arena));
}

/* The supervisor died before it had ended the task: a run like any other. */
static void
test_recover_of_a_task_that_was_left_to_be_ended(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = claim(f, 1);
    assert_int_equal(recover(&f->selves[1], &f->selves[0], 1, RECOVER_FAILED, &r), 0);
    assert_int_equal(recover(&f->selves[1], &f->selves[0], UINT32_MAX, RECOVER_UNCOUNTED, &r), 0);
    assert_true(!r.failed && !r.quarantined && r.task == cur);
    assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_READY);
    assert_int_equal(f->selves[1].slot->phase, PHASE_IDLE);
}

static void
test_recover_quarantines_what_waited_too(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    (void)claim(f, 1);
    assert_int_equal(recover(&f->selves[1], &f->selves[0], 1, RECOVER_WAIT, &r), 0);
    assert_true(r.quarantined);
    assert_true(idle_all_done(&f->arena));
}

static void
test_recover_counts_neither_errors_nor_innocent_runs(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 2, 1, 1);
    for (int i = 0; i < 2 * MAX_CRASHES; i++) {
        (void)claim(f, 1);
        (void)commit_end(&f->selves[1], OUTCOME_RETRY);
        (void)claim(f, 1);
        assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, true, &r), 0);
        assert_false(r.quarantined);
    }
    for (int i = 1; i <= MAX_CRASHES; i++) {
        (void)claim(f, 1);
        assert_int_equal(recover(&f->selves[1], &f->selves[0], MAX_CRASHES, false, &r), 0);
        assert_int_equal(r.quarantined, i == MAX_CRASHES);
    }
}

static void
test_recover_without_room_for_the_hint_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    fixture_publish(f, 0, 1, SLOT_RING); /* fills it, or nearly; all still ready */
    fixture_publish(f, 2, 1, 1);
    uint32_t cur = claim(f, 2);
    struct slot *super = f->selves[0].slot;
    uint64_t room = (uint64_t)1 << (super->ring & 0xff);
    super->head = super->tail - room; /* as if it were full */
    fixture_full(f);
    int err = recover(&f->selves[2], &f->selves[0], MAX_CRASHES, false, &r);
    assert_int_equal(err, super->tail - super->head + 1 > room ? -ENOSPC : 0);
    if (err)
        assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_RUN);
    fixture_room(f);
    assert_int_equal(recover(&f->selves[2], &f->selves[0], MAX_CRASHES, false, &r), 0);
    assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_READY);
}

/* ---- killed at each instruction ---- */

struct scenario {
    struct tree tree;
    uint32_t first; /* so many tasks are done before */
    bool steals;    /* from another slot; else from the own ring */
    bool part;      /* a part each 64 posts */
    uint32_t phases[3];
};

static void
run_one(void *arg)
{
    void **args = arg;
    struct self *self = args[0];
    const struct scenario *s = args[1];
    if (s->steals ? queue_steal(self) : queue_take(self))
        (void)tree_run(self, &s->tree);
}

static void
run_rest(struct fixture *f, const struct tree *t)
{
    while (queue_look(&f->selves[2]))
        (void)tree_run(&f->selves[2], t);
}

static void
check_recovered(struct fixture *f, void *arg)
{
    struct scenario *s = arg;
    struct self *self = &f->selves[1];
    struct recovered r;
    s->phases[phase_number(self->slot->phase)]++;
    assert_int_equal(recover(self, &f->selves[0], 255, false, &r), 0);
    assert_int_equal(self->slot->phase, PHASE_IDLE);
    self = fixture_reopen(f, 1); /* the supervisor was killed, too, and starts again */
    assert_int_equal(recover(self, &f->selves[0], 255, false, &r), 0);
    assert_int_equal(r.task, 0);
    f->arena.header->idle_bits[0] = 0;
    run_rest(f, &s->tree);
    assert_true(tree_check(&f->arena, &f->selves[0], &s->tree));
}

static void
kill_everywhere(struct scenario s)
{
    void *p;
    assert_int_equal(fixture_setup(&p), 0);
    struct fixture *f = p;
    struct self *self = &f->selves[1], *begin = &f->selves[s.steals ? 0 : 1];
    commit_begin(begin);
    tree_post(begin, &s.tree, 1);
    (void)commit_end(begin, OUTCOME_DONE);
    for (uint32_t i = 0; i < s.first; i++) {
        assert_true(queue_take(begin));
        (void)tree_run(begin, &s.tree);
    }
    if (s.part)
        f->arena.header->idle_bits[0] = 1u << 3;
    void *args[] = {self, &s};
    uint32_t n = fixture_deaths(f, run_one, args, check_recovered, &s);
    fixture_teardown(&p);
    if (!n)
        skip();
    print_message("# %u states: %u idle, %u active, %u in a commit\n", n, s.phases[0],
                  s.phases[1], s.phases[2]);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(s.phases[i], 0);
}

static void
test_recover_a_small_task(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){.tree = {.first_leaf = 2, .plain = true}});
}

static void
test_recover_a_stolen_task(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){.tree = {.first_leaf = 2, .plain = true}, .steals = true});
}

static void
test_recover_a_leaf(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){.tree = {.first_leaf = 2, .plain = true}, .first = 1});
}

static void
test_recover_a_task_with_blocks(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){.tree = {.first_leaf = 16}, .first = 7});
}

static void
test_recover_a_task_that_ends_by_an_error(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){.tree = {.first_leaf = 8}, .first = 4});
}

static void
test_recover_a_long_producer(void **state)
{
    (void)state;
    kill_everywhere((struct scenario){
        .tree = {.first_leaf = 1, .fan = 70, .plain = true}, .part = true});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_recover_of_an_idle_slot_finds_nothing),
        FIXTURE_TEST(test_recover_gives_a_running_task_back),
        FIXTURE_TEST(test_recover_of_an_intent_without_a_claim),
        FIXTURE_TEST(test_recover_quarantines_what_kills_its_workers),
        FIXTURE_TEST(test_recover_may_let_the_task_wait),
        FIXTURE_TEST(test_recover_may_leave_the_task_to_be_ended),
        FIXTURE_TEST(test_recover_of_a_task_that_was_left_to_be_ended),
        FIXTURE_TEST(test_recover_quarantines_what_waited_too),
        FIXTURE_TEST(test_recover_counts_neither_errors_nor_innocent_runs),
        FIXTURE_TEST(test_recover_without_room_for_the_hint_changes_nothing),
        cmocka_unit_test(test_recover_a_small_task),
        cmocka_unit_test(test_recover_a_stolen_task),
        cmocka_unit_test(test_recover_a_leaf),
        cmocka_unit_test(test_recover_a_task_with_blocks),
        cmocka_unit_test(test_recover_a_task_that_ends_by_an_error),
        cmocka_unit_test(test_recover_a_long_producer),
    };
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
