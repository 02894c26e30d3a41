/* order: what is shown next, whatever order the notes come in. Ids here are poster and
 * number: p(2, 5) is the fifth task that worker 2 posted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "memory/arena.h"
#include "output/order.h"

static struct order *order;
static char shown[256];

static uint64_t
p(uint64_t poster, uint64_t number)
{
    return number * ARENA_SLOTS + poster;
}

/* Opens with n tasks of begin(). */
static void
begin(uint64_t n)
{
    order = order_open(&(struct order_posts){p(0, 1), n}, n ? 1 : 0);
    assert_non_null(order);
    shown[0] = '\0';
}

static void
note(uint64_t id, uint64_t parent, char what, bool ended, struct order_posts posts)
{
    struct order_note n = {id, parent, ended, what != 0, (uint64_t)what, posts};
    assert_int_equal(order_tell(order, &n), 0);
    for (uint64_t where; order_next(order, &where);)
        strncat(shown, &(char){(char)where}, 1);
}

/* A task that has printed `what` (0: nothing) has ended without posts. */
static void
end(uint64_t id, uint64_t parent, char what)
{
    note(id, parent, what, true, (struct order_posts){0, 0});
}

static void
assert_rest(const char *all)
{
    for (uint64_t where; order_rest(order, &where);)
        strncat(shown, &(char){(char)where}, 1);
    assert_string_equal(shown, all);
    order_close(order);
}

static void
test_order_is_that_of_posting(void **state)
{
    (void)state;
    begin(4);
    end(p(0, 3), 0, 'c');
    end(p(0, 2), 0, 0);
    assert_string_equal(shown, "");
    end(p(0, 1), 0, 'a');
    assert_string_equal(shown, "ac");
    end(p(0, 4), 0, 'd');
    assert_rest("acd");
}

static void
test_order_children_come_before_the_next_one(void **state)
{
    (void)state;
    begin(2);
    end(p(0, 2), 0, 'z');
    note(p(0, 1), 0, 'a', true, (struct order_posts){p(3, 7), 2});
    end(p(3, 8), p(0, 1), 'c');
    assert_string_equal(shown, "a");
    note(p(3, 7), p(0, 1), 'b', true, (struct order_posts){p(1, 1), 1});
    assert_string_equal(shown, "ab");
    end(p(1, 1), p(3, 7), '1');
    assert_rest("ab1cz");
}

static void
test_order_a_run_that_is_not_the_last_is_shown_at_its_turn(void **state)
{
    (void)state;
    begin(2);
    note(p(0, 2), 0, 'x', false, (struct order_posts){0, 0});
    note(p(0, 1), 0, 'a', false, (struct order_posts){0, 0});
    assert_string_equal(shown, "a");
    end(p(0, 1), 0, 'b');
    assert_string_equal(shown, "abx");
    end(p(0, 2), 0, 'y');
    assert_rest("abxy");
}

static void
test_order_parts_and_runs_add_up(void **state)
{
    (void)state;
    begin(1);
    note(p(0, 1), 0, 0, false, (struct order_posts){p(1, 1), 1});
    note(p(0, 1), 0, 0, false, (struct order_posts){p(1, 1), 2}); /* the same run, later */
    note(p(0, 1), 0, 'a', true, (struct order_posts){p(2, 9), 1});
    end(p(2, 9), p(0, 1), '3');
    end(p(1, 2), p(0, 1), '2');
    end(p(1, 1), p(0, 1), '1');
    assert_rest("a123");
}

/* Its worker died between the note and the commit, before its turn had come. */
static void
test_order_a_second_end_replaces_the_first(void **state)
{
    (void)state;
    begin(2);
    note(p(0, 2), 0, 'x', true, (struct order_posts){p(1, 1), 1});
    note(p(0, 2), 0, 'y', true, (struct order_posts){p(2, 1), 1});
    end(p(0, 1), 0, 'a');
    assert_string_equal(shown, "ay");
    end(p(2, 1), p(0, 2), 'c');
    assert_rest("ayc");
}

/* The same after its turn: it is not shown again, and the walk does not wait for
 * children that there never were, though another family has one of their ids. */
static void
test_order_children_that_were_undone_are_not_waited_for(void **state)
{
    (void)state;
    begin(2);
    note(p(0, 1), 0, 'a', true, (struct order_posts){p(1, 1), 1});
    end(p(1, 1), p(0, 2), 'z'); /* the id again, in a child of the second task */
    assert_string_equal(shown, "a");
    note(p(0, 1), 0, 'A', true, (struct order_posts){p(2, 1), 1});
    end(p(2, 1), p(0, 1), 'b');
    assert_string_equal(shown, "ab");
    note(p(0, 2), 0, 'c', true, (struct order_posts){p(1, 1), 1});
    assert_rest("abcz");
}

/* The same, and then it was quarantined: nothing more is known of it. */
static void
test_order_a_quarantined_task_has_its_turn(void **state)
{
    (void)state;
    begin(2);
    note(p(0, 1), 0, 'a', true, (struct order_posts){p(1, 1), 1});
    end(p(0, 2), 0, 'b');
    assert_string_equal(shown, "a");
    end(p(0, 1), 0, 0);
    assert_rest("ab");
}

static void
test_order_those_without_a_place_come_at_the_end(void **state)
{
    (void)state;
    begin(3);
    end(p(5, 1), p(0, 1), '1'); /* of a run that died */
    note(p(5, 2), p(0, 1), '2', true, (struct order_posts){p(4, 1), 1});
    end(p(4, 1), p(5, 2), '3');
    end(p(0, 1), 0, 'a');
    end(p(0, 3), 0, 'c');
    assert_string_equal(shown, "a");
    assert_rest("ac123"); /* the second one did not end */
}

static void
test_order_nothing_is_an_order_too(void **state)
{
    (void)state;
    begin(0);
    assert_rest("");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_that_of_posting),
        cmocka_unit_test(test_order_children_come_before_the_next_one),
        cmocka_unit_test(test_order_a_run_that_is_not_the_last_is_shown_at_its_turn),
        cmocka_unit_test(test_order_parts_and_runs_add_up),
        cmocka_unit_test(test_order_a_second_end_replaces_the_first),
        cmocka_unit_test(test_order_children_that_were_undone_are_not_waited_for),
        cmocka_unit_test(test_order_a_quarantined_task_has_its_turn),
        cmocka_unit_test(test_order_those_without_a_place_come_at_the_end),
        cmocka_unit_test(test_order_nothing_is_an_order_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
