/* halt: when a rule is reached, and that it is not while a worker stands between two stores. */
#include "fixture.h"
#include "job/halt.h"

static bool
halts(struct fixture *f, const struct halt *rule)
{
    uint64_t have;
    return halt_reached(&f->arena, rule, &have);
}

static void
test_halt_counts_of_its_kind(void **state)
{
    struct fixture *f = *state;
    struct halt rule = {.when = HALT_SOON, .kind = HALT_FAIL, .count = 3};
    uint64_t have;
    slot_at(&f->arena, 0)->posted = 20;
    slot_at(&f->arena, 1)->finished = 10;
    slot_at(&f->arena, 1)->failed = 2;
    slot_at(&f->arena, 2)->finished = 1;
    slot_at(&f->arena, 2)->quarantined = 1;
    assert_true(halt_reached(&f->arena, &rule, &have));
    assert_int_equal(have, 3);
    rule.kind = HALT_DONE;
    assert_true(halt_reached(&f->arena, &rule, &have));
    assert_int_equal(have, 11);
    rule.kind = HALT_SUCCESS;
    assert_true(halt_reached(&f->arena, &rule, &have));
    assert_int_equal(have, 8);
    rule.count = 9;
    assert_false(halts(f, &rule));
    rule = (struct halt){.when = HALT_SOON, .kind = HALT_SUCCESS, .percent = 40};
    assert_true(halts(f, &rule));
    rule.percent = 41;
    assert_false(halts(f, &rule));
    rule = (struct halt){.when = HALT_NEVER, .kind = HALT_DONE, .count = 1};
    assert_false(halts(f, &rule));
}

/* It has counted the failure of its task, and not yet its end: no success is in sight. */
static void
test_halt_sees_no_success_between_two_stores(void **state)
{
    struct fixture *f = *state;
    struct halt rule = {.when = HALT_NOW, .kind = HALT_SUCCESS, .count = 1};
    slot_at(&f->arena, 0)->posted = 2;
    slot_at(&f->arena, 1)->failed = 1;
    assert_false(halts(f, &rule));
    slot_at(&f->arena, 1)->finished = 1;
    assert_false(halts(f, &rule));
    slot_at(&f->arena, 2)->finished = 1;
    assert_true(halts(f, &rule));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_halt_counts_of_its_kind),
        FIXTURE_TEST(test_halt_sees_no_success_between_two_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
