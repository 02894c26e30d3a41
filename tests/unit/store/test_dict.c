/* dict: every operation on one dict, from one process at a time. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fixture_dict.h"
#include "base/hash.h"
#include "store/names.h"

static int
setup(void **state)
{
    (void)state;
    return stage_setup_bytes((size_t)4 << 30);
}

static void
test_dict_a_key_never_set_is_absent(void **state)
{
    (void)state;
    assert_false(op_get(&stage, key_text("x")).present);
    assert_int_equal(dict_len(stage.d), 0);
}

static void
test_dict_set_and_get_all_forms_of_keys(void **state)
{
    (void)state;
    double numbers[] = {0, 1, -1, 127, 128, 65536, 4294967296.0, 0.5, -1e300, INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        op_set(&stage, key_number(numbers[i]), value_number(numbers[i]));
    op_set(&stage, key_boolean(true), value_text("true"));
    op_set(&stage, key_boolean(false), value_text("false"));
    op_set(&stage, key_text(""), value_text("empty"));
    op_set(&stage, key_text("1"), value_text("text 1"));
    op_set(&stage, key_text("true"), value_text("text true"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct dict_value v = op_get(&stage, key_number(numbers[i]));
        assert_true(v.present && v.is_number && v.number == numbers[i]);
    }
    struct dict_value v = op_get(&stage, key_boolean(true));
    assert_true(value_is_text(&v, "true"));
    v = op_get(&stage, key_boolean(false));
    assert_true(value_is_text(&v, "false"));
    v = op_get(&stage, key_text(""));
    assert_true(value_is_text(&v, "empty"));
    v = op_get(&stage, key_text("1"));
    assert_true(value_is_text(&v, "text 1"));
    assert_int_equal(dict_len(stage.d), 15);
}

static void
test_dict_the_longest_key(void **state)
{
    (void)state;
    static char bytes[DICT_KEY_MAX + 5];
    for (int i = 0; i < 20; i++) {
        bytes[sizeof bytes - 1] = (char)i; /* they differ at their end only */
        struct dict_key k = {bytes, sizeof bytes, hash_bytes(bytes, sizeof bytes)};
        op_set(&stage, &k, value_number(i));
    }
    for (int i = 0; i < 20; i++) {
        bytes[sizeof bytes - 1] = (char)i;
        struct dict_key k = {bytes, sizeof bytes, hash_bytes(bytes, sizeof bytes)};
        assert_true(op_get(&stage, &k).number == i);
    }
}

/* Two keys that the index cannot tell apart: same shard, same mark, same place. */
static uint64_t
what_index_sees(int i)
{
    uint64_t h = key_number(i)->hash;
    return h >> 58 << 20 | ((h >> 32 & 0xffff) | 2) << 4 | (h & 15);
}

static void
test_dict_keys_of_one_hash(void **state)
{
    (void)state;
    static int32_t seen[1 << 26]; /* key + 1 */
    int a = 0, b = 0;
    for (int i = 0; !b && i < 1 << 22; i++) {
        int32_t *at = &seen[what_index_sees(i)];
        if (*at)
            a = *at - 1, b = i;
        *at = i + 1;
    }
    assert_true(b);
    op_set(&stage, key_number(a), value_text("a"));
    assert_false(op_get(&stage, key_number(b)).present);
    op_set(&stage, key_number(b), value_text("b"));
    struct dict_value v = op_get(&stage, key_number(a));
    assert_true(value_is_text(&v, "a"));
    v = op_get(&stage, key_number(b));
    assert_true(value_is_text(&v, "b"));
    assert_true(op_delete(&stage, key_number(a)));
    v = op_get(&stage, key_number(b));
    assert_true(value_is_text(&v, "b"));
    assert_false(op_get(&stage, key_number(a)).present);
}

static void
test_dict_values_of_all_sizes(void **state)
{
    (void)state;
    enum { MOST = 3 << 20 };
    char *bytes = malloc(MOST);
    assert_non_null(bytes);
    for (size_t len = 0; len <= MOST; len = len * 3 / 2 + 1) {
        memset(bytes, (int)(len % 251), len);
        struct dict_value v = {.present = true, .bytes = bytes, .len = len};
        op_set(&stage, key_number((double)len), v);
        op_set(&stage, key_text("last"), v);
    }
    for (size_t len = 0; len <= MOST; len = len * 3 / 2 + 1) {
        memset(bytes, (int)(len % 251), len);
        struct dict_value v = op_get(&stage, key_number((double)len));
        assert_true(v.present && !v.is_number && v.len == len);
        assert_memory_equal(v.bytes, bytes, len);
    }
    free(bytes);
}

static void
test_dict_a_number_becomes_text_and_back(void **state)
{
    (void)state;
    const struct dict_key *k = key_text("k");
    op_set(&stage, k, value_number(1));
    op_set(&stage, k, value_number(2)); /* in place */
    op_set(&stage, k, value_text("three"));
    struct dict_value v = op_get(&stage, k);
    assert_true(value_is_text(&v, "three"));
    op_set(&stage, k, value_number(4));
    v = op_get(&stage, k);
    assert_true(v.is_number && v.number == 4);
    assert_int_equal(dict_len(stage.d), 1);
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 2); /* the dict and one record */
}

static void
test_dict_add_only_if_absent(void **state)
{
    (void)state;
    struct dict_result r;
    assert_int_equal(op_run(&stage, 1, DICT_ADD, key_text("k"), value_number(1), &r), 0);
    assert_true(r.changed);
    assert_int_equal(op_run(&stage, 1, DICT_ADD, key_text("k"), value_number(2), &r), 0);
    assert_false(r.changed);
    assert_true(op_get(&stage, key_text("k")).number == 1);
    assert_true(op_delete(&stage, key_text("k")));
    assert_int_equal(op_run(&stage, 1, DICT_ADD, key_text("k"), value_text("2"), &r), 0);
    assert_true(r.changed);
}

static void
test_dict_incr_counts_from_nothing(void **state)
{
    (void)state;
    assert_true(op_incr(&stage, key_text("k"), 5) == 5);
    assert_true(op_incr(&stage, key_text("k"), -7.5) == -2.5);
    assert_true(op_get(&stage, key_text("k")).number == -2.5);
    assert_int_equal(dict_len(stage.d), 1);
}

static void
test_dict_incr_of_text_is_refused(void **state)
{
    (void)state;
    struct dict_result r;
    op_set(&stage, key_text("k"), value_text("5"));
    assert_int_equal(op_run(&stage, 1, DICT_INCR, key_text("k"), value_number(1), &r), -EINVAL);
    struct dict_value v = op_get(&stage, key_text("k"));
    assert_true(value_is_text(&v, "5"));
}

static void
test_dict_append_grows_a_string(void **state)
{
    (void)state;
    struct dict_result r;
    char want[1000] = "";
    for (int i = 0; i < 90; i++) { /* past the ends of two forms of heads */
        assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("k"), value_text("abcde"), &r), 0);
        memcpy(want + (size_t)i * 5, "abcde", 6);
        struct dict_value v = op_get(&stage, key_text("k"));
        assert_true(value_is_text(&v, want));
    }
    assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("k"), value_text(""), &r), 0);
    struct dict_value v = op_get(&stage, key_text("k"));
    assert_true(value_is_text(&v, want));
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 2);
}

static void
test_dict_append_to_no_string_is_refused(void **state)
{
    (void)state;
    struct dict_result r;
    op_set(&stage, key_text("n"), value_number(1));
    op_set(&stage, key_text("nil"), (struct dict_value){.present = true, .bytes = "\xc2", .len = 1});
    assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("n"), value_text("x"), &r), -EINVAL);
    assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("nil"), value_text("x"), &r), -EINVAL);
    assert_true(op_get(&stage, key_text("n")).number == 1);
}

static void
test_dict_cas_compares_encoded_values(void **state)
{
    (void)state;
    struct dict_result r;
    struct stage_key k;
    key_into(&k, key_text("k"));
    assert_int_equal(op_cas(&stage, 1, &k.k, value_number(0), value_number(1), &r), 0);
    assert_false(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_none(), value_number(1), &r), 0);
    assert_true(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_none(), value_number(2), &r), 0);
    assert_false(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_number(1), value_text("one"), &r), 0);
    assert_true(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_text("One"), value_number(2), &r), 0);
    assert_false(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_number(1), value_number(2), &r), 0);
    assert_false(r.changed);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_text("one"), value_none(), &r), 0);
    assert_true(r.changed);
    assert_false(op_get(&stage, &k.k).present);
    assert_int_equal(op_cas(&stage, 1, &k.k, value_none(), value_none(), &r), 0);
    assert_true(r.changed);
    assert_int_equal(dict_len(stage.d), 0);
    double nan = strtod("nan", NULL);
    op_set(&stage, &k.k, value_number(nan));
    assert_int_equal(op_cas(&stage, 1, &k.k, value_number(nan), value_number(3), &r), 0);
    assert_true(r.changed); /* the same bytes */
}

static void
test_dict_update_is_a_loop_of_cas(void **state)
{
    (void)state;
    struct stage_key k;
    struct dict_result r;
    key_into(&k, key_text("k"));
    int tries = 0;
    for (int i = 0; i < 10; i++) {
        do {
            struct dict_value now = op_get(&stage, &k.k);
            double old = now.present ? now.number : 0;
            if (tries++ % 2 == 0)
                op_incr(&stage, &k.k, 100); /* somebody is faster */
            assert_int_equal(op_cas(&stage, 1, &k.k, now, value_number(old + 1), &r), 0);
        } while (!r.changed);
    }
    assert_int_equal(tries, 20);
    assert_true(op_get(&stage, &k.k).number == 10 * 101);
}

static void
test_dict_delete(void **state)
{
    (void)state;
    assert_false(op_delete(&stage, key_text("k")));
    op_set(&stage, key_text("k"), value_text("v"));
    assert_true(op_delete(&stage, key_text("k")));
    assert_false(op_delete(&stage, key_text("k")));
    assert_false(op_get(&stage, key_text("k")).present);
    assert_int_equal(dict_len(stage.d), 0);
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 1);
}

/* Keys that come and go leave marks in the index; it is renewed, at the size that
 * the live keys need, and no old one is lost. */
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
    assert_true(r->is_number);
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
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, stage_teardown)
        T(test_dict_a_key_never_set_is_absent),
        T(test_dict_set_and_get_all_forms_of_keys),
        T(test_dict_the_longest_key),
        T(test_dict_keys_of_one_hash),
        T(test_dict_values_of_all_sizes),
        T(test_dict_a_number_becomes_text_and_back),
        T(test_dict_add_only_if_absent),
        T(test_dict_incr_counts_from_nothing),
        T(test_dict_incr_of_text_is_refused),
        T(test_dict_append_grows_a_string),
        T(test_dict_append_to_no_string_is_refused),
        T(test_dict_cas_compares_encoded_values),
        T(test_dict_update_is_a_loop_of_cas),
        T(test_dict_delete),
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
