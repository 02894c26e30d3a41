/* commit: what each outcome makes true, and that it is made true once, whoever
 * finishes it. docs/internals/task.md
 *
 * Longer than 500 lines: one parent with its children serves all outcomes, and their deaths. */
#include <errno.h>
#include <string.h>

#include "store/accumulator.h"
#include "fixture.h"
#include "memory/block.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"
#include "task/wait_list.h"

enum { CHILDREN = 3,
       LATER_NS = 12345 };

/* A parent that runs in slot 1 has posted CHILDREN, one of them with a block, and
 * has added to a sum and a log. Returns the parent. */
static uint32_t
run_parent(struct fixture *f)
{
    struct self *self = &f->selves[1];
    static char bytes[500];
    commit_begin(self);
    assert_int_equal(queue_reserve(self, CHILDREN + 2), 0);
    for (uint32_t i = 0; i < CHILDREN; i++)
        assert_int_equal(task_stage(self, 10 + i, bytes, i == 1 ? sizeof bytes : 4), 0);
    accumulator_add(self, ACCUMULATOR_SUM, 0, 5);
    assert_int_equal(accumulator_collect(self, 1, "abcd", 4), 0);
    return self->slot->cur;
}

static uint32_t
begin_parent(struct fixture *f)
{
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    return run_parent(f);
}

/* The same, with a point behind it. */
static uint32_t
begin_parent_at_a_point(struct fixture *f)
{
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(&f->selves[1]));
    commit_begin(&f->selves[1]);
    assert_int_equal(commit_checkpoint(&f->selves[1], "old", 3), 0);
    return run_parent(f);
}

static enum task_state
state_of(struct fixture *f, uint32_t index)
{
    return task_state(task_at(&f->arena, index)->word);
}

static double
sum(struct fixture *f)
{
    double v = 0;
    (void)accumulator_get(&f->selves[2], ACCUMULATOR_SUM, 0, &v);
    return v;
}

static void
count_entry(void *arg, const void *bytes, size_t len)
{
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "abcd", 4);
    ++*(uint32_t *)arg;
}

static uint32_t
logged(struct fixture *f)
{
    uint32_t n = 0;
    accumulator_each(&f->selves[2], 1, count_entry, &n);
    return n;
}

/* How many tasks others find. */
static uint32_t
find_all(struct fixture *f)
{
    uint32_t n = 0;
    while (queue_look(&f->selves[2])) {
        f->selves[2].slot->phase = PHASE_IDLE;
        n++;
    }
    return n;
}

static void
test_commit_done_publishes_everything(void **state)
{
    struct fixture *f = *state;
    uint32_t parent = begin_parent(f);
    struct slot *s = f->selves[1].slot;
    assert_int_equal(fixture_count(f, TASK_READY), 0);
    assert_int_equal(commit_end(&f->selves[1], OUTCOME_DONE), CHILDREN);
    assert_int_equal(s->phase, PHASE_IDLE);
    assert_int_equal(s->posted, CHILDREN);
    assert_int_equal(s->finished, 1);
    assert_int_equal(s->staged, 0);
    assert_int_equal(state_of(f, parent), TASK_FREE);
    assert_int_equal(fixture_count(f, TASK_READY), CHILDREN);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
    assert_int_equal(fixture_blocks(f), 1);
    assert_true(sum(f) == 5);
    assert_int_equal(logged(f), 1);
    assert_false(idle_all_done(&f->arena));
    assert_int_equal(find_all(f), CHILDREN);
}

static void
test_commit_failed_drops_posts_and_adds(void **state)
{
    struct fixture *f = *state;
    uint32_t parent = begin_parent(f);
    struct slot *s = f->selves[1].slot;
    assert_int_equal(commit_end(&f->selves[1], OUTCOME_FAILED), 0);
    assert_int_equal(state_of(f, parent), TASK_FREE);
    assert_int_equal(s->failed, 1);
    assert_int_equal(s->finished, 1);
    assert_int_equal(s->posted, 0);
    assert_int_equal(fixture_count(f, TASK_READY) + fixture_count(f, TASK_STAGED), 0);
    assert_int_equal(fixture_blocks(f), 0);
    assert_true(sum(f) == 0);
    assert_int_equal(logged(f), 0);
    assert_true(idle_all_done(&f->arena));
}

static void
test_commit_retry_makes_it_ready_again(void **state)
{
    struct fixture *f = *state;
    uint32_t parent = begin_parent(f);
    uint64_t word = task_at(&f->arena, parent)->word;
    for (uint32_t i = 1; i <= 300; i++) {
        assert_int_equal(commit_end(&f->selves[1], OUTCOME_RETRY), 1);
        assert_int_equal(state_of(f, parent), TASK_READY);
        assert_int_equal(task_generation(task_at(&f->arena, parent)->word),
                         task_generation(word));
        assert_int_equal(task_at(&f->arena, parent)->errors, i < 255 ? i : 255);
        assert_int_equal(f->selves[1].slot->retried, i);
        assert_int_equal(f->selves[1].slot->finished, 0);
        assert_true(queue_look(&f->selves[1]));
        assert_int_equal(f->selves[1].slot->cur, parent);
        uint32_t attempt = task_attempt(task_at(&f->arena, parent)->word);
        assert_int_equal(attempt, i < 255 ? i + 1 : 255);
        (void)run_parent(f);
    }
    (void)commit_end(&f->selves[1], OUTCOME_DONE);
    assert_int_equal(fixture_blocks(f), 1);
    assert_true(sum(f) == 5);
}

static void
test_commit_wait_notes_the_time_and_tells_the_supervisor(void **state)
{
    struct fixture *f = *state;
    uint32_t parent = begin_parent(f);
    struct slot *s = f->selves[1].slot;
    commit_wait(&f->selves[1], LATER_NS);
    assert_int_equal(state_of(f, parent), TASK_WAIT);
    assert_int_equal(wait_list_first(&f->arena, s), parent);
    assert_int_equal(wait_list_next(&f->arena, parent), 0);
    assert_int_equal(s->retried, 1);
    assert_int_equal(task_record_of(&f->arena, task_at(&f->arena, parent))->until_ns, LATER_NS);
    assert_false(queue_look(&f->selves[2]));
    assert_false(idle_all_done(&f->arena));
}

/* More than any ring would hold; each with a block of 64 bytes. */
static void
test_commit_wait_has_room_for_any_number(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    enum { MANY = 300 };
    fixture_publish(f, 0, 1, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(queue_take(self) || queue_look(self));
        commit_begin(self);
        commit_wait(self, LATER_NS + i);
        assert_int_equal(slab_class(64), SLAB_BLOCK);
        uint32_t record = task_at(&f->arena, self->slot->cur)->record;
        assert_int_equal(block_class(block_at(&f->arena, record)->word), SLAB_BLOCK);
    }
    assert_int_equal(fixture_count(f, TASK_WAIT), MANY);
    uint32_t n = 0, first = wait_list_first(&f->arena, self->slot);
    assert_true(wait_list_take(self->slot, first));
    for (uint32_t t = first; t; t = wait_list_next(&f->arena, t))
        assert_true(task_record_of(&f->arena, task_at(&f->arena, t))->until_ns ==
                    LATER_NS + MANY - ++n);
    assert_int_equal(n, MANY);
    assert_int_equal(wait_list_first(&f->arena, self->slot), 0);
}

/* Its commit is not through: whoever carries it out makes the supervisor look again. */
static void
test_wait_list_is_not_taken_while_its_newest_task_runs(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t parent = begin_parent(f);
    assert_int_equal(record_stage_wait(self, LATER_NS), 0);
    record_link_wait(self);
    for (int twice = 0; twice < 2; twice++) {
        wait_list_push(self, parent);
        assert_int_equal(self->slot->waiting, parent);
        assert_int_equal(wait_list_first(&f->arena, self->slot), 0);
        assert_int_equal(wait_list_next(&f->arena, parent), 0);
    }
}

static void
test_commit_wait_without_memory_runs_again_at_once(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t parent = begin_parent(f);
    fixture_full(f);
    commit_wait(self, LATER_NS); /* no memory for the record */
    assert_int_equal(state_of(f, parent), TASK_READY);
    fixture_room(f);
    assert_true(queue_look(self));
    (void)run_parent(f);
    commit_wait(self, LATER_NS);
    assert_int_equal(state_of(f, parent), TASK_WAIT);
    assert_int_equal(wait_list_first(&f->arena, self->slot), parent);
}

static void
test_commit_quarantined_counts_it_finished(void **state)
{
    struct fixture *f = *state;
    uint32_t parent = begin_parent(f);
    (void)commit_end(&f->selves[1], OUTCOME_QUARANTINED);
    assert_int_equal(state_of(f, parent), TASK_QUARANTINED);
    assert_int_equal(f->selves[1].slot->quarantined, 1);
    assert_int_equal(f->selves[1].slot->finished, 1);
    assert_true(idle_all_done(&f->arena));
    assert_false(queue_look(&f->selves[2]));
}

static void
test_commit_part_publishes_posts_only_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t parent = begin_parent(f);
    struct slot *s = self->slot;
    self->post_hash = 77;
    uint64_t hash = task_hash_staged(self);
    assert_int_not_equal(hash, 77);
    assert_int_equal(commit_part(self), 0);
    assert_int_equal(self->post_hash, hash);
    assert_int_equal(s->phase, PHASE_ACTIVE);
    assert_int_equal(state_of(f, parent), TASK_RUN);
    assert_int_equal(s->posted, CHILDREN);
    assert_int_equal(s->finished, 0);
    assert_int_equal(s->record, 0); /* it is the task's now */
    assert_int_equal(record_current(self)->published, CHILDREN);
    assert_int_equal(record_current(self)->post_hash, hash);
    assert_true(sum(f) == 0);
    assert_int_equal(fixture_count(f, TASK_READY), CHILDREN);
    assert_int_equal(task_stage(self, 20, "self", 1), 0);
    assert_int_equal(commit_end(self, OUTCOME_DONE), 1);
    assert_int_equal(s->posted, CHILDREN + 1);
    assert_int_equal(s->finished, 1);
    assert_true(sum(f) == 5);
    assert_int_equal(fixture_blocks(f), 1); /* the record went with the task */
    assert_int_equal(find_all(f), CHILDREN + 1);
}

static void
test_commit_part_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    (void)begin_parent(f);
    fixture_full(f);
    assert_int_equal(commit_part(&f->selves[1]), -ENOSPC);
    assert_int_equal(f->selves[1].slot->phase, PHASE_ACTIVE);
    assert_int_equal(fixture_count(f, TASK_STAGED), CHILDREN);
    assert_int_equal(commit_end(&f->selves[1], OUTCOME_DONE), CHILDREN);
}

static void
test_commit_point_makes_all_so_far_true_and_starts_anew(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t parent = begin_parent(f);
    task_at(&f->arena, parent)->errors = 2;
    assert_int_equal(commit_part(self), 0);
    assert_int_equal(task_stage(self, 20, "self", 1), 0);
    assert_int_equal(commit_checkpoint(self, "here", 4), 0);
    assert_int_equal(state_of(f, parent), TASK_RUN);
    assert_int_equal(task_at(&f->arena, parent)->errors, 0);
    assert_int_equal(self->slot->posted, CHILDREN + 1);
    assert_int_equal(self->slot->finished, 0);
    assert_true(sum(f) == 5);
    assert_int_equal(logged(f), 1);
    assert_int_equal(record_current(self)->published, 0);
    assert_int_equal(commit_checkpoint(self, NULL, 0), 0);
    assert_int_equal(record_current(self)->cursor, 0);
    assert_int_equal(commit_end(self, OUTCOME_DONE), 0);
    assert_int_equal(fixture_blocks(f), 1); /* a child's */
    assert_true(sum(f) == 5);
}

static void
test_commit_of_begin_counts_no_task_done(void **state)
{
    struct fixture *f = *state;
    fixture_publish(f, 0, 1, 5);
    assert_int_equal(f->selves[0].slot->posted, 5);
    assert_int_equal(f->selves[0].slot->finished, 0);
}

/* ---- death ---- */

static void
end_it(void *arg)
{
    void **args = arg;
    struct self *self = args[0];
    enum outcome o = *(enum outcome *)args[1];
    if (o == OUTCOME_PART)
        (void)commit_part(self);
    else if (o == OUTCOME_CHECKPOINT)
        (void)commit_checkpoint(self, "new", 3);
    else if (o == OUTCOME_WAIT)
        commit_wait(self, LATER_NS);
    else
        (void)commit_end(self, o);
}

/* Neither half public nor public too early, at whatever instruction we look. */
static void
look_at_it(struct fixture *f, uint32_t parent)
{
    struct slot *s = slot_at(&f->arena, 1);
    if (s->phase == PHASE_ACTIVE && s->posted == 0) {
        assert_int_equal(fixture_count(f, TASK_READY), 0);
        assert_int_equal(state_of(f, parent), TASK_RUN);
        assert_true(sum(f) == 0);
    }
    /* A child that can be taken is counted already: else it might be done first. */
    if (fixture_count(f, TASK_READY) > (state_of(f, parent) == TASK_READY))
        assert_int_equal(s->posted, CHILDREN);
    if (fixture_count(f, TASK_READY) + fixture_count(f, TASK_WAIT))
        assert_false(idle_all_done(&f->arena));
}

/* The outcome, whoever brought it about. */
static void
check_outcome(struct fixture *f, uint32_t parent, enum outcome o)
{
    static const enum task_state after[] = {
        [OUTCOME_DONE] = TASK_FREE,
        [OUTCOME_PART] = TASK_RUN,
        [OUTCOME_FAILED] = TASK_FREE,
        [OUTCOME_RETRY] = TASK_READY,
        [OUTCOME_WAIT] = TASK_WAIT,
        [OUTCOME_QUARANTINED] = TASK_QUARANTINED,
        [OUTCOME_DUPLICATE] = TASK_FREE,
        [OUTCOME_CHECKPOINT] = TASK_RUN,
    };
    struct slot *s = slot_at(&f->arena, 1);
    bool adds = o == OUTCOME_DONE || o == OUTCOME_CHECKPOINT;
    bool posts = adds || o == OUTCOME_PART;
    bool goes_on = o == OUTCOME_PART || o == OUTCOME_CHECKPOINT;
    bool ends = o == OUTCOME_DONE || o == OUTCOME_FAILED || o == OUTCOME_QUARANTINED ||
                o == OUTCOME_DUPLICATE;
    uint32_t ready = posts ? CHILDREN : o == OUTCOME_RETRY;
    assert_int_equal(state_of(f, parent), after[o]);
    assert_int_equal(s->phase, goes_on ? PHASE_ACTIVE : PHASE_IDLE);
    assert_int_equal(s->staged, 0);
    assert_int_equal(s->posted, posts ? CHILDREN : 0);
    assert_int_equal(s->finished, ends);
    assert_int_equal(s->failed, o == OUTCOME_FAILED);
    assert_int_equal(s->retried, o == OUTCOME_RETRY || o == OUTCOME_WAIT);
    assert_int_equal(s->quarantined, o == OUTCOME_QUARANTINED);
    assert_int_equal(s->duplicates, o == OUTCOME_DUPLICATE);
    assert_int_equal(s->waiting, o == OUTCOME_WAIT ? parent : 0);
    assert_true(sum(f) == (adds ? 5 : 0));
    assert_int_equal(logged(f), adds);
    assert_int_equal(fixture_count(f, TASK_STAGED), 0);
    assert_int_equal(fixture_count(f, TASK_READY), ready);
    assert_int_equal(find_all(f), ready);
    struct task_record *r = task_record_of(&f->arena, task_at(&f->arena, parent));
    if (goes_on)
        assert_int_equal(r->published, o == OUTCOME_PART ? CHILDREN : 0);
    if (o == OUTCOME_CHECKPOINT) {
        struct task_cursor *c = (struct task_cursor *)block_at(&f->arena, r->cursor)->bytes;
        assert_int_equal(c->bytes, 3);
        assert_memory_equal(c->text, "new", 3);
        assert_int_equal(fixture_blocks(f), 3); /* a child's, the record, the cursor */
    }
}

/* What the others may do with public children before the redo: take them all, and
 * end the first. */
static void
others_go_on(struct fixture *f)
{
    struct self *y = &f->selves[2];
    if (!queue_look(y))
        return;
    commit_begin(y);
    (void)commit_end(y, OUTCOME_DONE);
}

struct killed {
    enum outcome outcome;
    uint32_t parent;
    uint32_t in_commit; /* states found in PHASE_COMMIT */
};

static void
check_killed(struct fixture *f, void *arg)
{
    struct killed *k = arg;
    struct self *self = &f->selves[1];
    look_at_it(f, k->parent);
    if (self->slot->phase == PHASE_COMMIT) {
        k->in_commit++;
        commit_apply(self);
        uint32_t phase = self->slot->phase;
        /* Killed in the redo, too: all of it again. */
        self->slot->phase = PHASE_COMMIT;
        commit_apply(self);
        assert_int_equal(self->slot->phase, phase);
        check_outcome(f, k->parent, k->outcome);
    } else if (state_of(f, k->parent) == TASK_RUN && self->slot->posted == 0) {
        commit_undo(self);
        commit_undo(self);
        assert_int_equal(fixture_count(f, TASK_STAGED), 0);
        assert_int_equal(find_all(f), 0);
        assert_true(sum(f) == 0);
        assert_int_equal(self->slot->finished, 0);
    } else {
        check_outcome(f, k->parent, k->outcome);
    }
}

static void
test_commit_killed_at_each_instruction(void **state)
{
    (void)state;
    for (int o = OUTCOME_DONE; o <= OUTCOME_DUPLICATE; o++) {
        void *p;
        assert_int_equal(fixture_setup(&p), 0);
        struct fixture *f = p;
        struct killed k = {.outcome = (enum outcome)o};
        k.parent = o == OUTCOME_CHECKPOINT ? begin_parent_at_a_point(f) : begin_parent(f);
        void *args[] = {&f->selves[1], &k.outcome};
        uint32_t n = fixture_deaths(f, end_it, args, check_killed, &k);
        fixture_teardown(&p);
        if (!n)
            skip();
        assert_in_range(k.in_commit, 3, n - 2);
    }
}

/* Killed while others already take, run and end the children; the redo must not
 * bring any of them back. */
static void
check_others(struct fixture *f, void *arg)
{
    struct killed *k = arg;
    struct self *self = &f->selves[1];
    if (self->slot->phase == PHASE_ACTIVE)
        return;
    others_go_on(f);
    self = fixture_reopen(f, 1);
    if (self->slot->phase == PHASE_COMMIT)
        commit_apply(self);
    assert_int_equal(state_of(f, k->parent), TASK_FREE);
    for (int i = 0; i < CHILDREN + 1; i++)
        others_go_on(f);
    assert_true(idle_all_done(&f->arena));
    assert_int_equal(slot_at(&f->arena, 2)->finished, CHILDREN);
    assert_int_equal(fixture_blocks(f), 0);
}

static void
test_commit_redo_spares_children_that_others_have_run(void **state)
{
    struct fixture *f = *state;
    struct killed k = {OUTCOME_DONE, begin_parent(f), 0};
    void *args[] = {&f->selves[1], &k.outcome};
    if (!fixture_deaths(f, end_it, args, check_others, &k))
        skip();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_commit_done_publishes_everything),
        FIXTURE_TEST(test_commit_failed_drops_posts_and_adds),
        FIXTURE_TEST(test_commit_retry_makes_it_ready_again),
        FIXTURE_TEST(test_commit_wait_notes_the_time_and_tells_the_supervisor),
        FIXTURE_TEST(test_commit_wait_has_room_for_any_number),
        FIXTURE_TEST(test_wait_list_is_not_taken_while_its_newest_task_runs),
        FIXTURE_TEST(test_commit_wait_without_memory_runs_again_at_once),
        FIXTURE_TEST(test_commit_quarantined_counts_it_finished),
        FIXTURE_TEST(test_commit_part_publishes_posts_only_and_goes_on),
        FIXTURE_TEST(test_commit_part_without_memory_changes_nothing),
        FIXTURE_TEST(test_commit_point_makes_all_so_far_true_and_starts_anew),
        FIXTURE_TEST(test_commit_of_begin_counts_no_task_done),
        cmocka_unit_test(test_commit_killed_at_each_instruction),
        FIXTURE_TEST(test_commit_redo_spares_children_that_others_have_run),
    };
    return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
