/* suspend: transactions of one slot that are interleaved; who is blamed for a death. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "store/accumulator.h"
#include "task/begin_limit.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/recover.h"
#include "task/suspend.h"
#include "task/task.h"

enum { MOST = 220,
       LIST = 5, /* number of a collector */
       MAX_CRASHES = 2 };

static struct suspended waiting[MOST];

static int
setup(void **state)
{
    int err = fixture_setup(state);
    struct fixture *f = *state;
    return err ? err : suspend_open(&f->selves[1], MOST);
}

#define SUSPEND_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

static struct self *
begin_one(struct fixture *f)
{
    struct self *self = &f->selves[1];
    assert_int_equal(queue_reserve(self, 1), 0);
    assert_true(queue_look(self));
    commit_begin(self);
    return self;
}

static void
suspend_now(struct self *self, struct suspended *s)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(suspend_prepare(self, s), 0);
    suspend_task(self, s);
}

static void
post_one(struct self *self, uint32_t fn)
{
    unsigned char bytes[1] = {0};
    assert_int_equal(post(self, fn, bytes, sizeof bytes), 0);
}

static void
collect_text(struct self *self, const char *text)
{
    assert_int_equal(accumulator_collect(self, LIST, text, strlen(text)), 0);
}

static void
append(void *to, const void *bytes, size_t len)
{
    strncat(to, bytes, len);
    strcat(to, " ");
}

static const char *
collected(struct self *self)
{
    static char all[256];
    all[0] = '\0';
    accumulator_each(self, LIST, append, all);
    return all;
}

/* ---- what goes on ---- */

static void
test_suspend_leaves_nothing_but_the_claim_and_a_word(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 1);
    struct self *self = begin_one(f);
    uint32_t cur = self->slot->cur;
    post_one(self, 7);
    suspend_now(self, &waiting[0]);
    assert_int_equal(self->slot->phase, PHASE_IDLE);
    assert_int_equal(self->slot->staged, 0);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
    assert_int_equal(task_state(task_at(&f->arena, cur)->word), TASK_RUN);
    assert_int_equal(suspend_count(&f->arena, 1), 1);
    assert_int_equal(suspend_only(&f->arena, 1), cur);
    assert_false(idle_all_done(&f->arena));
    assert_int_equal(suspend_resume(self, &waiting[0]), 0);
    assert_int_equal(suspend_count(&f->arena, 1), 0);
    assert_int_equal(fixture_count(f, TASK_STAGED), 1);
    assert_int_equal(commit_end(self, OUTCOME_DONE), 1);
    assert_int_equal(fixture_count(f, TASK_READY), 1);
}

/* With both transactions open, A's posts and B's would have the same ids, and B's commit would have
 * moved the end of the log over A's values. */
static void
test_suspend_keeps_interleaved_transactions_apart(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 2);
    struct self *self = begin_one(f);
    post_one(self, 7);
    post_one(self, 7);
    collect_text(self, "a1");
    accumulator_add(self, ACCUMULATOR_SUM, 1, 10);
    suspend_now(self, &waiting[0]);
    (void)begin_one(f);
    post_one(self, 8);
    uint64_t b = task_at(&f->arena, self->slot->staged)->id;
    collect_text(self, "b1");
    collect_text(self, "b2");
    accumulator_add(self, ACCUMULATOR_SUM, 1, 100);
    (void)commit_end(self, OUTCOME_DONE);
    assert_string_equal(collected(self), "b1 b2 ");
    assert_int_equal(suspend_resume(self, &waiting[0]), 0);
    uint32_t first = self->slot->staged;
    assert_true(task_at(&f->arena, first)->id > b);
    assert_true(task_at(&f->arena, task_at(&f->arena, first)->next)->id >
                task_at(&f->arena, first)->id);
    collect_text(self, "a2");
    (void)commit_end(self, OUTCOME_DONE);
    assert_string_equal(collected(self), "b1 b2 a1 a2 ");
    double sum = 0;
    assert_true(accumulator_get(self, ACCUMULATOR_SUM, 1, &sum));
    assert_true(sum == 110);
    assert_int_equal(fixture_count(f, TASK_READY), 3);
}

/* A long log, over several chunks. */
static void
test_suspend_keeps_what_was_collected(void **state)
{
    struct fixture *f = *state;
    char big[9000], text[8];
    uint32_t n = 0;
    memset(big, 'x', sizeof big);
    fixture_publish(f, 2, 1, 1);
    struct self *self = begin_one(f);
    for (; n < 9; n++) {
        assert_int_equal(accumulator_collect(self, LIST + 1, big, sizeof big), 0);
        (void)snprintf(text, sizeof text, "%u", n);
        collect_text(self, text);
        if (n % 4 == 3) {
            suspend_now(self, &waiting[0]);
            assert_int_equal(suspend_resume(self, &waiting[0]), 0);
        }
    }
    (void)commit_end(self, OUTCOME_DONE);
    assert_string_equal(collected(self), "0 1 2 3 4 5 6 7 8 ");
}

/* The hash of what a part publishes is that of a run without a wait. */
static void
test_suspend_does_not_change_what_a_second_run_is_held_against(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 1);
    struct self *self = begin_one(f);
    uint32_t cur = self->slot->cur;
    post_one(self, 7);
    suspend_now(self, &waiting[0]);
    assert_int_equal(suspend_resume(self, &waiting[0]), 0);
    post_one(self, 8);
    assert_int_equal(commit_part(self), 0);
    (void)commit_end(self, OUTCOME_RETRY);
    assert_true(task_claim(self, cur));
    commit_begin(self);
    assert_int_equal(self->skip, 2);
    post_one(self, 7);
    suspend_now(self, &waiting[0]);
    assert_int_equal(suspend_resume(self, &waiting[0]), 0);
    post_one(self, 8); /* raises -EINVAL if it differed */
    assert_int_equal(self->skip, 0);
    (void)commit_end(self, OUTCOME_DONE);
}

static void
test_suspend_reserves_a_place_for_each_that_may_come_back(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t begun = 0, found = 0;
    fixture_publish(f, 1, 1, 201);
    while (begun < 200) {
        (void)begin_one(f);
        suspend_now(self, &waiting[begun++]);
    }
    (void)begin_one(f);
    self->partial = false;
    for (int i = 0; i < 250; i++)
        post_one(self, 7);
    (void)commit_end(self, OUTCOME_DONE);
    for (uint32_t i = 0; i < begun; i++) {
        assert_int_equal(suspend_resume(self, &waiting[i]), 0);
        (void)commit_end(self, OUTCOME_RETRY);
    }
    while (queue_look(self)) {
        commit_begin(self);
        (void)commit_end(self, OUTCOME_DONE);
        found++;
    }
    assert_int_equal(found, 450);
    assert_true(idle_all_done(&f->arena));
}

/* ---- after a death ---- */

static struct recovered
die(struct fixture *f, enum recover_how how)
{
    struct recovered r;
    struct self *dead = fixture_reopen(f, 1);
    assert_int_equal(recover(dead, &f->selves[0], MAX_CRASHES, how, &r), 0);
    assert_int_equal(suspend_count(&f->arena, 1), 0);
    assert_int_equal(f->selves[1].slot->phase, PHASE_IDLE);
    return r;
}

static void
test_suspend_only_who_ran_is_blamed(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 3);
    uint32_t a = begin_one(f)->slot->cur;
    suspend_now(&f->selves[1], &waiting[0]);
    uint32_t b = begin_one(f)->slot->cur;
    suspend_now(&f->selves[1], &waiting[1]);
    uint32_t killer = begin_one(f)->slot->cur;
    assert_int_equal(recover_suspect(&f->arena, 1), killer);
    struct recovered r = die(f, RECOVER_COUNTED);
    assert_int_equal(r.task, killer);
    for (uint32_t i = 0; i < 3; i++) {
        struct task *t = task_at(&f->arena, i == 0 ? a : i == 1 ? b
                                                                : killer);
        assert_int_equal(task_state(t->word), TASK_READY);
        assert_int_equal(task_attempt(t->word), 1); /* prunner.attempt() counts them */
        assert_int_equal(task_forgiven(t), i < 2);
        assert_int_equal(task_crashes(t, 1), i == 2);
    }
    for (uint32_t i = 0; i < 3; i++) /* each is in a ring */
        assert_true(queue_look(&f->selves[2]));
}

static void
test_suspend_who_waited_alone_is_blamed(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 1);
    for (uint32_t death = 1; death <= MAX_CRASHES; death++) {
        uint32_t cur = begin_one(f)->slot->cur;
        suspend_now(&f->selves[1], &waiting[0]);
        assert_int_equal(recover_suspect(&f->arena, 1), cur);
        struct recovered r = die(f, RECOVER_COUNTED);
        assert_int_equal(r.task, cur);
        assert_int_equal(r.quarantined, death == MAX_CRASHES);
        assert_int_equal(task_forgiven(task_at(&f->arena, cur)), 0);
    }
    assert_true(idle_all_done(&f->arena));
}

static void
test_suspend_a_run_is_forgiven_once(void **state)
{
    (void)state;
    struct task t = {.errors = 1};
    task_forgive(&t, 3);
    task_forgive(&t, 3);
    assert_int_equal(task_forgiven(&t), 1);
    task_forgive(&t, 4);
    assert_int_equal(task_forgiven(&t), 2);
    assert_int_equal(task_crashes(&t, 5), 2);
}

/* The end of the whole tree is nobody's doing, and counts for nothing. */
static void
test_suspend_is_given_back_without_a_count_when_all_has_died(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 2);
    uint32_t a = begin_one(f)->slot->cur;
    suspend_now(&f->selves[1], &waiting[0]);
    uint32_t b = begin_one(f)->slot->cur;
    suspend_now(&f->selves[1], &waiting[1]);
    (void)die(f, RECOVER_UNCOUNTED);
    assert_int_equal(task_attempt(task_at(&f->arena, a)->word), 0);
    assert_int_equal(task_attempt(task_at(&f->arena, b)->word), 0);
    assert_int_equal(task_forgiven(task_at(&f->arena, a)), 0);
    assert_int_equal(fixture_count(f, TASK_READY), 2);
}

/* ---- how many ---- */

static void
test_begin_limit_halves_and_grows(void **state)
{
    (void)state;
    static struct slot slot; /* malloc() does not align as it needs */
    struct slot *s = &slot;
    assert_int_equal(begin_limit_of(s, 1000), 1000);
    begin_limit_died(s, 1000);
    assert_int_equal(begin_limit_of(s, 1000), BEGIN_AFTER_DEATH);
    begin_limit_died(s, 1000);
    assert_int_equal(begin_limit_of(s, 1000), BEGIN_AFTER_DEATH / 2);
    begin_limit_ended(s, 1000);
    assert_int_equal(begin_limit_of(s, 1000), BEGIN_AFTER_DEATH / 2 + 1);
    begin_limit_died(s, 1000); /* one had ended */
    assert_int_equal(begin_limit_of(s, 1000), BEGIN_AFTER_DEATH);
    for (int i = 0; i < 10; i++)
        begin_limit_died(s, 1000);
    assert_int_equal(begin_limit_of(s, 1000), 1);
    for (int i = 0; i < 999; i++)
        begin_limit_ended(s, 1000);
    assert_int_equal(s->begin_limit, 0);
    begin_limit_died(s, 4);
    assert_int_equal(begin_limit_of(s, 4), 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SUSPEND_TEST(test_suspend_leaves_nothing_but_the_claim_and_a_word),
        SUSPEND_TEST(test_suspend_keeps_interleaved_transactions_apart),
        SUSPEND_TEST(test_suspend_keeps_what_was_collected),
        SUSPEND_TEST(test_suspend_does_not_change_what_a_second_run_is_held_against),
        SUSPEND_TEST(test_suspend_reserves_a_place_for_each_that_may_come_back),
        SUSPEND_TEST(test_suspend_only_who_ran_is_blamed),
        SUSPEND_TEST(test_suspend_who_waited_alone_is_blamed),
        cmocka_unit_test(test_suspend_a_run_is_forgiven_once),
        SUSPEND_TEST(test_suspend_is_given_back_without_a_count_when_all_has_died),
        cmocka_unit_test(test_begin_limit_halves_and_grows),
    };
    return cmocka_run_group_tests_name("suspend", tests, NULL, NULL);
}
