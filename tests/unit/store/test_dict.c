/* dict: every operation on one dict, from one process at a time. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/scalar.h"
#include "fixture_dict.h"

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

/* The block that holds the value of "k" now. */
static uint32_t
record_of_k(void)
{
    const struct dict_key *k = key_text("k");
    return dict_find(&stage.arena, dict_shard(stage.d, k->hash), k).record;
}

/* 20,000 appends of 50 bytes are 10 GB if each copies all; here each of 17 copies twice as much
 * as the one before. */
static void
test_dict_append_copies_seldom(void **state)
{
    (void)state;
    struct dict_result r;
    const char *piece = "0123456789012345678901234567890123456789abcdefghi";
    uint32_t copies = 0, before = 0;
    enum { TIMES = 20000 };
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("k"), value_text(piece), &r), 0);
        copies += record_of_k() != before;
        before = record_of_k();
    }
    assert_true(copies < 20);
    struct dict_value v = op_get(&stage, key_text("k"));
    const unsigned char *s = NULL;
    size_t len;
    assert_true(codec_get_string(v.bytes, v.len, &s, &len));
    assert_int_equal(len, TIMES * strlen(piece));
    for (int i = 0; i < TIMES; i++)
        assert_memory_equal(s + i * strlen(piece), piece, strlen(piece));
}

/* What was appended to is a string like any other, equal to the same one that was set. */
static void
test_dict_appended_strings_are_strings(void **state)
{
    (void)state;
    struct dict_result r;
    for (int i = 0; i < 3; i++)
        assert_int_equal(op_run(&stage, 1, DICT_APPEND, key_text("k"), value_text("ab"), &r), 0);
    assert_int_equal(op_run(&stage, 1, DICT_INCR, key_text("k"), value_number(1), &r), -EINVAL);
    assert_int_equal(op_run(&stage, 1, DICT_ADD, key_text("k"), value_number(1), &r), 0);
    assert_false(r.changed);
    struct dict_value others[] = {value_text("ababa"), value_text("abababa"), value_text("ababac"),
                                  value_text(""), value_number(6), value_none()};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(op_cas(&stage, 1, key_text("k"), others[i], value_number(1), &r), 0);
        assert_false(r.changed);
    }
    assert_int_equal(op_cas(&stage, 1, key_text("k"), value_text("ababab"), value_number(7), &r), 0);
    assert_true(r.changed);
    assert_true(op_get(&stage, key_text("k")).number == 7);
    assert_int_equal(stage_blocks(&stage, OWNER_TAG_DICT), 2);
}

static void
test_dict_append_to_no_string_is_refused(void **state)
{
    (void)state;
    struct dict_result r;
    op_set(&stage, key_text("n"), value_number(1));
    op_set(&stage, key_text("nil"),
           (struct dict_value){.present = true, .bytes = "\xc2", .len = 1});
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
int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_dict_a_key_never_set_is_absent),
        STAGE_TEST(test_dict_set_and_get_all_forms_of_keys),
        STAGE_TEST(test_dict_the_longest_key),
        STAGE_TEST(test_dict_keys_of_one_hash),
        STAGE_TEST(test_dict_values_of_all_sizes),
        STAGE_TEST(test_dict_a_number_becomes_text_and_back),
        STAGE_TEST(test_dict_add_only_if_absent),
        STAGE_TEST(test_dict_incr_counts_from_nothing),
        STAGE_TEST(test_dict_incr_of_text_is_refused),
        STAGE_TEST(test_dict_append_grows_a_string),
        STAGE_TEST(test_dict_append_copies_seldom),
        STAGE_TEST(test_dict_appended_strings_are_strings),
        STAGE_TEST(test_dict_append_to_no_string_is_refused),
        STAGE_TEST(test_dict_cas_compares_encoded_values),
        STAGE_TEST(test_dict_update_is_a_loop_of_cas),
        STAGE_TEST(test_dict_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
