/* block: taking, freeing twice, the name that recovery goes by. */
#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "memory/block.h"

static void
test_block_has_the_room_it_was_asked_for(void **state)
{
    struct fixture *f = *state;
    size_t sizes[] = {1, 48, 49, 100, 1000, 32752, 32753, 100000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t b;
        assert_int_equal(block_new(&f->selves[1], sizes[i], 42, &b), 0);
        assert_true(block_capacity(&f->arena, b) >= sizes[i]);
        memset(block_at(&f->arena, b)->bytes, 0xee, block_capacity(&f->arena, b));
        assert_int_equal(block_at(&f->arena, b)->owner_tag, 42);
        assert_int_equal(block_at(&f->arena, b)->word & 0xff, BLOCK_USED);
        assert_int_equal(f->selves[1].slot->unlinked_block, b);
        block_published(&f->selves[1]);
        assert_int_equal(f->selves[1].slot->unlinked_block, 0);
    }
    assert_int_equal(fixture_blocks(f), sizeof sizes / sizeof *sizes);
}

static void
test_block_free_is_idempotent_and_raises_the_generation(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t b, again;
    assert_int_equal(block_new(self, 100, 1, &b), 0);
    uint64_t word = block_at(&f->arena, b)->word;
    block_free(self, b, word);
    block_free(self, b, word);
    assert_int_equal(block_at(&f->arena, b)->word >> 32, (word >> 32) + 1);
    assert_int_equal(fixture_blocks(f), 0);
    assert_int_equal(block_new(self, 100, 2, &again), 0);
    assert_int_equal(again, b);
    /* The redo of an old free does not touch the new user's block. */
    block_free(self, b, word);
    assert_int_equal(fixture_blocks(f), 1);
    assert_int_equal(block_at(&f->arena, b)->owner_tag, 2);
}

static void
test_block_freed_by_another_slot_is_found_by_its_owner(void **state)
{
    struct fixture *f = *state;
    uint32_t b, other;
    assert_int_equal(block_new(&f->selves[1], 100, 1, &b), 0);
    block_free(&f->selves[2], b, block_at(&f->arena, b)->word);
    assert_int_equal(fixture_blocks(f), 0);
    assert_int_equal(f->selves[2].slabs[slab_class(116)].nfree, 0);
    (void)fixture_reopen(f, 1);
    fixture_full(f);
    assert_int_equal(block_new(&f->selves[1], 100, 1, &other), 0);
    (void)other;
}

static void
test_block_without_room_says_so(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t b = 5;
    fixture_full(f);
    assert_int_equal(block_new(self, 100, 1, &b), -ENOSPC);
    assert_int_equal(block_new(self, 1000000, 1, &b), -ENOSPC);
    assert_int_equal(b, 5);
    assert_int_equal(self->slot->unlinked_block, 0);
}

static void
take_and_drop(void *arg)
{
    struct self *self = arg;
    uint32_t b;
    if (!block_new(self, 100, 7, &b))
        block_free(self, b, block_at(self->arena, b)->word);
    block_published(self);
}

/* Whatever is in use after a death has its name in `unlinked_block`. */
static void
check_loose(struct fixture *f, void *arg)
{
    uint32_t *seen_used = arg, unlinked_block = f->selves[1].slot->unlinked_block;
    if (!fixture_blocks(f))
        return;
    ++*seen_used;
    assert_int_not_equal(unlinked_block, 0);
    assert_int_equal(block_at(&f->arena, unlinked_block)->word & 0xff, BLOCK_USED);
    assert_int_equal(block_at(&f->arena, unlinked_block)->owner_tag, 7);
}

static void
test_block_in_use_is_loose_at_each_instruction(void **state)
{
    struct fixture *f = *state;
    uint32_t seen_used = 0;
    if (!fixture_deaths(f, take_and_drop, &f->selves[1], check_loose, &seen_used))
        skip();
    assert_true(seen_used > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_block_has_the_room_it_was_asked_for),
        FIXTURE_TEST(test_block_free_is_idempotent_and_raises_the_generation),
        FIXTURE_TEST(test_block_freed_by_another_slot_is_found_by_its_owner),
        FIXTURE_TEST(test_block_without_room_says_so),
        FIXTURE_TEST(test_block_in_use_is_loose_at_each_instruction),
    };
    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
