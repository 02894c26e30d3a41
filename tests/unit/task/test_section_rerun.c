/* section: what a task sees in its second run, after the worker of the first one died. */
#include <errno.h>
#include <sys/wait.h>

#include "fixture_run.h"
#include "memory/block.h"
#include "task/record.h"
#include "task/section.h"

static int nth_run;

static void
two_incrs(void)
{
    MUST(run_incr("a", 1) == 1);
    MUST(run_incr("a", 1) == 2);
    MUST(!journal_take_warning(&stage.self[1]));
    if (nth_run) {
        MUST(run_get("a") == 102);
        MUST(run_incr("a", 1) == 103);
    }
}

static void
test_section_a_second_run_gets_the_first_ones_results(void **state)
{
    (void)state;
    stage_post(&stage);
    nth_run = 0;
    run_and_die(two_incrs);
    assert_true(others_see("a") == 2);
    others_add("a", 100);
    run_and_die(two_incrs);
    assert_true(others_see("a") == 102);
    nth_run = 1;
    run_to_end(two_incrs);
    assert_true(others_see("a") == 103);
}

static void
another_third(void)
{
    run_incr("a", 1);
    run_incr("b", 1);
    if (nth_run) {
        MUST(!journal_take_warning(&stage.self[1]));
        MUST(run_incr("other", 1) == 1);
        MUST(journal_take_warning(&stage.self[1]) && !journal_take_warning(&stage.self[1]));
    }
    run_incr("c", 1);
    run_incr("d", 1);
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
test_section_the_first_difference_drops_the_rest(void **state)
{
    (void)state;
    stage_post(&stage);
    nth_run = 0;
    run_and_die(another_third);
    nth_run = 1;
    run_to_end(another_third);
    assert_true(others_see("a") == 1 && others_see("b") == 1);
    assert_true(others_see("c") == 2 && others_see("d") == 2); /* at least once */
}

static void
all_kinds(void)
{
    struct dict_result r;
    run_set("text number", 1);
    MUST(run_op(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    MUST(run_op(DICT_INCR, "text", value_number(1), &r) == -EINVAL);
    MUST(run_op(DICT_ADD, "added", value_number(1), &r) == 0 && r.changed);
    MUST(run_op(DICT_ADD, "added", value_number(2), &r) == 0 && !r.changed);
    MUST(run_remove("text number") && !run_remove("text number"));
    MUST(run_cas("added", value_number(1), 5, false));
    MUST(!run_cas("added", value_number(1), 5, false));
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
test_section_every_kind_of_result_is_repeated(void **state)
{
    (void)state;
    struct dict_result r;
    stage_post(&stage);
    run_and_die(all_kinds);
    /* Others change all of it: a second run must not notice. */
    assert_int_equal(op_run(&stage, 2, DICT_SET, key_text("text"), value_number(1), &r), 0);
    assert_int_equal(op_run(&stage, 2, DICT_DELETE, key_text("added"), value_none(), &r), 0);
    others_add("text number", 9);
    run_to_end(all_kinds);
    assert_true(others_see("text") == 1 && others_see("added") == -1 &&
                others_see("text number") == 9);
}

static void
update_by_one(void)
{
    double now;
    int tries = 0;
    do {
        now = run_get("n");
        if (tries++ == 0 && nth_run == 0)
            others_add("n", 10); /* somebody is faster */
    } while (!run_cas("n", now < 0 ? value_none() : value_number(now), now + 1, true));
    MUST(tries == 2);
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
test_section_an_update_counts_once(void **state)
{
    (void)state;
    others_add("n", 0);
    stage_post(&stage);
    nth_run = 0;
    run_and_die(update_by_one);
    assert_true(others_see("n") == 11);
    nth_run = 1;
    run_to_end(update_by_one);
    assert_true(others_see("n") == 11);
}

static void
transfer(void)
{
    run_take(0);
    double a = run_get("a"), b = run_get("b");
    MUST(a == 100 && b == 200);
    run_set("a", a - 10);
    run_set("b", b + 10);
    MUST(run_get("a") == 90);
    MUST(run_give(0, true) == 0);
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
test_section_a_section_is_repeated(void **state)
{
    (void)state;
    others_add("a", 100);
    others_add("b", 200);
    stage_post(&stage);
    run_and_die(transfer);
    others_add("a", 1000);
    run_and_die(transfer);
    run_to_end(transfer);
    assert_true(others_see("a") == 1090 && others_see("b") == 210);
}

static void
die_inside(void)
{
    run_take(0);
    run_take(1);
    run_set("a", run_get("a") + 1);
    run_incr("b", 1);
}

static void
test_section_death_inside_publishes_nothing(void **state)
{
    (void)state;
    others_add("a", 100);
    others_add("b", 200);
    stage_post(&stage);
    run_and_die(die_inside);
    assert_true(others_see("a") == 100 && others_see("b") == 200);
    assert_int_equal(*stage.lock[0], 0);
    run_to_end(transfer);
    assert_true(others_see("a") == 90 && others_see("b") == 210);
}

static void
sections_that_leave_no_trace(void)
{
    run_take(0);
    MUST(run_give(0, true) == 0);
    run_take(0);
    double n = run_get("n");
    MUST(n == 5);
    run_set("n", 1000);
    MUST(run_give(0, false) == 0); /* failed */
    run_take(0);
    MUST(run_give(0, false) == 0);
    run_incr("m", 1);
    run_take(0);
    MUST(run_get("n") == 5); /* only looked */
    MUST(run_give(0, true) == 0);
    run_take(1);
    MUST(run_give(1, true) == 0);
    run_take(0);
    MUST(run_incr("n", 1) == 6);
    MUST(run_give(0, true) == 0);
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
test_section_sections_that_change_nothing_are_repeated_too(void **state)
{
    (void)state;
    others_add("n", 5);
    stage_post(&stage);
    run_and_die(sections_that_leave_no_trace);
    assert_true(others_see("n") == 6 && others_see("m") == 1);
    others_add("n", 100);
    run_to_end(sections_that_leave_no_trace);
    assert_true(others_see("n") == 106 && others_see("m") == 1);
}

static void
another_section(void)
{
    run_incr("m", 1);
    run_take(0);
    if (nth_run)
        run_set("other", 1);
    run_incr("n", 1);
    MUST(run_give(0, true) == 0);
    run_incr("o", 1);
    MUST(journal_take_warning(&stage.self[1]) == (nth_run == 1));
}

static void
test_section_a_section_that_differs_goes_live(void **state)
{
    (void)state;
    stage_post(&stage);
    nth_run = 0;
    run_and_die(another_section);
    nth_run = 1;
    run_to_end(another_section);
    assert_true(others_see("m") == 1 && others_see("other") == 1);
    assert_true(others_see("n") == 2 && others_see("o") == 2);
}

static void
an_operation_for_a_section(void)
{
    if (nth_run == 0)
        run_incr("a", 1);
    run_take(0);
    run_incr("n", 1);
    MUST(run_give(0, true) == 0);
    run_incr("b", 1);
    MUST(journal_take_warning(&stage.self[1]) == (nth_run == 1));
}

static void
test_section_a_section_where_an_operation_was(void **state)
{
    (void)state;
    stage_post(&stage);
    nth_run = 0;
    run_and_die(an_operation_for_a_section);
    nth_run = 1;
    run_and_die(an_operation_for_a_section);
    assert_true(others_see("a") == 1 && others_see("n") == 2 && others_see("b") == 2);
    nth_run = 2; /* as the second one, whose journal is good again */
    run_to_end(an_operation_for_a_section);
    assert_true(others_see("a") == 1 && others_see("n") == 2 && others_see("b") == 2);
}

/* What was read from the journal is old: nothing computed from it is published. */
static void
stale_section(void)
{
    run_take(0);
    double n = run_get("n");
    if (nth_run)
        run_set("other", 1);
    run_set("n", n + 1);
    MUST(run_give(0, true) == (nth_run ? -ESTALE : 0));
    if (nth_run) {
        run_take(0); /* the next one sees what is true now */
        run_set("n", run_get("n") + 1);
        MUST(run_give(0, true) == 0);
    }
}

static void
test_section_a_section_that_has_read_old_values_is_refused(void **state)
{
    (void)state;
    others_add("n", 0);
    stage_post(&stage);
    nth_run = 0;
    run_and_die(stale_section);
    assert_true(others_see("n") == 1);
    others_add("n", 100);
    nth_run = 1;
    run_to_end(stale_section);
    assert_true(others_see("n") == 102 && others_see("other") == -1);
}

static void
nested(void)
{
    run_take(0);
    run_incr("a", 1);
    run_take(1);
    run_incr("b", 1);
    MUST(run_give(1, true) == 0);
    run_incr("c", 1);
    if (nth_run == 0)
        return; /* dies between the two */
    MUST(run_give(0, true) == 0);
    MUST(!journal_take_warning(&stage.self[1]));
    run_incr("d", 1);
}

static void
test_section_nested_sections_are_repeated(void **state)
{
    (void)state;
    stage_post(&stage);
    nth_run = 0;
    run_and_die(nested);
    assert_true(others_see("a") == 1 && others_see("b") == 1 && others_see("c") == -1);
    nth_run = 1;
    run_and_die(nested);
    assert_true(others_see("a") == 1 && others_see("b") == 1);
    assert_true(others_see("c") == 1 && others_see("d") == 1);
    run_to_end(nested);
    assert_true(others_see("a") == 1 && others_see("b") == 1);
    assert_true(others_see("c") == 1 && others_see("d") == 1);
}

/* Death between the two releases, and the outer one goes on with what it has read
 * before the inner one was published: the lock was free meanwhile. */
static void
nested_stale(void)
{
    run_take(0);
    double n = run_get("n");
    run_take(1);
    run_incr("b", 1);
    MUST(run_give(1, true) == 0);
    if (nth_run == 0)
        return;
    run_set("n", n + 1);
    MUST(run_give(0, true) == -ESTALE);
}

static void
test_section_an_outer_section_with_old_values_is_refused(void **state)
{
    (void)state;
    others_add("n", 5);
    stage_post(&stage);
    nth_run = 0;
    run_and_die(nested_stale);
    others_add("n", 100);
    nth_run = 1;
    run_to_end(nested_stale);
    assert_true(others_see("n") == 105 && others_see("b") == 1);
}

static void
thousands(void)
{
    for (int i = 1; i <= 3000; i++) {
        MUST(run_incr("n", 1) == i);
        if (i % 100 == 0) {
            run_take(0);
            MUST(run_get("n") == i);
            run_incr("m", 1);
            MUST(run_give(0, true) == 0);
        }
        if (nth_run && i == nth_run)
            return;
    }
}

static void
test_section_a_long_journal_and_many_deaths(void **state)
{
    (void)state;
    stage_post(&stage);
    for (nth_run = 1; nth_run < 3000; nth_run += nth_run / 2 + 1) {
        run_and_die(thousands);
        assert_true(others_see("n") == nth_run);
        assert_true(nth_run < 100 || others_see("m") == nth_run / 100);
    }
    nth_run = 0;
    run_to_end(thousands);
    assert_true(others_see("n") == 3000 && others_see("m") == 30);
    /* The next task begins with an empty journal. */
    stage_post(&stage);
    nth_run = 0;
    struct dict_result r;
    assert_int_equal(op_run(&stage, 2, DICT_DELETE, key_text("n"), value_none(), &r), 0);
    run_to_end(thousands);
    assert_true(others_see("n") == 3000 && others_see("m") == 60);
    uint64_t spares = 0;
    for (int k = 0; k < STAGE_ACTORS; k++)
        spares += stage.self[k].slot->record != 0;
    assert_int_equal(stage_blocks(&stage, SERVES_SLOT), spares);
}

/* ---- death at any instruction of an operation with a journal ---- */

static void
incr_append_and_section(void)
{
    struct dict_result r;
    MUST(run_incr("n", 1) == 6);
    MUST(run_op(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    run_take(0);
    run_set("m", run_get("m") + 1);
    run_incr("o", 1);
    MUST(run_give(0, true) == 0);
    MUST(run_remove("gone"));
    MUST(!journal_take_warning(&stage.self[1]));
}

static void
first_run(void *arg)
{
    (void)arg;
    incr_append_and_section();
}

/* Dies here; the second run ends the task, and all is there once. */
static void
second_run(void *arg)
{
    char *here = stage_save(&stage);
    int status;
    *(int *)arg += 1;
    stage_again(&stage, 0);
    stage_died(&stage, 1);
    pid_t pid = fork();
    if (pid == 0) {
        MUST(stage_claim(&stage, 1));
        incr_append_and_section();
        stage_done(&stage, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(others_see("n") == 6 && others_see("m") == 8 && others_see("o") == 1);
    assert_true(others_see("gone") == -1);
    struct dict_value v = op_get(&stage, key_text("text"));
    assert_true(value_is_text(&v, "ab"));
    stage_check(&stage);
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), dict_len(stage.d) + 1);
    stage_put_back(&stage, here);
    stage_forget();
}

static void
test_section_killed_at_every_instruction_counts_once(void **state)
{
    (void)state;
    int deaths = 0;
    others_add("n", 5);
    others_add("m", 7);
    others_add("gone", 1);
    stage_post(&stage);
    assert_true(stage_claim(&stage, 1));
    int n = stage_step(&stage, first_run, NULL, second_run, &deaths);
    if (n < 0)
        skip();
    assert_true(deaths > 100);
    stage_done(&stage, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_section_a_second_run_gets_the_first_ones_results),
        STAGE_TEST(test_section_the_first_difference_drops_the_rest),
        STAGE_TEST(test_section_every_kind_of_result_is_repeated),
        STAGE_TEST(test_section_an_update_counts_once),
        STAGE_TEST(test_section_a_section_is_repeated),
        STAGE_TEST(test_section_death_inside_publishes_nothing),
        STAGE_TEST(test_section_sections_that_change_nothing_are_repeated_too),
        STAGE_TEST(test_section_a_section_that_differs_goes_live),
        STAGE_TEST(test_section_a_section_where_an_operation_was),
        STAGE_TEST(test_section_a_section_that_has_read_old_values_is_refused),
        STAGE_TEST(test_section_nested_sections_are_repeated),
        STAGE_TEST(test_section_an_outer_section_with_old_values_is_refused),
        STAGE_TEST(test_section_a_long_journal_and_many_deaths),
        STAGE_TEST(test_section_killed_at_every_instruction_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
