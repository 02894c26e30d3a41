/* section: dicts and locks as a task sees them, in one run. */
#include <errno.h>
#include <stdio.h>

#include "codec/codec.h"
#include "fixture_run.h"
#include "task/section.h"

static void
section_of_all_kinds(void)
{
    struct dict_result r;
    run_set("old", 1);
    run_take(0);
    MUST(run_get("old") == 1);
    run_set("old", 2);
    run_set("new", 3);
    MUST(run_get("old") == 2 && run_get("new") == 3);
    MUST(others_see("old") == 1 && others_see("new") == -1);
    MUST(run_incr("new", 4) == 7 && run_incr("none", 5) == 5 && run_incr("none", 5) == 10);
    MUST(run_remove("old") && !run_remove("old") && run_get("old") == -1);
    MUST(run_op(DICT_ADD, "old", value_number(8), &r) == 0 && r.changed);
    MUST(run_op(DICT_ADD, "old", value_number(9), &r) == 0 && !r.changed);
    MUST(run_cas("old", value_number(8), 10, false) && !run_cas("old", value_number(8), 11, false));
    MUST(run_op(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    MUST(run_op(DICT_APPEND, "text", value_text("cd"), &r) == 0);
    struct dict_value v = run_value("text");
    MUST(value_is_text(&v, "abcd"));
    MUST(run_op(DICT_APPEND, "old", value_text("x"), &r) == -EINVAL);
    MUST(run_op(DICT_INCR, "text", value_number(1), &r) == -EINVAL);
    run_set("gone", 1);
    MUST(run_remove("gone"));
    MUST(others_see("old") == 1 && dict_len(stage.d) == 1);
    MUST(run_give(0, true) == 0);
}

static void
test_section_a_section_is_seen_when_it_ends(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(section_of_all_kinds);
    assert_true(others_see("old") == 10 && others_see("new") == 7 && others_see("none") == 10);
    struct dict_value v = op_get(&stage, key_text("text"));
    assert_true(value_is_text(&v, "abcd"));
    assert_int_equal(dict_len(stage.d), 4);
}

static void
text_must_be(const char *text)
{
    struct dict_value v = run_value("text");
    MUST(value_is_text(&v, text));
}

/* Appends within each other: what an inner section that failed has appended goes, and what comes
 * afterwards stands in its place. 70 bytes need a longer head than 60. */
static void
appends_in_sections(void)
{
    static char want[100] = "0123456789";
    struct dict_result r;
    run_take(0);
    for (int i = 0; i < 5; i++) {
        MUST(run_op(DICT_APPEND, "text", value_text("0123456789"), &r) == 0);
        strcat(want, "0123456789");
        text_must_be(want);
    }
    run_take(1);
    MUST(run_op(DICT_APPEND, "text", value_text("xxxxxxxxxx"), &r) == 0);
    MUST(run_op(DICT_APPEND, "text", value_text("xxxxxxxxxx"), &r) == 0);
    MUST(run_give(1, false) == 0);
    text_must_be(want);
    run_take(1);
    MUST(run_op(DICT_APPEND, "text", value_text("yyyyyyyyyy"), &r) == 0);
    MUST(run_op(DICT_SET, "text", value_text("z"), &r) == 0);
    MUST(run_op(DICT_APPEND, "text", value_text("z"), &r) == 0);
    text_must_be("zz");
    MUST(run_give(1, false) == 0);
    text_must_be(want);
    MUST(run_op(DICT_APPEND, "text", value_text("end"), &r) == 0);
    strcat(want, "end");
    text_must_be(want);
    MUST(run_give(0, true) == 0);
}

static void
test_section_appends_within_each_other(void **state)
{
    (void)state;
    op_set(&stage, key_text("text"), value_text("0123456789"));
    stage_post(&stage);
    run_to_end(appends_in_sections);
    struct dict_value v = op_get(&stage, key_text("text"));
    assert_true(value_is_text(&v, "012345678901234567890123456789012345678901234567890123456789end"));
}

/* 50,000 appends of 39 bytes: copied each time they would need 49 GB. */
static void
many_appends(void)
{
    struct dict_result r;
    run_take(0);
    for (int i = 0; i < 50000; i++)
        MUST(run_op(DICT_APPEND, i % 2 ? "a" : "b",
                    value_text("0123456789012345678901234567890123456789"), &r) == 0);
    MUST(run_give(0, true) == 0);
}

static void
test_section_many_appends_need_little_memory(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(many_appends);
    assert_int_equal(op_get(&stage, key_text("a")).len, 5 + 25000 * 40);
    assert_int_equal(op_get(&stage, key_text("b")).len, 5 + 25000 * 40);
}

static void
section_that_fails(void)
{
    run_set("a", 1);
    run_take(0);
    run_set("a", 2);
    run_set("b", 2);
    run_remove("a");
    MUST(run_give(0, false) == 0);
    MUST(run_get("a") == 1 && run_get("b") == -1);
    run_take(0);
    MUST(run_get("a") == 1 && run_get("b") == -1);
    MUST(run_give(0, true) == 0);
}

static void
test_section_a_section_that_fails_publishes_nothing(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(section_that_fails);
    assert_true(others_see("a") == 1 && others_see("b") == -1);
}

static void
incr_while_others_do(void)
{
    run_take(0);
    MUST(run_incr("n", 5) == 5);
    others_add("n", 100);
    MUST(run_incr("n", 1) == 106);
    MUST(run_give(0, true) == 0);
}

static void
test_section_incr_under_a_lock_adds_to_what_others_added(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(incr_while_others_do);
    assert_true(others_see("n") == 106);
}

static void
lock_mistakes(void)
{
    run_take(0);
    MUST(section_lock(&stage.self[1], stage.lock[0], -1) == -EDEADLK);
    MUST(section_unlock(&stage.self[1], stage.lock[1], true) == -EPERM);
    MUST(run_give(0, true) == 0);
    MUST(section_unlock(&stage.self[1], stage.lock[0], true) == -EPERM);
    static uint32_t *many = NULL;
    many = arena_at(&stage.arena, stage.arena.names_at + 1000); /* words that are 0 */
    for (int i = 0; i < 64; i++)
        MUST(section_lock(&stage.self[1], many + i, 0) == 0);
    MUST(section_lock(&stage.self[1], many + 64, 0) == -EUSERS);
    uint32_t *words[16];
    int lost;
    MUST(section_end(&stage.self[1], false, words, 16, &lost) == 64);
    for (int i = 0; i < 64; i++)
        MUST(many[i] == 0);
}

static void
test_section_mistakes_with_locks(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(lock_mistakes);
}

static void
forget_to_release(void)
{
    uint32_t *words[2];
    run_take(0);
    run_take(2);
    run_set("a", 1);
    int lost;
    MUST(section_end(&stage.self[1], true, words, 2, &lost) == 2 && !lost);
    MUST(words[0] == stage.lock[2] && words[1] == stage.lock[0]);
}

static void
test_section_end_publishes_and_releases(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(forget_to_release);
    assert_true(others_see("a") == 1);
}

static void
inner_fails(void)
{
    run_set("a", 1);
    run_take(0);
    run_set("a", 2);
    run_set("b", 2);
    run_take(1);
    run_set("a", 3);
    run_remove("b");
    run_set("c", 3);
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        run_set(text, i);
    }
    MUST(run_give(1, false) == 0);
    MUST(run_get("a") == 2 && run_get("b") == 2 && run_get("c") == -1 && run_get("50") == -1);
    run_set("d", 4);
    run_set("50", 5);
    MUST(run_get("d") == 4 && run_get("50") == 5);
    MUST(run_give(0, true) == 0);
}

static void
test_section_an_inner_section_that_fails_leaves_the_outer_one(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(inner_fails);
    assert_true(others_see("a") == 2 && others_see("b") == 2 && others_see("c") == -1);
    assert_true(others_see("d") == 4 && others_see("50") == 5);
    assert_int_equal(dict_len(stage.d), 4);
}

static void
outer_fails_first(void)
{
    run_take(0);
    run_set("a", 1);
    run_take(1);
    run_set("b", 2);
    MUST(run_give(0, false) == 0); /* not in the order taken */
    run_set("c", 3);
    MUST(run_give(1, true) == 0);
}

static void
test_section_locks_released_in_any_order(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(outer_fails_first);
    assert_true(others_see("a") == -1 && others_see("b") == -1 && others_see("c") == 3);
}

static void
large_section(void)
{
    char text[16];
    run_take(0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            snprintf(text, sizeof text, "%d", i);
            run_incr(text, i);
        }
    }
    MUST(others_see("7") == -1);
    MUST(run_give(0, true) == 0);
}

static void
test_section_twenty_thousand_keys_in_one_section(void **state)
{
    (void)state;
    char text[16];
    stage_post(&stage);
    run_to_end(large_section);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_true(others_see(text) == 2 * i);
    }
}

static void
more_than_fits(void)
{
    static unsigned char bytes[1 << 20];
    struct dict_result r;
    char text[16];
    size_t head = codec_put_string_head(bytes, sizeof bytes - 5);
    struct dict_value v = {.present = true, .bytes = bytes, .len = sizeof bytes - 5 + head};
    run_set("a", 1);
    run_take(0);
    run_set("a", 2);
    run_take(1);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "%d", i);
        MUST(run_op(DICT_SET, text, v, &r) == 0);
    }
    MUST(run_give(1, true) == -ENOSPC);
    MUST(run_get("a") == 2 && run_get("7") == -1);
    MUST(run_give(0, true) == 0);
    MUST(others_see("a") == 2);
}

static void
test_section_a_section_that_does_not_fit(void **state)
{
    (void)state;
    stage_post(&stage);
    run_to_end(more_than_fits);
    assert_true(others_see("a") == 2);
    assert_int_equal(dict_len(stage.d), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_section_a_section_is_seen_when_it_ends),
        STAGE_TEST(test_section_a_section_that_fails_publishes_nothing),
        STAGE_TEST(test_section_appends_within_each_other),
        STAGE_TEST(test_section_many_appends_need_little_memory),
        STAGE_TEST(test_section_incr_under_a_lock_adds_to_what_others_added),
        STAGE_TEST(test_section_mistakes_with_locks),
        STAGE_TEST(test_section_end_publishes_and_releases),
        STAGE_TEST(test_section_an_inner_section_that_fails_leaves_the_outer_one),
        STAGE_TEST(test_section_locks_released_in_any_order),
        STAGE_TEST(test_section_twenty_thousand_keys_in_one_section),
        STAGE_TEST(test_section_a_section_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
