/* dict: many keys, in a dict or two; a heap that is full. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "fixture_dict.h"
#include "store/names.h"

static int
setup(void **state)
{
    (void)state;
    return stage_setup_bytes((size_t)4 << 30);
}

static void
test_dict_marks_of_deleted_keys_do_not_fill_it(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        op_set(&stage, key_number(i), value_number(i));
        if (i >= 10)
            assert_true(op_delete(&stage, key_number(i - 10)));
    }
    assert_int_equal(dict_len(stage.d), 10);
    assert_true(stage_blocks(&stage, SERVES_LIST) <= DICT_SHARDS);
    for (int i = 0; i < DICT_SHARDS; i++)
        assert_true((stage.d->shards[i].index & 0xff) <= 6);
}

static double
seconds(void)
{
    return (double)clock_ns() / 1e9;
}

static void
say(const char *what, double since, double n)
{
    if (getenv("TIMES"))
        print_message("# %s: %.1f ns\n", what, (seconds() - since) * 1e9 / n);
}

static void
test_dict_two_million_keys(void **state)
{
    (void)state;
    enum { MANY = 2000000 };
    double t = seconds();
    for (int i = 0; i < MANY; i++)
        op_set(&stage, key_number(i), value_number(i));
    say("set of a new key, 2 million keys", t, MANY);
    assert_int_equal(dict_len(stage.d), MANY);
    t = seconds();
    for (int i = 0; i < MANY; i++)
        assert_true(op_get(&stage, key_number(i)).number == i);
    say("get, 2 million keys", t, MANY);
    assert_false(op_get(&stage, key_number(MANY)).present);
    assert_false(op_get(&stage, key_number(-1)).present);
    for (int i = 0; i < MANY; i += 2)
        assert_true(op_delete(&stage, key_number(i)));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(op_get(&stage, key_number(i)).present, i % 2);
    assert_int_equal(dict_len(stage.d), MANY / 2);
    for (int i = 0; i < MANY; i += 2)
        op_set(&stage, key_number(i), value_number(-i));
    for (int i = 0; i < MANY; i += 2)
        assert_true(op_get(&stage, key_number(i)).number == -i);
    assert_int_equal(dict_len(stage.d), MANY);
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), MANY + 1);
    assert_int_equal(stage_blocks(&stage, SERVES_LIST), DICT_SHARDS);
}

/* The hash spreads keys of one kind over shards and indexes: no long searches. */
static void
probes_are_short(const struct dict_key *(*nth)(int), int n)
{
    for (int i = 0; i < n; i++)
        op_set(&stage, nth(i), value_number(i));
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) {
        const struct dict_key *k = nth(i);
        struct shard *h = dict_shard(stage.d, k->hash);
        uint64_t *words = arena_at(&stage.arena, h->index >> 24);
        uint64_t mask = ((uint64_t)1 << (h->index & 0xff)) - 1;
        struct dict_place p = dict_find(&stage.arena, h, k);
        assert_non_null(p.word);
        sum += ((uint64_t)(p.word - words) - (k->hash & mask)) & mask;
    }
    assert_true((double)sum / n < 3);
}

static const struct dict_key *
nth_number(int i)
{
    return key_number(i);
}

static const struct dict_key *
nth_large(int i)
{
    return key_number((double)i * 4294967296.0 + 0.5);
}

static const struct dict_key *
nth_text(int i)
{
    char text[40];
    snprintf(text, sizeof text, "%d", i);
    return key_text(text);
}

static const struct dict_key *
nth_long_text(int i)
{
    char text[60];
    snprintf(text, sizeof text, "http://www.example.com/%08d/index.html", i);
    return key_text(text);
}

static void
test_dict_keys_are_spread(void **state)
{
    (void)state;
    probes_are_short(nth_number, 100000);
    probes_are_short(nth_large, 100000);
    probes_are_short(nth_text, 100000);
    probes_are_short(nth_long_text, 100000);
    for (int i = 0; i < DICT_SHARDS; i++) {
        assert_true(stage.d->shards[i].live > 400000 / DICT_SHARDS * 8 / 10);
        assert_true(stage.d->shards[i].live < 400000 / DICT_SHARDS * 12 / 10);
    }
}

struct seen {
    uint64_t n, sum;
};

static void
see(void *arg, const struct dict_entry *r)
{
    struct seen *seen = arg;
    seen->n++;
    seen->sum += (uint64_t)r->number;
    assert_true(r->kind == ENTRY_NUMBER);
}

static void
test_dict_snapshot_sees_each_key_once(void **state)
{
    (void)state;
    struct seen seen = {0};
    uint64_t want = 0;
    for (int i = 0; i < 5000; i++) {
        op_set(&stage, key_number(i), value_number(i));
        want += (uint64_t)i;
    }
    for (int i = 0; i < 5000; i += 5) {
        op_delete(&stage, key_number(i));
        want -= (uint64_t)i;
    }
    for (uint32_t i = 0; i < DICT_SHARDS; i++)
        assert_int_equal(dict_tx_snapshot(&stage.self[2], stage.d, i, see, &seen), 0);
    assert_int_equal(seen.n, 4000);
    assert_int_equal(seen.sum, want);
}

static void
test_dict_two_dicts_are_two(void **state)
{
    (void)state;
    uint32_t index;
    assert_int_equal(names_get(&stage.self[3], NAMED_DICT, "e", 1, &index), 0);
    struct dict *d = stage.d, *e = arena_at(&stage.arena, name_at(&stage.arena, index)->object);
    op_set(&stage, key_text("k"), value_number(1));
    stage.d = e;
    assert_false(op_get(&stage, key_text("k")).present);
    op_set(&stage, key_text("k"), value_number(2));
    stage.d = d;
    assert_true(op_get(&stage, key_text("k")).number == 1);
}

/* Not a test of time: prints what an operation costs, if TIMES is set. */
static void
test_dict_times(void **state)
{
    (void)state;
    if (!getenv("TIMES"))
        skip();
    enum { N = 5000000 };
    const struct dict_key *k = key_text("counter");
    struct dict_value v;
    struct dict_result r;
    op_set(&stage, k, value_number(0));
    double t = seconds();
    for (int i = 0; i < N; i++)
        dict_get(&stage.self[1], stage.d, k, &v);
    say("dict_get of a number", t, N);
    t = seconds();
    for (int i = 0; i < N; i++)
        op_run(&stage, 1, DICT_INCR, k, value_number(1), &r);
    say("incr", t, N);
    t = seconds();
    for (int i = 0; i < N; i++)
        op_run(&stage, 1, DICT_SET, k, value_number(i), &r);
    say("set of a number", t, N);
    struct dict_value text = value_text("some twenty bytes ..");
    op_set(&stage, k, text);
    t = seconds();
    for (int i = 0; i < N; i++)
        op_run(&stage, 1, DICT_SET, k, text, &r);
    say("set of 20 bytes", t, N);
    t = seconds();
    for (int i = 0; i < N; i++)
        dict_get(&stage.self[1], stage.d, k, &v);
    say("dict_get of 20 bytes", t, N);
}

/* ---- no memory ---- */

static struct stage small;

/* Fills the heap with values of `len` bytes until one is refused. */
static int
fill(size_t len)
{
    static char bytes[1 << 20];
    struct dict_value v = {.present = true, .bytes = bytes, .len = len};
    struct dict_result r;
    for (int n = 0;; n++) {
        int err = op_run(&small, 1, DICT_SET, key_number(n), v, &r);
        if (err) {
            assert_int_equal(err, -ENOSPC);
            return n;
        }
    }
}

static void
test_dict_a_full_heap_is_an_error(void **state)
{
    (void)state;
    stage_open(&small, ARENA_BYTES_MIN);
    int n = fill(1 << 20);
    assert_true(n > 10);
    n += fill(100) > n ? 0 : 1; /* what space is left takes smaller ones */
    struct dict_result r;
    struct dict_value v = op_get(&small, key_number(3));
    assert_true(v.present);
    uint64_t len = dict_len(small.d);
    stage_check(&small);

    /* What needs no memory still works; so does what a delete makes room for. */
    assert_int_equal(op_run(&small, 1, DICT_DELETE, key_number(3), value_none(), &r), 0);
    assert_true(r.changed);
    assert_false(op_get(&small, key_number(3)).present);
    assert_int_equal(op_run(&small, 1, DICT_SET, key_number(3), value_number(3), &r), 0);
    assert_int_equal(op_run(&small, 1, DICT_INCR, key_number(3), value_number(3), &r), 0);
    assert_true(op_get(&small, key_number(3)).number == 6);
    assert_int_equal(dict_len(small.d), len);
    stage_check(&small);
    stage_close(&small);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        T(test_dict_marks_of_deleted_keys_do_not_fill_it),
        T(test_dict_two_million_keys),
        T(test_dict_keys_are_spread),
        T(test_dict_snapshot_sees_each_key_once),
        T(test_dict_two_dicts_are_two),
        T(test_dict_times),
        T(test_dict_a_full_heap_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
