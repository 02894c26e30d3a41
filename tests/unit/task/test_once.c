/* once: of the tasks with one key one is run, whoever dies. */
#include <errno.h>
#include <string.h>

#include "codec/scalar.h"
#include "fixture.h"
#include "task/commit.h"
#include "task/once.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"

enum { FN = 50 };

/* Arguments with the key `key`, and a number behind it. */
static size_t
keyed(unsigned char *to, const char *key, uint32_t number)
{
    size_t len = strlen(key), n = 1 + codec_put_string_head(to + 1, len);
    to[0] = CODEC_KEY;
    memcpy(to + n, key, len);
    memcpy(to + n + len, &number, sizeof number);
    return n + len + sizeof number;
}

/* Returns whether the key was known. */
static bool
post_keyed(struct self *self, const char *key, uint32_t number)
{
    unsigned char bytes[100];
    size_t n = keyed(bytes, key, number);
    bool known;
    assert_int_equal(post_is_known(self, FN, bytes, n, &known), 0);
    if (!known)
        assert_int_equal(post(self, FN, bytes, n), 0);
    return known;
}

static void
publish(struct fixture *f, const char *key, uint32_t number)
{
    struct self *begin = &f->selves[0];
    begin->slot->cur = 0;
    commit_begin(begin);
    (void)post_keyed(begin, key, number);
    (void)commit_end(begin, OUTCOME_DONE);
}

/* Claims a task and enters its key. */
static bool
claim_first(struct self *self)
{
    bool first;
    assert_true(queue_look(self));
    commit_begin(self);
    assert_int_equal(once_enter(self, task_at(self->arena, self->slot->cur), &first), 0);
    return first;
}

static void
test_once_the_first_that_is_claimed_has_the_key(void **state)
{
    struct fixture *f = *state;
    struct self *x = &f->selves[1], *y = &f->selves[2];
    publish(f, "k", 1);
    publish(f, "k", 2);
    publish(f, "other", 3);
    assert_true(claim_first(x));
    assert_false(claim_first(y));
    (void)commit_end(y, OUTCOME_DUPLICATE);
    assert_int_equal(y->slot->duplicates, 1);
    assert_int_equal(y->slot->finished, 1);
    assert_true(claim_first(y));
    (void)commit_end(x, OUTCOME_FAILED); /* it keeps its key */
    publish(f, "k", 4);
    assert_int_equal(f->selves[0].slot->posted, 3);
    (void)commit_end(y, OUTCOME_DONE);
    assert_int_equal(fixture_count(f, TASK_READY), 0);
}

static void
test_once_a_second_run_has_its_key_already(void **state)
{
    struct fixture *f = *state;
    struct self *x = &f->selves[1];
    publish(f, "k", 1);
    for (int run = 0; run < 3; run++) {
        assert_true(claim_first(x));
        (void)commit_end(x, OUTCOME_RETRY);
    }
}

static void
test_once_arguments_without_a_key_have_none(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    bool known = true, first = false;
    static const unsigned char cut[] = {CODEC_KEY, CODEC_I32, 1};
    assert_int_equal(once_is_known(self, "\1", 1, &known), 0);
    assert_false(known);
    known = true;
    assert_int_equal(once_is_known(self, cut, sizeof cut, &known), 0);
    assert_false(known);
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(self));
    commit_begin(self);
    assert_int_equal(once_enter(self, task_at(self->arena, self->slot->cur), &first), 0);
    assert_true(first);
}

static void
test_once_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    bool first;
    publish(f, "k", 1);
    assert_true(queue_look(self));
    commit_begin(self);
    fixture_full(f);
    const struct task *t = task_at(self->arena, self->slot->cur);
    assert_int_equal(once_enter(self, t, &first), -ENOSPC);
    fixture_room(f);
    assert_int_equal(once_enter(self, t, &first), 0);
    assert_true(first);
}

/* Posts whose keys are known count, so that the second run's are the same. */
static void
test_once_a_second_run_posts_the_same_whatever_is_known_by_then(void **state)
{
    struct fixture *f = *state;
    struct recovered r;
    struct self *x = &f->selves[1], *y = &f->selves[2];
    publish(f, "a", 1);
    assert_true(claim_first(x));
    (void)commit_end(x, OUTCOME_DONE);
    fixture_publish(f, 0, 1, 1);
    assert_true(queue_look(x));
    uint32_t producer = x->slot->cur;
    commit_begin(x);
    assert_false(post_keyed(x, "b", 2));
    assert_true(post_keyed(x, "a", 1));
    assert_false(post_keyed(x, "c", 3));
    assert_true(post_keyed(x, "a", 1));
    assert_int_equal(x->staged_count + x->unstaged, 4);
    assert_int_equal(commit_part(x), 0);
    assert_int_equal(x->published, 4);
    assert_int_equal(x->staged_count + x->unstaged, 0);
    assert_true(claim_first(y)); /* its child: the key b or c is known now */
    (void)commit_end(y, OUTCOME_DONE);
    assert_true(post_keyed(x, "a", 1)); /* not published: no part of what is repeated */
    x = fixture_reopen(f, 1);
    assert_int_equal(recover(x, &f->selves[0], 255, RECOVER_COUNTED, &r), 0);
    assert_true(task_claim(y, producer));
    commit_begin(y);
    assert_int_equal(y->skip, 4);
    assert_false(post_keyed(y, "b", 2));
    assert_false(post_keyed(y, "a", 1));
    assert_false(post_keyed(y, "c", 3));
    assert_false(post_keyed(y, "a", 1)); /* -EINVAL if the hashes differed */
    assert_int_equal(y->skip, 0);
    assert_true(post_keyed(y, "a", 1));
    assert_false(post_keyed(y, "d", 4));
    (void)commit_end(y, OUTCOME_DONE);
    assert_int_equal(fixture_count(f, TASK_READY), 2);
}

/* Posts that are left out may go on for long: what was posted before is not to wait for them. */
static void
test_once_known_keys_publish_what_has_become_old(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    publish(f, "a", 1);
    assert_true(claim_first(self));
    self->part_ns = PART_NONE;
    assert_false(post_keyed(self, "b", 2));
    assert_true(post_keyed(self, "a", 1));
    assert_int_equal(self->slot->posted, 0);
    self->staged_since_ns -= 21 * 1000 * 1000;
    assert_true(post_keyed(self, "a", 1));
    assert_int_equal(self->slot->posted, 1);
    assert_int_equal(self->published, 3);
}

/* ---- death ---- */

static void
enter(void *arg)
{
    struct self *self = arg;
    bool first;
    (void)once_enter(self, task_at(self->arena, self->slot->cur), &first);
}

static void
check_successor(struct fixture *f, void *arg)
{
    struct recovered r;
    uint32_t *known = arg;
    unsigned char bytes[100];
    bool is_known, first;
    struct self *x = &f->selves[1], *y = &f->selves[2];
    assert_int_equal(recover(x, &f->selves[0], 255, RECOVER_COUNTED, &r), 0);
    y->keys = 0;
    assert_int_equal(once_is_known(y, bytes, keyed(bytes, "k", 1), &is_known), 0);
    *known += is_known;
    assert_true(task_claim(y, r.task));
    commit_begin(y);
    assert_int_equal(once_enter(y, task_at(y->arena, r.task), &first), 0);
    assert_true(first);
}

static void
test_once_killed_at_each_instruction_leaves_the_key_to_the_next_run(void **state)
{
    struct fixture *f = *state;
    uint32_t known = 0;
    publish(f, "k", 1);
    assert_true(queue_look(&f->selves[1]));
    commit_begin(&f->selves[1]);
    uint32_t n = fixture_deaths(f, enter, &f->selves[1], check_successor, &known);
    if (!n)
        skip();
    assert_in_range(known, 2, n - 2);
}

/* ---- keys as bytes ---- */

static void
test_codec_get_key_takes_scalars_only(void **state)
{
    unsigned char bytes[400] = {CODEC_KEY};
    size_t len, n;
    (void)state;
    static const double numbers[] = {0, -5, 100, 200, -200, 70000, 0.5};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        n = codec_put_number(bytes + 1, numbers[i]);
        assert_int_equal(codec_get_key(bytes, 1 + n, &len), 1 + n);
        assert_int_equal(len, n);
        assert_int_equal(codec_get_key(bytes, n, &len), 0);
        assert_int_equal(codec_get_key(bytes, sizeof bytes, &len), 1 + n);
    }
    for (size_t text = 0; text < 300; text += 50) {
        n = codec_put_string_head(bytes + 1, text) + text;
        assert_int_equal(codec_get_key(bytes, 1 + n, &len), 1 + n);
        assert_int_equal(codec_get_key(bytes, n, &len), 0);
    }
    for (int tag = 0; tag < 256; tag++) {
        bool scalar = tag < CODEC_NIL || (tag >= CODEC_FALSE && tag <= CODEC_DOUBLE) ||
                      (tag >= CODEC_STR8 && tag <= CODEC_STR32) || tag >= CODEC_NEG_FIRST;
        memset(bytes + 1, 0, sizeof bytes - 1);
        bytes[1] = (unsigned char)tag;
        assert_int_equal(codec_get_key(bytes, sizeof bytes, &len) != 0, scalar);
    }
    bytes[0] = CODEC_TRUE;
    assert_int_equal(codec_get_key(bytes, sizeof bytes, &len), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_once_the_first_that_is_claimed_has_the_key),
        FIXTURE_TEST(test_once_a_second_run_has_its_key_already),
        FIXTURE_TEST(test_once_arguments_without_a_key_have_none),
        FIXTURE_TEST(test_once_without_memory_changes_nothing),
        FIXTURE_TEST(test_once_a_second_run_posts_the_same_whatever_is_known_by_then),
        FIXTURE_TEST(test_once_known_keys_publish_what_has_become_old),
        FIXTURE_TEST(test_once_killed_at_each_instruction_leaves_the_key_to_the_next_run),
        cmocka_unit_test(test_codec_get_key_takes_scalars_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
