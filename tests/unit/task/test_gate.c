/* gate: who may start a task, seen through idle_look(), which is how workers ask. */
#include "task/gate.h"

#include "fixture.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/task.h"

#define HOUR_NS ((uint64_t)3600 * 1000 * 1000 * 1000)

static struct arena_header *
head_of(struct fixture *f)
{
    return f->arena.header;
}

static void
end_task(struct self *self)
{
    commit_begin(self);
    (void)commit_end(self, OUTCOME_DONE);
}

static void
test_gate_each_reason_holds_everybody(void **state)
{
    struct fixture *f = *state;
    static const uint64_t reasons[] = {GATE_PAUSED, GATE_LOAD, GATE_MEMORY};
    fixture_publish(f, 0, 1, 3);
    for (size_t i = 0; i < 3; i++) {
        gate_close(&f->arena, reasons[i]);
        gate_close(&f->arena, GATE_PAUSED);
        for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++)
            assert_false(idle_look(&f->selves[k]));
        gate_open(&f->arena, reasons[i] | GATE_PAUSED);
        assert_true(idle_look(&f->selves[1]));
        end_task(&f->selves[1]);
    }
}

static void
test_gate_a_task_that_runs_alone_is_held_too(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 2, 1, 1);
    uint32_t index = slot_at(&f->arena, 2)->ring0[0];
    idle_run_alone(&f->arena, index);
    gate_close(&f->arena, GATE_PAUSED);
    assert_false(idle_look(&f->selves[1]));
    gate_open(&f->arena, GATE_PAUSED);
    assert_int_equal(gate_alone(head_of(f)->gate), index);
    assert_true(idle_look(&f->selves[1]));
    gate_close(&f->arena, GATE_PAUSED);
    end_task(&f->selves[1]);
    assert_true(idle_alone_over(&f->arena));
    assert_true(head_of(f)->gate == GATE_PAUSED);
}

static void
test_gate_licences_are_for_those_who_come_anew(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1], *y = &f->selves[2];
    fixture_publish(f, 0, 1, 4);
    gate_close(&f->arena, GATE_PERMIT);
    assert_false(idle_look(self));
    head_of(f)->permits = 1;
    assert_true(idle_look(self));
    assert_int_equal(head_of(f)->permits, 0);
    assert_false(idle_look(y));
    for (int i = 0; i < 3; i++) {
        end_task(self);
        assert_true(idle_look(self)); /* it goes on */
    }
    end_task(self);
    head_of(f)->permits = 1;
    assert_false(idle_look(y));    /* nothing to do: takes none */
    assert_false(idle_look(self)); /* has lost its own */
    assert_int_equal(head_of(f)->permits, 1);
    assert_false(self->has_permit);
}

static void
test_gate_who_was_held_needs_a_new_licence(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_publish(f, 0, 1, 3);
    gate_close(&f->arena, GATE_PERMIT);
    head_of(f)->permits = 1;
    assert_true(idle_look(self));
    end_task(self);
    gate_close(&f->arena, GATE_LOAD);
    assert_false(idle_look(self));
    gate_open(&f->arena, GATE_LOAD);
    assert_false(idle_look(self));
    head_of(f)->permits = 5;
    assert_true(idle_look(self));
    assert_int_equal(head_of(f)->permits, 4);
}

static void
test_gate_turns_are_a_delay_apart(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1], *y = &f->selves[2];
    head_of(f)->delay_ns = HOUR_NS;
    gate_close(&f->arena, GATE_DELAY);
    assert_false(idle_look(self)); /* nothing to start: no turn is used */
    assert_true(head_of(f)->next_start == 0);
    fixture_publish(f, 0, 1, 3);
    assert_true(idle_look(self));
    assert_true(self->turn == head_of(f)->next_start && self->turn > HOUR_NS);
    assert_false(idle_look(y));
    end_task(self);
    assert_false(idle_look(self)); /* nor the same one */
    assert_int_equal(self->turn, 0);
    head_of(f)->next_start -= HOUR_NS; /* an hour later */
    assert_true(idle_look(y));
}

/* The worker with the turn found that somebody else had been faster. */
static void
test_gate_a_turn_that_was_not_used_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    head_of(f)->delay_ns = HOUR_NS;
    head_of(f)->next_start = 77;
    gate_close(&f->arena, GATE_DELAY);
    assert_true(gate_pass(self, GATE_DELAY));
    assert_true(head_of(f)->next_start > HOUR_NS);
    assert_true(gate_missed(self));
    assert_true(head_of(f)->next_start == 77);
    assert_false(gate_missed(self));
    assert_true(gate_pass(self, GATE_DELAY));
    head_of(f)->next_start++; /* somebody took the next one: too late */
    assert_false(gate_missed(self));
}

static void
test_gate_slots_above_the_limit_start_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 2);
    head_of(f)->limit = 2;
    assert_false(gate_surplus(&f->selves[3])); /* the limit counts only with its reason */
    gate_close(&f->arena, GATE_FEWER);
    assert_true(gate_surplus(&f->selves[3]));
    assert_false(idle_look(&f->selves[3]));
    assert_false(gate_surplus(&f->selves[2]));
    assert_true(idle_look(&f->selves[2]));
    /* It does not sleep either, though there is work: it shall end. */
    assert_false(idle_wait(&f->selves[3]));
    assert_int_equal(slot_at(&f->arena, 3)->parks, 0);
}

static void
test_gate_held_workers_end_the_job_when_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 1);
    assert_true(idle_look(&f->selves[1]));
    gate_close(&f->arena, GATE_PAUSED);
    end_task(&f->selves[1]);
    assert_false(idle_wait(&f->selves[1]));
    assert_int_equal(head_of(f)->mode, ARENA_DONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_gate_each_reason_holds_everybody),
        FIXTURE_TEST(test_gate_a_task_that_runs_alone_is_held_too),
        FIXTURE_TEST(test_gate_licences_are_for_those_who_come_anew),
        FIXTURE_TEST(test_gate_who_was_held_needs_a_new_licence),
        FIXTURE_TEST(test_gate_turns_are_a_delay_apart),
        FIXTURE_TEST(test_gate_a_turn_that_was_not_used_is_given_back),
        FIXTURE_TEST(test_gate_slots_above_the_limit_start_nothing),
        FIXTURE_TEST(test_gate_held_workers_end_the_job_when_nothing_is_left),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
