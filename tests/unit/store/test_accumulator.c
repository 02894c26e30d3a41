/* accumulator: accumulators and logs: pending, staged, applied, dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "fixture.h"
#include "memory/chunk.h"

static double
get(struct self *self, enum accumulator_kind kind, uint32_t id)
{
    double v = -999;
    (void)accumulator_get(self, kind, id, &v);
    return v;
}

static void
commit(struct self *self)
{
    accumulator_stage(self);
    accumulator_apply(self->slot);
}

static void
test_acc_never_added_to_is_nothing(void **state)
{
    struct fixture *f = *state;
    double v = 5;
    assert_false(accumulator_get(&f->selves[1], ACCUMULATOR_SUM, 3, &v));
    assert_true(v == 5);
}

static void
test_acc_combines_all_workers_and_the_own_pending_value(void **state)
{
    struct fixture *f = *state;
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++) {
        struct self *self = &f->selves[k];
        accumulator_add(self, ACCUMULATOR_SUM, 0, 1 + k);
        accumulator_add(self, ACCUMULATOR_MAX, 1, -10.0 - k);
        accumulator_add(self, ACCUMULATOR_MIN, 255, 10.0 + k);
        accumulator_add(self, ACCUMULATOR_SUM, 0, 0.5);
        commit(self);
    }
    struct self *self = &f->selves[2];
    assert_true(get(self, ACCUMULATOR_SUM, 0) == 12);
    assert_true(get(self, ACCUMULATOR_MAX, 1) == -10);
    assert_true(get(self, ACCUMULATOR_MIN, 255) == 10);
    accumulator_add(self, ACCUMULATOR_SUM, 0, 100);
    accumulator_add(self, ACCUMULATOR_MAX, 1, 3);
    accumulator_add(self, ACCUMULATOR_MIN, 255, -3);
    assert_true(get(self, ACCUMULATOR_SUM, 0) == 112);
    assert_true(get(self, ACCUMULATOR_MAX, 1) == 3);
    assert_true(get(self, ACCUMULATOR_MIN, 255) == -3);
    assert_true(get(&f->selves[1], ACCUMULATOR_SUM, 0) == 12);
    accumulator_drop(self);
    assert_true(get(self, ACCUMULATOR_SUM, 0) == 12);
    assert_false(accumulator_dirty(&self->pending));
}

static void
test_acc_apply_twice_counts_once(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    for (int i = 0; i < 5; i++) {
        accumulator_add(self, ACCUMULATOR_SUM, 7, 2);
        accumulator_stage(self);
        assert_false(accumulator_dirty(&self->pending));
        accumulator_apply(self->slot);
        accumulator_apply(self->slot);
    }
    assert_true(get(self, ACCUMULATOR_SUM, 7) == 10);
}

static void
test_acc_all_at_once(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    for (int round = 0; round < 3; round++) {
        for (uint32_t id = 0; id < SLOT_ACCUMULATORS; id++)
            accumulator_add(self, ACCUMULATOR_SUM, id, id);
        commit(self);
    }
    for (uint32_t id = 0; id < SLOT_ACCUMULATORS; id++)
        assert_true(get(self, ACCUMULATOR_SUM, id) == 3 * id);
}

/* ---- logs ---- */

struct reading {
    uint32_t n, wrong;
    size_t bytes;
    uint32_t first, last;
};

/* Entries are a number and then padding of that number's low byte. */
static void
read_one(void *arg, const void *bytes, size_t len)
{
    struct reading *r = arg;
    const unsigned char *p = bytes;
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    for (size_t i = sizeof number; i < len; i++)
        r->wrong += p[i] != (number & 0xff);
    if (!r->n++)
        r->first = number;
    r->last = number;
    r->bytes += len;
}

static struct reading
read_all(struct self *self, uint32_t id)
{
    struct reading r = {0};
    accumulator_each(self, id, read_one, &r);
    assert_int_equal(r.wrong, 0);
    return r;
}

static int
collect(struct self *self, uint32_t id, uint32_t number, size_t len)
{
    static char bytes[300000];
    memset(bytes, (int)(number & 0xff), len);
    memcpy(bytes, &number, sizeof number);
    return accumulator_collect(self, id, bytes, len);
}

static void
test_acc_log_keeps_what_was_collected_in_order(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    size_t bytes = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        size_t len = 4 + i * 37 % 300 + (i % 1000 == 999 ? 200000 : 0);
        assert_int_equal(collect(self, 3, i, len), 0);
        assert_int_equal(collect(self, 4, i, 5), 0);
        bytes += len;
        if (i % 10 == 9)
            commit(self);
    }
    struct reading r = read_all(&f->selves[2], 3);
    assert_int_equal(r.n, 5000);
    assert_int_equal(r.first, 0);
    assert_int_equal(r.last, 4999);
    assert_int_equal(r.bytes, bytes);
    assert_int_equal(read_all(&f->selves[2], 4).n, 5000);
    assert_int_equal(read_all(&f->selves[2], 5).n, 0);
}

static void
test_acc_log_pending_is_seen_by_its_task_only(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    assert_int_equal(collect(self, 3, 1, 10), 0);
    assert_int_equal(read_all(self, 3).n, 1);
    assert_int_equal(read_all(&f->selves[2], 3).n, 0);
    accumulator_drop(self);
    assert_int_equal(read_all(self, 3).n, 0);
}

/* What dropped tasks had written, into chunks of their own too, is written over;
 * what was committed stays, whatever the order. */
static void
test_acc_log_dropped_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t kept = 0;
    size_t bytes = 0;
    srand(3);
    for (uint32_t i = 0; i < 3000; i++) {
        bool keep = rand() % 3 == 0;
        for (int n = rand() % 6; n >= 0; n--) {
            size_t len = 4 + (size_t)rand() % (rand() % 50 ? 400 : 100000);
            if (keep) {
                kept++;
                bytes += len;
            }
            assert_int_equal(collect(self, 3, i, len), 0);
        }
        if (keep)
            commit(self);
        else if (rand() % 2)
            accumulator_drop(self);
        else
            self = fixture_reopen(f, 1); /* or died */
    }
    struct reading r = read_all(&f->selves[2], 3);
    assert_int_equal(r.n, kept);
    assert_int_equal(r.bytes, bytes);
}

static void
test_acc_log_without_room_says_so_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    fixture_full(f);
    assert_int_equal(collect(self, 3, 1, 10), -ENOSPC);
    fixture_room(f);
    assert_int_equal(collect(self, 3, 1, 10), 0);
    fixture_full(f);
    assert_int_equal(collect(self, 3, 2, 200000), -ENOSPC);
    assert_int_equal(collect(self, 3, 3, 10), 0);
    commit(self);
    struct reading r = read_all(self, 3);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.last, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_acc_never_added_to_is_nothing),
        FIXTURE_TEST(test_acc_combines_all_workers_and_the_own_pending_value),
        FIXTURE_TEST(test_acc_apply_twice_counts_once),
        FIXTURE_TEST(test_acc_all_at_once),
        FIXTURE_TEST(test_acc_log_keeps_what_was_collected_in_order),
        FIXTURE_TEST(test_acc_log_pending_is_seen_by_its_task_only),
        FIXTURE_TEST(test_acc_log_dropped_leaves_no_trace),
        FIXTURE_TEST(test_acc_log_without_room_says_so_and_goes_on),
    };
    return cmocka_run_group_tests_name("accumulator", tests, NULL, NULL);
}
