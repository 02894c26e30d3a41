/* names: the table of what has a name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture_dict.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/recover.h"

static int
name(uint32_t who, enum name_kind kind, const char *text, uint32_t *index)
{
    return names_get(&stage.self[who], kind, text, strlen(text), index);
}

static void
test_names_the_same_name_is_the_same_entry(void **state)
{
    (void)state;
    uint32_t a, b, c;
    assert_int_equal(name(1, NAMED_LOCK, "x", &a), 0);
    assert_int_equal(name(2, NAMED_LOCK, "x", &b), 0);
    assert_int_equal(name(2, NAMED_LOCK, "y", &c), 0);
    assert_int_equal(a, b);
    assert_int_not_equal(a, c);
    assert_int_equal(name_at(&stage.arena, a)->lock, 0);
}

static void
test_names_each_kind_has_its_own(void **state)
{
    (void)state;
    uint32_t i[6];
    for (int k = 0; k < 6; k++)
        assert_int_equal(name(1, (enum name_kind)(NAMED_LOCK + k), "x", &i[k]), 0);
    for (int k = 0; k < 6; k++) {
        assert_int_equal(name_at(&stage.arena, i[k])->kind, NAMED_LOCK + k);
        for (int l = 0; l < k; l++)
            assert_int_not_equal(i[k], i[l]);
    }
}

static void
test_names_of_any_bytes_up_to_a_length(void **state)
{
    (void)state;
    char text[NAME_BYTES + 1];
    uint32_t a, b;
    memset(text, 0, sizeof text);
    assert_int_equal(names_get(&stage.self[1], NAMED_LOCK, text, NAME_BYTES, &a), 0);
    assert_int_equal(names_get(&stage.self[1], NAMED_LOCK, text, NAME_BYTES - 1, &b), 0);
    assert_int_not_equal(a, b);
    assert_int_equal(names_get(&stage.self[1], NAMED_LOCK, text, 0, &b), 0);
    assert_int_not_equal(a, b);
    assert_int_equal(names_get(&stage.self[1], NAMED_LOCK, text, NAME_BYTES + 1, &b),
                     -ENAMETOOLONG);
}

static void
test_names_accumulators_are_numbered(void **state)
{
    (void)state;
    char text[16];
    uint32_t index;
    for (int i = 0; i < SLOT_ACCUMULATORS; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(name(1, (enum name_kind)(NAMED_SUM + i % 4), text, &index), 0);
        assert_int_equal(name_at(&stage.arena, index)->number, i);
    }
    assert_int_equal(name(1, NAMED_SUM, "one more", &index), -ENFILE);
    assert_int_equal(name(1, NAMED_SUM, "0", &index), 0);
    assert_int_equal(name(1, NAMED_LOCK, "one more", &index), 0);
}

static void
count_word(void *arg, uint32_t *word)
{
    assert_int_equal(*word, 0);
    ++*(int *)arg;
}

static void
test_names_a_full_table_is_an_error(void **state)
{
    (void)state;
    char text[16];
    uint32_t index;
    int n = 1 + STAGE_LOCKS, locks = 0, err; /* the stage's */
    for (;; n++) {
        snprintf(text, sizeof text, "%d", n);
        err = name(1, NAMED_LOCK, text, &index);
        if (err)
            break;
    }
    assert_int_equal(err, -ENFILE);
    assert_int_equal(n, ARENA_NAMES);
    assert_int_equal(name(2, NAMED_LOCK, "16383", &index), 0);
    names_each_lock(&stage.arena, count_word, &locks);
    assert_int_equal(locks, ARENA_NAMES - 1);
}

static void
test_names_no_memory_for_a_dict(void **state)
{
    (void)state;
    char text[16];
    uint32_t index;
    int err = 0;
    for (int n = 0; !err && n < ARENA_NAMES; n++) {
        static char value[300000];
        struct dict_result r;
        struct dict_value v = {.present = true, .bytes = value, .len = sizeof value};
        err = op_run(&stage, 1, DICT_SET, key_number(n), v, &r);
    }
    for (int n = 0, full = 0; !full; n++) {
        snprintf(text, sizeof text, "%d", n);
        full = name(1, NAMED_DICT, text, &index);
        assert_true(!full || full == -ENOSPC);
    }
    assert_int_equal(name(1, NAMED_LOCK, "still", &index), 0);
}

static void
test_names_creator_died(void **state)
{
    (void)state;
    uint32_t index;
    assert_int_equal(lock_take(&stage.self[1], &stage.arena.header->names_lock, -1), 0);
    stage_again(&stage, 1);
    recover_locks(&stage.self[1]);
    assert_int_equal(name(2, NAMED_DICT, "x", &index), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_names_the_same_name_is_the_same_entry),
        STAGE_TEST(test_names_each_kind_has_its_own),
        STAGE_TEST(test_names_of_any_bytes_up_to_a_length),
        STAGE_TEST(test_names_accumulators_are_numbered),
        STAGE_TEST(test_names_a_full_table_is_an_error),
        STAGE_TEST(test_names_no_memory_for_a_dict),
        STAGE_TEST(test_names_creator_died),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
