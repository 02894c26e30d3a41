/* journal: entries, their end, and how they reach the next run of the task. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture_dict.h"
#include "task/record.h"

static int
setup(void **state)
{
    (void)stage_setup(state);
    stage_post(&stage);
    assert_true(stage_claim(&stage, 1));
    return 0;
}

struct entry {
    uint64_t hash;
    const char *bytes;
    size_t len;
};

static int64_t
write_entry(void *arg, const struct dict_result *results, size_t n)
{
    struct entry *e = arg;
    (void)results;
    (void)n;
    return journal_write(&stage.self[1], JOURNAL_OP, e->hash, e->bytes, e->len);
}

/* One entry, committed as a dict operation commits it. */
static int
add_entry(uint64_t hash, const char *bytes, size_t len)
{
    struct entry e = {hash, bytes, len};
    size_t bad;
    int err = dict_tx_run(&stage.self[1], NULL, 0, NULL, &bad, write_entry, &e);
    if (!err)
        journal_written(&stage.self[1]);
    return err;
}

static void
second_run(void)
{
    stage_died(&stage, 1);
    assert_true(stage_claim(&stage, 1));
}

static void
expect_entry(uint64_t hash, const char *bytes, size_t len)
{
    const struct journal_entry *e = journal_peek(&stage.self[1]);
    assert_non_null(e);
    assert_int_equal(e->kind, JOURNAL_OP);
    assert_int_equal(e->hash, hash);
    assert_int_equal(e->bytes, len);
    assert_memory_equal(e->payload, bytes, len);
    journal_pass(&stage.self[1], e);
}

static void
test_journal_is_empty_at_first(void **state)
{
    (void)state;
    assert_null(journal_peek(&stage.self[1]));
    second_run();
    assert_null(journal_peek(&stage.self[1]));
}

static void
test_journal_is_read_by_the_next_run_only(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    assert_null(journal_peek(&stage.self[1]));
    assert_int_equal(add_entry(2, "", 0), 0);
    assert_int_equal(add_entry(3, "12345678", 8), 0);
    for (int run = 0; run < 3; run++) {
        second_run();
        expect_entry(1, "one", 3);
        expect_entry(2, "", 0);
        expect_entry(3, "12345678", 8);
        assert_null(journal_peek(&stage.self[1]));
    }
    assert_int_equal(add_entry(4, "four", 4), 0);
    second_run();
    expect_entry(1, "one", 3);
    second_run();
    expect_entry(1, "one", 3);
    expect_entry(2, "", 0);
    expect_entry(3, "12345678", 8);
    expect_entry(4, "four", 4);
}

static void
test_journal_drop_forgets_the_rest(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    assert_int_equal(add_entry(2, "two", 3), 0);
    assert_int_equal(add_entry(3, "three", 5), 0);
    second_run();
    expect_entry(1, "one", 3);
    journal_drop(&stage.self[1]);
    assert_true(journal_take_warning(&stage.self[1]));
    journal_drop(&stage.self[1]);
    assert_false(journal_take_warning(&stage.self[1])); /* told once */
    assert_null(journal_peek(&stage.self[1]));
    assert_int_equal(add_entry(4, "another", 7), 0);
    second_run();
    expect_entry(1, "one", 3);
    expect_entry(4, "another", 7);
    assert_null(journal_peek(&stage.self[1]));
}

static void
test_journal_dropped_at_its_first_entry(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    second_run();
    journal_drop(&stage.self[1]);
    assert_true(journal_take_warning(&stage.self[1]));
    second_run();
    assert_null(journal_peek(&stage.self[1]));
}

/* Written, but its transaction did not commit. */
static void
test_journal_an_entry_without_a_commit_is_none(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    assert_true(journal_write(&stage.self[1], JOURNAL_OP, 2, "two", 3) > 0);
    second_run();
    expect_entry(1, "one", 3);
    assert_null(journal_peek(&stage.self[1]));
}

/* Committed, but its process died before it was applied. */
static void
test_journal_an_entry_with_its_commit_is_one(void **state)
{
    (void)state;
    struct tx *tx = &stage.self[1].slot->tx;
    assert_int_equal(add_entry(1, "one", 3), 0);
    int64_t len = journal_write(&stage.self[1], JOURNAL_OP, 2, "two", 3);
    assert_true(len > 0);
    tx->n = 0;
    tx->journal_len = (uint64_t)len;
    atom_store(&tx->state, TX_COMMIT);
    second_run();
    expect_entry(1, "one", 3);
    expect_entry(2, "two", 3);
    assert_null(journal_peek(&stage.self[1]));
}

static void
test_journal_grows(void **state)
{
    (void)state;
    static char bytes[70000];
    for (int i = 0; i < 300; i++) {
        memset(bytes, i, sizeof bytes);
        assert_int_equal(add_entry((uint64_t)i, bytes, (size_t)i * 200), 0);
        if (i == 150 || i == 299) {
            second_run();
            for (int k = 0; k <= i; k++) {
                memset(bytes, k, sizeof bytes);
                expect_entry((uint64_t)k, bytes, (size_t)k * 200);
            }
            assert_null(journal_peek(&stage.self[1]));
        }
    }
    stage_done(&stage, 1);
    uint64_t spare = stage.self[1].slot->record != 0;
    assert_int_equal(stage_blocks(&stage, SERVES_SLOT), spare);
}

static void
test_journal_of_the_next_task_is_empty(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    stage_done(&stage, 1);
    stage_post(&stage);
    assert_true(stage_claim(&stage, 1));
    assert_null(journal_peek(&stage.self[1]));
    assert_int_equal(add_entry(2, "two", 3), 0);
    second_run();
    expect_entry(2, "two", 3);
    assert_null(journal_peek(&stage.self[1]));
}

/* Another worker takes the second run. */
static void
test_journal_travels_with_the_task(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    stage_died(&stage, 1);
    assert_true(stage_claim(&stage, 3));
    const struct journal_entry *e = journal_peek(&stage.self[3]);
    assert_non_null(e);
    assert_int_equal(e->hash, 1);
    assert_memory_equal(e->payload, "one", 3);
}

static void
test_journal_without_memory(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    int err = 0;
    for (int i = 0; !err; i++)
        err = add_entry((uint64_t)i, bytes, sizeof bytes);
    assert_int_equal(err, -ENOSPC);
    second_run();
    expect_entry(0, bytes, sizeof bytes);
    expect_entry(1, bytes, sizeof bytes);
}

static void
test_journal_is_not_kept_unless_asked_for(void **state)
{
    (void)state;
    assert_int_equal(add_entry(1, "one", 3), 0);
    second_run();
    stage.self[1].journaling = false;
    assert_null(journal_peek(&stage.self[1]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
        T(test_journal_is_empty_at_first),
        T(test_journal_is_read_by_the_next_run_only),
        T(test_journal_drop_forgets_the_rest),
        T(test_journal_dropped_at_its_first_entry),
        T(test_journal_an_entry_without_a_commit_is_none),
        T(test_journal_an_entry_with_its_commit_is_one),
        T(test_journal_grows),
        T(test_journal_of_the_next_task_is_empty),
        T(test_journal_travels_with_the_task),
        T(test_journal_without_memory),
        T(test_journal_is_not_kept_unless_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
