/* view: dicts and locks as a task sees them, in its first run and in a second one
 * after its worker died. Runs are child processes: what dies with them is gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/codec.h"
#include "fixture_dict.h"
#include "task/record.h"
#include "task/section.h"

static struct stage s;

static int
setup(void **state)
{
    (void)state;
    alarm(50);
    stage_open(&s, ARENA_BYTES_MIN);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    stage_check(&s);
    for (int i = 0; i < STAGE_LOCKS; i++)
        assert_int_equal(*s.lock[i], 0);
    stage_close(&s);
    return 0;
}

/* ---- what a run does; slot 1 is its worker ---- */

/* In a child cmocka's asserts would come back to the parent's list of tests. */
#define MUST(x)                                                     \
    do {                                                            \
        if (!(x)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            _exit(1);                                               \
        }                                                           \
    } while (0)

static int
attempt(enum dict_op_kind kind, const char *key, struct dict_value v, struct dict_result *r)
{
    struct dict_op op = {.kind = kind, .dict = s.d, .key = *key_text(key), .value = v, .head = 1};
    return section_change(&s.self[1], &op, r);
}

static double
incr(const char *key, double by)
{
    struct dict_result r;
    MUST(attempt(DICT_INCR, key, value_number(by), &r) == 0);
    return r.number;
}

static void
set(const char *key, double v)
{
    struct dict_result r;
    MUST(attempt(DICT_SET, key, value_number(v), &r) == 0);
}

static bool
remove_key(const char *key)
{
    struct dict_result r;
    MUST(attempt(DICT_DELETE, key, value_none(), &r) == 0);
    return r.changed;
}

static bool
cas(const char *key, struct dict_value old, double v, bool update)
{
    struct dict_result r;
    struct dict_op op = {.kind = DICT_CAS, .dict = s.d, .key = *key_text(key), .old = old};
    op.value = value_number(v);
    op.update = update;
    MUST(section_change(&s.self[1], &op, &r) == 0);
    return r.changed;
}

static struct dict_value
value(const char *key)
{
    struct dict_value v;
    MUST(section_get(&s.self[1], s.d, key_text(key), &v) == 0);
    return v;
}

/* The number of a key; -1: absent. */
static double
get(const char *key)
{
    struct dict_value v = value(key);
    MUST(!v.present || v.is_number);
    return v.present ? v.number : -1;
}

static void
take(int lock)
{
    MUST(section_lock(&s.self[1], s.lock[lock], 5) == 0);
    MUST((*s.lock[lock] & 0xffff) == 2); /* slot 1: for real */
    MUST(section_held(&s.self[1], s.lock[lock]));
}

static int
give(int lock, bool keep)
{
    int err = section_unlock(&s.self[1], s.lock[lock], keep);
    MUST(*s.lock[lock] == 0);
    MUST(!section_held(&s.self[1], s.lock[lock]));
    return err;
}

/* ---- runs ---- */

/* What others see, and what others do meanwhile. */
static double
seen(const char *key)
{
    struct dict_value v = op_get(&s, key_text(key));
    return v.present ? v.number : -1;
}

static void
others_add(const char *key, double by)
{
    struct dict_result r;
    assert_int_equal(op_run(&s, 2, DICT_INCR, key_text(key), value_number(by), &r), 0);
}

static void
run(void (*fn)(void), bool to_the_end)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        MUST(stage_claim(&s, 1));
        fn();
        if (to_the_end) {
            MUST(!section_any_held(&s.self[1]));
            stage_done(&s, 1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    stage_died(&s, 1);
}

static void
run_and_die(void (*fn)(void))
{
    run(fn, false);
}

static void
run_to_end(void (*fn)(void))
{
    run(fn, true);
    assert_false(stage_claim(&s, 1)); /* no task is left */
    assert_int_equal(stage_blocks(&s, OWNER_TAG_DICT), dict_len(s.d) + 1);
}

/* ---- under locks, in one run ---- */

static void
section_of_all_kinds(void)
{
    struct dict_result r;
    set("old", 1);
    take(0);
    MUST(get("old") == 1);
    set("old", 2);
    set("new", 3);
    MUST(get("old") == 2 && get("new") == 3);
    MUST(seen("old") == 1 && seen("new") == -1);
    MUST(incr("new", 4) == 7 && incr("none", 5) == 5 && incr("none", 5) == 10);
    MUST(remove_key("old") && !remove_key("old") && get("old") == -1);
    MUST(attempt(DICT_ADD, "old", value_number(8), &r) == 0 && r.changed);
    MUST(attempt(DICT_ADD, "old", value_number(9), &r) == 0 && !r.changed);
    MUST(cas("old", value_number(8), 10, false) && !cas("old", value_number(8), 11, false));
    MUST(attempt(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    MUST(attempt(DICT_APPEND, "text", value_text("cd"), &r) == 0);
    struct dict_value v = value("text");
    MUST(value_is_text(&v, "abcd"));
    MUST(attempt(DICT_APPEND, "old", value_text("x"), &r) == -EINVAL);
    MUST(attempt(DICT_INCR, "text", value_number(1), &r) == -EINVAL);
    set("gone", 1);
    MUST(remove_key("gone"));
    MUST(seen("old") == 1 && dict_len(s.d) == 1);
    MUST(give(0, true) == 0);
}

static void
test_view_a_section_is_seen_when_it_ends(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(section_of_all_kinds);
    assert_true(seen("old") == 10 && seen("new") == 7 && seen("none") == 10);
    struct dict_value v = op_get(&s, key_text("text"));
    assert_true(value_is_text(&v, "abcd"));
    assert_int_equal(dict_len(s.d), 4);
}

static void
section_that_fails(void)
{
    set("a", 1);
    take(0);
    set("a", 2);
    set("b", 2);
    remove_key("a");
    MUST(give(0, false) == 0);
    MUST(get("a") == 1 && get("b") == -1);
    take(0);
    MUST(get("a") == 1 && get("b") == -1);
    MUST(give(0, true) == 0);
}

static void
test_view_a_section_that_fails_publishes_nothing(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(section_that_fails);
    assert_true(seen("a") == 1 && seen("b") == -1);
}

static void
incr_while_others_do(void)
{
    take(0);
    MUST(incr("n", 5) == 5);
    others_add("n", 100);
    MUST(incr("n", 1) == 106);
    MUST(give(0, true) == 0);
}

static void
test_view_incr_under_a_lock_adds_to_what_others_added(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(incr_while_others_do);
    assert_true(seen("n") == 106);
}

static void
lock_mistakes(void)
{
    take(0);
    MUST(section_lock(&s.self[1], s.lock[0], -1) == -EDEADLK);
    MUST(section_unlock(&s.self[1], s.lock[1], true) == -EPERM);
    MUST(give(0, true) == 0);
    MUST(section_unlock(&s.self[1], s.lock[0], true) == -EPERM);
    static uint32_t *many = NULL;
    many = arena_at(&s.arena, s.arena.names_at + 1000); /* words that are 0 */
    for (int i = 0; i < 64; i++)
        MUST(section_lock(&s.self[1], many + i, 0) == 0);
    MUST(section_lock(&s.self[1], many + 64, 0) == -EUSERS);
    uint32_t *words[16];
    int lost;
    MUST(section_end(&s.self[1], false, words, 16, &lost) == 64);
    for (int i = 0; i < 64; i++)
        MUST(many[i] == 0);
}

static void
test_view_mistakes_with_locks(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(lock_mistakes);
}

static void
forget_to_release(void)
{
    uint32_t *words[2];
    take(0);
    take(2);
    set("a", 1);
    int lost;
    MUST(section_end(&s.self[1], true, words, 2, &lost) == 2 && !lost);
    MUST(words[0] == s.lock[2] && words[1] == s.lock[0]);
}

static void
test_view_end_publishes_and_releases(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(forget_to_release);
    assert_true(seen("a") == 1);
}

static void
inner_fails(void)
{
    set("a", 1);
    take(0);
    set("a", 2);
    set("b", 2);
    take(1);
    set("a", 3);
    remove_key("b");
    set("c", 3);
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        set(text, i);
    }
    MUST(give(1, false) == 0);
    MUST(get("a") == 2 && get("b") == 2 && get("c") == -1 && get("50") == -1);
    set("d", 4);
    set("50", 5);
    MUST(get("d") == 4 && get("50") == 5);
    MUST(give(0, true) == 0);
}

static void
test_view_an_inner_section_that_fails_leaves_the_outer_one(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(inner_fails);
    assert_true(seen("a") == 2 && seen("b") == 2 && seen("c") == -1);
    assert_true(seen("d") == 4 && seen("50") == 5);
    assert_int_equal(dict_len(s.d), 4);
}

static void
outer_fails_first(void)
{
    take(0);
    set("a", 1);
    take(1);
    set("b", 2);
    MUST(give(0, false) == 0); /* not in the order taken */
    set("c", 3);
    MUST(give(1, true) == 0);
}

static void
test_view_locks_released_in_any_order(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(outer_fails_first);
    assert_true(seen("a") == -1 && seen("b") == -1 && seen("c") == 3);
}

static void
large_section(void)
{
    char text[16];
    take(0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            snprintf(text, sizeof text, "%d", i);
            incr(text, i);
        }
    }
    MUST(seen("7") == -1);
    MUST(give(0, true) == 0);
}

static void
test_view_twenty_thousand_keys_in_one_section(void **state)
{
    (void)state;
    char text[16];
    stage_post(&s);
    run_to_end(large_section);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_true(seen(text) == 2 * i);
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
    set("a", 1);
    take(0);
    set("a", 2);
    take(1);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "%d", i);
        MUST(attempt(DICT_SET, text, v, &r) == 0);
    }
    MUST(give(1, true) == -ENOSPC);
    MUST(get("a") == 2 && get("7") == -1);
    MUST(give(0, true) == 0);
    MUST(seen("a") == 2);
}

static void
test_view_a_section_that_does_not_fit(void **state)
{
    (void)state;
    stage_post(&s);
    run_to_end(more_than_fits);
    assert_true(seen("a") == 2);
    assert_int_equal(dict_len(s.d), 1);
}

/* ---- a second run ---- */

static int nth_run;

static void
two_incrs(void)
{
    MUST(incr("a", 1) == 1);
    MUST(incr("a", 1) == 2);
    MUST(!journal_take_warning(&s.self[1]));
    if (nth_run) {
        MUST(get("a") == 102);
        MUST(incr("a", 1) == 103);
    }
}

static void
test_view_a_second_run_gets_the_first_ones_results(void **state)
{
    (void)state;
    stage_post(&s);
    nth_run = 0;
    run_and_die(two_incrs);
    assert_true(seen("a") == 2);
    others_add("a", 100);
    run_and_die(two_incrs);
    assert_true(seen("a") == 102);
    nth_run = 1;
    run_to_end(two_incrs);
    assert_true(seen("a") == 103);
}

static void
another_third(void)
{
    incr("a", 1);
    incr("b", 1);
    if (nth_run) {
        MUST(!journal_take_warning(&s.self[1]));
        MUST(incr("other", 1) == 1);
        MUST(journal_take_warning(&s.self[1]) && !journal_take_warning(&s.self[1]));
    }
    incr("c", 1);
    incr("d", 1);
    MUST(!journal_take_warning(&s.self[1]));
}

static void
test_view_the_first_difference_drops_the_rest(void **state)
{
    (void)state;
    stage_post(&s);
    nth_run = 0;
    run_and_die(another_third);
    nth_run = 1;
    run_to_end(another_third);
    assert_true(seen("a") == 1 && seen("b") == 1);
    assert_true(seen("c") == 2 && seen("d") == 2); /* at least once */
}

static void
all_kinds(void)
{
    struct dict_result r;
    set("text number", 1);
    MUST(attempt(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    MUST(attempt(DICT_INCR, "text", value_number(1), &r) == -EINVAL);
    MUST(attempt(DICT_ADD, "added", value_number(1), &r) == 0 && r.changed);
    MUST(attempt(DICT_ADD, "added", value_number(2), &r) == 0 && !r.changed);
    MUST(remove_key("text number") && !remove_key("text number"));
    MUST(cas("added", value_number(1), 5, false));
    MUST(!cas("added", value_number(1), 5, false));
    MUST(!journal_take_warning(&s.self[1]));
}

static void
test_view_every_kind_of_result_is_repeated(void **state)
{
    (void)state;
    struct dict_result r;
    stage_post(&s);
    run_and_die(all_kinds);
    /* Others change all of it: a second run must not notice. */
    assert_int_equal(op_run(&s, 2, DICT_SET, key_text("text"), value_number(1), &r), 0);
    assert_int_equal(op_run(&s, 2, DICT_DELETE, key_text("added"), value_none(), &r), 0);
    others_add("text number", 9);
    run_to_end(all_kinds);
    assert_true(seen("text") == 1 && seen("added") == -1 && seen("text number") == 9);
}

static void
update_by_one(void)
{
    double now;
    int tries = 0;
    do {
        now = get("n");
        if (tries++ == 0 && nth_run == 0)
            others_add("n", 10); /* somebody is faster */
    } while (!cas("n", now < 0 ? value_none() : value_number(now), now + 1, true));
    MUST(tries == 2);
    MUST(!journal_take_warning(&s.self[1]));
}

static void
test_view_an_update_counts_once(void **state)
{
    (void)state;
    others_add("n", 0);
    stage_post(&s);
    nth_run = 0;
    run_and_die(update_by_one);
    assert_true(seen("n") == 11);
    nth_run = 1;
    run_to_end(update_by_one);
    assert_true(seen("n") == 11);
}

static void
transfer(void)
{
    take(0);
    double a = get("a"), b = get("b");
    MUST(a == 100 && b == 200);
    set("a", a - 10);
    set("b", b + 10);
    MUST(get("a") == 90);
    MUST(give(0, true) == 0);
    MUST(!journal_take_warning(&s.self[1]));
}

static void
test_view_a_section_is_repeated(void **state)
{
    (void)state;
    others_add("a", 100);
    others_add("b", 200);
    stage_post(&s);
    run_and_die(transfer);
    others_add("a", 1000);
    run_and_die(transfer);
    run_to_end(transfer);
    assert_true(seen("a") == 1090 && seen("b") == 210);
}

static void
die_inside(void)
{
    take(0);
    take(1);
    set("a", get("a") + 1);
    incr("b", 1);
}

static void
test_view_death_inside_publishes_nothing(void **state)
{
    (void)state;
    others_add("a", 100);
    others_add("b", 200);
    stage_post(&s);
    run_and_die(die_inside);
    assert_true(seen("a") == 100 && seen("b") == 200);
    assert_int_equal(*s.lock[0], 0);
    run_to_end(transfer);
    assert_true(seen("a") == 90 && seen("b") == 210);
}

static void
sections_that_leave_no_trace(void)
{
    take(0);
    MUST(give(0, true) == 0);
    take(0);
    double n = get("n");
    MUST(n == 5);
    set("n", 1000);
    MUST(give(0, false) == 0); /* failed */
    take(0);
    MUST(give(0, false) == 0);
    incr("m", 1);
    take(0);
    MUST(get("n") == 5); /* only looked */
    MUST(give(0, true) == 0);
    take(1);
    MUST(give(1, true) == 0);
    take(0);
    MUST(incr("n", 1) == 6);
    MUST(give(0, true) == 0);
    MUST(!journal_take_warning(&s.self[1]));
}

static void
test_view_sections_that_change_nothing_are_repeated_too(void **state)
{
    (void)state;
    others_add("n", 5);
    stage_post(&s);
    run_and_die(sections_that_leave_no_trace);
    assert_true(seen("n") == 6 && seen("m") == 1);
    others_add("n", 100);
    run_to_end(sections_that_leave_no_trace);
    assert_true(seen("n") == 106 && seen("m") == 1);
}

static void
another_section(void)
{
    incr("m", 1);
    take(0);
    if (nth_run)
        set("other", 1);
    incr("n", 1);
    MUST(give(0, true) == 0);
    incr("o", 1);
    MUST(journal_take_warning(&s.self[1]) == (nth_run == 1));
}

static void
test_view_a_section_that_differs_goes_live(void **state)
{
    (void)state;
    stage_post(&s);
    nth_run = 0;
    run_and_die(another_section);
    nth_run = 1;
    run_to_end(another_section);
    assert_true(seen("m") == 1 && seen("other") == 1);
    assert_true(seen("n") == 2 && seen("o") == 2);
}

static void
an_operation_for_a_section(void)
{
    if (nth_run == 0)
        incr("a", 1);
    take(0);
    incr("n", 1);
    MUST(give(0, true) == 0);
    incr("b", 1);
    MUST(journal_take_warning(&s.self[1]) == (nth_run == 1));
}

static void
test_view_a_section_where_an_operation_was(void **state)
{
    (void)state;
    stage_post(&s);
    nth_run = 0;
    run_and_die(an_operation_for_a_section);
    nth_run = 1;
    run_and_die(an_operation_for_a_section);
    assert_true(seen("a") == 1 && seen("n") == 2 && seen("b") == 2);
    nth_run = 2; /* as the second one, whose journal is good again */
    run_to_end(an_operation_for_a_section);
    assert_true(seen("a") == 1 && seen("n") == 2 && seen("b") == 2);
}

/* What was read from the journal is old: nothing computed from it is published. */
static void
stale_section(void)
{
    take(0);
    double n = get("n");
    if (nth_run)
        set("other", 1);
    set("n", n + 1);
    MUST(give(0, true) == (nth_run ? -ESTALE : 0));
    if (nth_run) {
        take(0); /* the next one sees what is true now */
        set("n", get("n") + 1);
        MUST(give(0, true) == 0);
    }
}

static void
test_view_a_section_that_has_read_old_values_is_refused(void **state)
{
    (void)state;
    others_add("n", 0);
    stage_post(&s);
    nth_run = 0;
    run_and_die(stale_section);
    assert_true(seen("n") == 1);
    others_add("n", 100);
    nth_run = 1;
    run_to_end(stale_section);
    assert_true(seen("n") == 102 && seen("other") == -1);
}

static void
nested(void)
{
    take(0);
    incr("a", 1);
    take(1);
    incr("b", 1);
    MUST(give(1, true) == 0);
    incr("c", 1);
    if (nth_run == 0)
        return; /* dies between the two */
    MUST(give(0, true) == 0);
    MUST(!journal_take_warning(&s.self[1]));
    incr("d", 1);
}

static void
test_view_nested_sections_are_repeated(void **state)
{
    (void)state;
    stage_post(&s);
    nth_run = 0;
    run_and_die(nested);
    assert_true(seen("a") == 1 && seen("b") == 1 && seen("c") == -1);
    nth_run = 1;
    run_and_die(nested);
    assert_true(seen("a") == 1 && seen("b") == 1 && seen("c") == 1 && seen("d") == 1);
    run_to_end(nested);
    assert_true(seen("a") == 1 && seen("b") == 1 && seen("c") == 1 && seen("d") == 1);
}

/* Death between the two releases, and the outer one goes on with what it has read
 * before the inner one was published: the lock was free meanwhile. */
static void
nested_stale(void)
{
    take(0);
    double n = get("n");
    take(1);
    incr("b", 1);
    MUST(give(1, true) == 0);
    if (nth_run == 0)
        return;
    set("n", n + 1);
    MUST(give(0, true) == -ESTALE);
}

static void
test_view_an_outer_section_with_old_values_is_refused(void **state)
{
    (void)state;
    others_add("n", 5);
    stage_post(&s);
    nth_run = 0;
    run_and_die(nested_stale);
    others_add("n", 100);
    nth_run = 1;
    run_to_end(nested_stale);
    assert_true(seen("n") == 105 && seen("b") == 1);
}

static void
thousands(void)
{
    for (int i = 1; i <= 3000; i++) {
        MUST(incr("n", 1) == i);
        if (i % 100 == 0) {
            take(0);
            MUST(get("n") == i);
            incr("m", 1);
            MUST(give(0, true) == 0);
        }
        if (nth_run && i == nth_run)
            return;
    }
}

static void
test_view_a_long_journal_and_many_deaths(void **state)
{
    (void)state;
    stage_post(&s);
    for (nth_run = 1; nth_run < 3000; nth_run += nth_run / 2 + 1) {
        run_and_die(thousands);
        assert_true(seen("n") == nth_run && (nth_run < 100 || seen("m") == nth_run / 100));
    }
    nth_run = 0;
    run_to_end(thousands);
    assert_true(seen("n") == 3000 && seen("m") == 30);
    /* The next task begins with an empty journal. */
    stage_post(&s);
    nth_run = 0;
    struct dict_result r;
    assert_int_equal(op_run(&s, 2, DICT_DELETE, key_text("n"), value_none(), &r), 0);
    run_to_end(thousands);
    assert_true(seen("n") == 3000 && seen("m") == 60);
    uint64_t spares = 0;
    for (int k = 0; k < STAGE_ACTORS; k++)
        spares += s.self[k].slot->record != 0;
    assert_int_equal(stage_blocks(&s, SERVES_SLOT), spares);
}

/* ---- death at any instruction of an operation with a journal ---- */

static void
incr_append_and_section(void)
{
    struct dict_result r;
    MUST(incr("n", 1) == 6);
    MUST(attempt(DICT_APPEND, "text", value_text("ab"), &r) == 0);
    take(0);
    set("m", get("m") + 1);
    incr("o", 1);
    MUST(give(0, true) == 0);
    MUST(remove_key("gone"));
    MUST(!journal_take_warning(&s.self[1]));
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
    char *here = stage_save(&s);
    int status;
    *(int *)arg += 1;
    stage_again(&s, 0);
    stage_died(&s, 1);
    pid_t pid = fork();
    if (pid == 0) {
        MUST(stage_claim(&s, 1));
        incr_append_and_section();
        stage_done(&s, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(seen("n") == 6 && seen("m") == 8 && seen("o") == 1 && seen("gone") == -1);
    struct dict_value v = op_get(&s, key_text("text"));
    assert_true(value_is_text(&v, "ab"));
    stage_check(&s);
    assert_int_equal(stage_blocks(&s, OWNER_TAG_DICT), dict_len(s.d) + 1);
    stage_put_back(&s, here);
    stage_forget();
}

static void
test_view_killed_at_every_instruction_counts_once(void **state)
{
    (void)state;
    int deaths = 0;
    others_add("n", 5);
    others_add("m", 7);
    others_add("gone", 1);
    stage_post(&s);
    assert_true(stage_claim(&s, 1));
    int n = stage_step(&s, first_run, NULL, second_run, &deaths);
    if (n < 0)
        skip();
    assert_true(deaths > 100);
    stage_done(&s, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_view_a_section_is_seen_when_it_ends),
        T(test_view_a_section_that_fails_publishes_nothing),
        T(test_view_incr_under_a_lock_adds_to_what_others_added),
        T(test_view_mistakes_with_locks),
        T(test_view_end_publishes_and_releases),
        T(test_view_an_inner_section_that_fails_leaves_the_outer_one),
        T(test_view_locks_released_in_any_order),
        T(test_view_twenty_thousand_keys_in_one_section),
        T(test_view_a_section_that_does_not_fit),
        T(test_view_a_second_run_gets_the_first_ones_results),
        T(test_view_the_first_difference_drops_the_rest),
        T(test_view_every_kind_of_result_is_repeated),
        T(test_view_an_update_counts_once),
        T(test_view_a_section_is_repeated),
        T(test_view_death_inside_publishes_nothing),
        T(test_view_sections_that_change_nothing_are_repeated_too),
        T(test_view_a_section_that_differs_goes_live),
        T(test_view_a_section_where_an_operation_was),
        T(test_view_a_section_that_has_read_old_values_is_refused),
        T(test_view_nested_sections_are_repeated),
        T(test_view_an_outer_section_with_old_values_is_refused),
        T(test_view_a_long_journal_and_many_deaths),
        T(test_view_killed_at_every_instruction_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
