/* slab: picking free items, finding them again, memory that runs out. */
#include <errno.h>
#include <stdlib.h>

#include "fixture.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "task/task.h"

enum { LOW = 500 };

static uint64_t *
word_at(struct fixture *f, uint32_t index)
{
    return arena_grain(&f->arena, index);
}

/* Picks n items and uses them. */
static void
pick(struct fixture *f, uint32_t size_class, uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(slab_pick(&f->selves[1], size_class, &items[i]), 0);
        assert_int_equal(*word_at(f, items[i]) & 0xff, 0);
        *word_at(f, items[i]) = 1;
    }
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void
test_slab_class_is_the_smallest_that_fits(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 32768; bytes++) {
        uint32_t size_class = slab_class(bytes);
        assert_in_range(size_class, SLAB_BLOCK, SLAB_LARGE - 1);
        assert_true(slab_item_bytes(size_class) >= bytes);
        if (size_class > SLAB_BLOCK)
            assert_true(slab_item_bytes(size_class - 1) < bytes);
    }
    assert_int_equal(slab_class(32769), SLAB_LARGE);
}

static void
test_slab_items_in_use_never_overlap(void **state)
{
    struct fixture *f = *state;
    static uint32_t items[LOW];
    uint32_t classes[] = {SLAB_TASK, SLAB_BLOCK, SLAB_BLOCK + 7, SLAB_LARGE - 1};
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
        uint32_t grains = (uint32_t)(slab_item_bytes(classes[c]) / ARENA_GRAIN);
        pick(f, classes[c], items, LOW);
        qsort(items, LOW, sizeof *items, by_number);
        for (uint32_t i = 1; i < LOW; i++)
            assert_true(items[i] >= items[i - 1] + grains);
    }
}

static void
test_slab_item_stays_free_until_its_word_is_stored(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t one, two;
    assert_int_equal(slab_pick(self, SLAB_TASK, &one), 0);
    slab_hint(self, SLAB_TASK, one);
    assert_int_equal(slab_pick(self, SLAB_TASK, &two), 0);
    assert_int_equal(one, two);
}

static void
test_slab_hint_given_twice_yields_one_item(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t a[2], b[2];
    pick(f, SLAB_TASK, a, 2);
    *word_at(f, a[0]) = 0;
    slab_hint(self, SLAB_TASK, a[0]);
    slab_hint(self, SLAB_TASK, a[0]);
    pick(f, SLAB_TASK, b, 2);
    assert_int_equal(b[0], a[0]);
    assert_int_not_equal(b[1], a[0]);
    assert_int_not_equal(b[1], a[1]);
}

static void
test_slab_finds_what_others_freed_without_new_chunks(void **state)
{
    struct fixture *f = *state;
    static uint32_t items[4096];
    pick(f, SLAB_TASK, items, 4096);
    size_t bytes = f->selves[1].slabs[SLAB_TASK].bytes;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 4096; i++)
            *word_at(f, items[i]) = 0; /* no hint: another process did it */
        pick(f, SLAB_TASK, items, 4096);
    }
    assert_true(f->selves[1].slabs[SLAB_TASK].bytes <= 2 * bytes);
}

static void
test_slab_without_room_uses_up_every_item_first(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    static uint32_t items[1 << 16];
    uint32_t n = 0, index;
    pick(f, SLAB_TASK, items, LOW);
    fixture_full(f);
    for (n = LOW; !slab_pick(self, SLAB_TASK, &items[n]); n++)
        *word_at(f, items[n]) = 1;
    size_t chunks = self->slabs[SLAB_TASK].nchunks;
    size_t bytes = self->slabs[SLAB_TASK].bytes - chunks * ARENA_GRAIN;
    assert_int_equal(n, bytes / ARENA_GRAIN);
    assert_int_equal(slab_pick(self, SLAB_TASK, &index), -ENOSPC);
    /* One comes back, without a hint. */
    *word_at(f, items[n / 2]) = 0;
    assert_int_equal(slab_pick(self, SLAB_TASK, &index), 0);
    assert_int_equal(index, items[n / 2]);
    fixture_room(f);
    *word_at(f, index) = 1;
    assert_int_equal(slab_pick(self, SLAB_TASK, &index), 0);
}

static void
test_slab_of_a_new_process_finds_all_of_the_old(void **state)
{
    struct fixture *f = *state;
    static uint32_t items[LOW];
    pick(f, SLAB_TASK, items, LOW);
    for (int i = 0; i < LOW; i++)
        *word_at(f, items[i]) = 0;
    size_t bytes = f->selves[1].slabs[SLAB_TASK].bytes;
    (void)fixture_reopen(f, 1);
    assert_int_equal(f->selves[1].slabs[SLAB_TASK].bytes, bytes);
    fixture_full(f);
    pick(f, SLAB_TASK, items, LOW);
}

static void
test_slab_large_takes_a_chunk_that_fits_again(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t a, b, c, d;
    assert_int_equal(slab_pick_large(self, 100000, &a), 0);
    *word_at(f, a) = 1;
    assert_int_equal(slab_pick_large(self, 90000, &b), 0);
    assert_int_not_equal(a, b);
    *word_at(f, a) = 0;
    *word_at(f, b) = 0;
    assert_int_equal(slab_pick_large(self, 90000, &c), 0);
    assert_int_equal(c, b); /* the smaller of the two */
    /* One that wastes more than half is taken only where there is no room. */
    assert_int_equal(slab_pick_large(self, 33000, &d), 0);
    assert_true(d != a && d != b);
    *word_at(f, d) = 1;
    fixture_full(f);
    assert_int_equal(slab_pick_large(self, 33000, &c), 0);
    assert_int_equal(c, b);
    assert_int_equal(slab_pick_large(self, 200000, &c), -ENOSPC);
}

static void
count(void *arg, uint32_t index)
{
    (void)index;
    ++*(uint32_t *)arg;
}

static void
test_slab_each_visits_every_item_of_every_class(void **state)
{
    struct fixture *f = *state;
    uint32_t n = 0, items[3], large;
    for (uint32_t size_class = SLAB_TASK; size_class < SLAB_LARGE; size_class++) {
        pick(f, size_class, items, 3);
        n = 0;
        slab_each(&f->arena, 1, size_class, count, &n);
        const struct slab *s = &f->selves[1].slabs[size_class];
        size_t expected = 0;
        for (uint32_t i = 0; i < s->nchunks; i++)
            expected += (chunk_at(&f->arena, s->chunks[i])->bytes - ARENA_GRAIN) /
                        slab_item_bytes(size_class);
        assert_int_equal(n, expected);
        assert_true(n >= 3);
    }
    assert_int_equal(slab_pick_large(&f->selves[1], 50000, &large), 0);
    n = 0;
    slab_each(&f->arena, 1, SLAB_LARGE, count, &n);
    assert_int_equal(n, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab_class_is_the_smallest_that_fits),
        FIXTURE_TEST(test_slab_items_in_use_never_overlap),
        FIXTURE_TEST(test_slab_item_stays_free_until_its_word_is_stored),
        FIXTURE_TEST(test_slab_hint_given_twice_yields_one_item),
        FIXTURE_TEST(test_slab_finds_what_others_freed_without_new_chunks),
        FIXTURE_TEST(test_slab_without_room_uses_up_every_item_first),
        FIXTURE_TEST(test_slab_of_a_new_process_finds_all_of_the_old),
        FIXTURE_TEST(test_slab_large_takes_a_chunk_that_fits_again),
        FIXTURE_TEST(test_slab_each_visits_every_item_of_every_class),
    };
    return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
