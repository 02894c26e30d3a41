/* chunk: claims, races for one unit, memory that cannot be had, death halfway. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "memory/chunk.h"

static void
test_chunk_claim_links_and_clears(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t first, second;
    assert_int_equal(chunk_claim(self, SLAB_TASK, 1, &first), 0);
    assert_int_equal(chunk_claim(self, SLAB_TASK, 3 * ARENA_UNIT - 1, &second), 0);
    assert_int_equal(second, first + 1);
    struct chunk *c = chunk_at(&f->arena, second);
    assert_int_equal(c->owner, 1);
    assert_int_equal(c->size_class, SLAB_TASK);
    assert_int_equal(c->bytes, 3 * ARENA_UNIT);
    assert_int_equal(c->next, first + 1);
    assert_int_equal(chunk_at(&f->arena, first)->next, 0);
    assert_int_equal(self->slot->chunks[SLAB_TASK], second + 1);
    assert_int_equal(self->slot->chunk_intent, 0);
    assert_int_equal(f->arena.table[first + 2], 0);
}

static void
test_chunk_claim_of_two_slots_never_overlap(void **state)
{
    struct fixture *f = *state;
    uint32_t end = 0, unit;
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t units = 1 + i % 3;
        struct self *self = &f->selves[1 + i % 2];
        assert_int_equal(chunk_claim(self, i % 5, (size_t)units * ARENA_UNIT, &unit), 0);
        assert_int_equal(unit, end);
        end += units;
    }
}

static void
test_chunk_claims_of_processes_never_overlap(void **state)
{
    struct fixture *f = *state;
    enum { EACH = 300 };
    int status;
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++) {
        if (fork())
            continue;
        for (uint32_t i = 0, unit; i < EACH; i++) {
            if (chunk_claim(&f->selves[k], k, (size_t)k * ARENA_UNIT, &unit))
                _exit(1);
        }
        _exit(0);
    }
    for (uint32_t k = 1; k <= FIXTURE_WORKERS; k++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    uint32_t n = 0, u = 0;
    for (; f->arena.table[u]; u += (uint32_t)(f->arena.table[u] >> 32), n++)
        assert_int_equal(chunk_at(&f->arena, u)->size_class, f->arena.table[u] >> 32);
    assert_int_equal(n, EACH * FIXTURE_WORKERS);
    assert_int_equal(u, EACH * (1 + 2 + 3));
}

static void
test_chunk_claim_without_room_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t unit = 77;
    assert_int_equal(chunk_claim(self, SLAB_TASK, ((size_t)f->arena.units + 1) * ARENA_UNIT, &unit),
                     -ENOSPC);
    fixture_full(f);
    assert_int_equal(chunk_claim(self, SLAB_TASK, 1, &unit), -ENOSPC);
    assert_int_equal(unit, 77);
    assert_int_equal(self->slot->chunk_intent, 0);
    assert_int_equal(self->slot->chunks[SLAB_TASK], 0);
}

static void
test_chunk_whose_memory_is_refused_can_be_claimed_again(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1], *y = &f->selves[2];
    uint32_t unit, other;
    int fd = f->arena.fd;
    f->arena.fd = -1; /* fallocate fails */
    assert_true(chunk_claim(self, SLAB_TASK, 2 * ARENA_UNIT, &unit) < 0);
    f->arena.fd = fd;
    assert_int_equal(self->slot->chunk_intent, 0);
    assert_int_equal(self->slot->chunks[SLAB_TASK], 0);
    /* Another size or kind passes it by; the same finds it, whoever asks. */
    assert_int_equal(chunk_claim(y, SLAB_TASK, ARENA_UNIT, &other), 0);
    assert_int_equal(other, 2);
    assert_int_equal(chunk_claim(y, SLAB_BLOCK, 2 * ARENA_UNIT, &other), 0);
    assert_int_equal(other, 3);
    assert_int_equal(chunk_claim(y, SLAB_TASK, 2 * ARENA_UNIT, &other), 0);
    assert_int_equal(other, 0);
    assert_int_equal(chunk_at(&f->arena, 0)->owner, 2);
}

static void
claim_one(void *arg)
{
    struct self *self = arg;
    uint32_t unit;
    (void)chunk_claim(self, SLAB_RING, 2 * ARENA_UNIT, &unit);
}

/* After chunk_recover() the unit is in the slot's list, or nobody's; never half. */
static void
check_claim(struct fixture *f, void *arg)
{
    struct self *self = &f->selves[1];
    uint32_t unit, *linked = arg;
    chunk_recover(self);
    chunk_recover(self);
    assert_int_equal(self->slot->chunk_intent, 0);
    uint32_t newest = self->slot->chunks[SLAB_RING] - 1;
    assert_true(newest == 0 || newest == 2);
    assert_int_equal(f->arena.table[2] != 0, newest == 2);
    if (newest == 2) {
        ++*linked;
        assert_int_equal(chunk_at(&f->arena, 2)->next, 1);
        assert_int_equal(chunk_at(&f->arena, 2)->bytes, 2 * ARENA_UNIT);
    }
    assert_int_equal(chunk_claim(&f->selves[2], SLAB_TASK, 1, &unit), 0);
    assert_int_equal(unit, newest == 2 ? 4 : 2);
}

static void
test_chunk_recover_after_death_at_each_instruction(void **state)
{
    struct fixture *f = *state;
    uint32_t unit, linked = 0;
    assert_int_equal(chunk_claim(&f->selves[1], SLAB_RING, 1, &unit), 0);
    assert_int_equal(chunk_claim(&f->selves[2], SLAB_TASK, 1, &unit), 0);
    uint32_t n = fixture_deaths(f, claim_one, &f->selves[1], check_claim, &linked);
    if (!n)
        skip();
    assert_in_range(linked, 4, n - 3);
}

static void
test_chunk_recover_without_memory_gives_the_unit_back(void **state)
{
    struct fixture *f = *state;
    struct self *self = &f->selves[1];
    uint32_t unit;
    assert_int_equal(chunk_claim(self, SLAB_RING, 2 * ARENA_UNIT, &unit), 0);
    /* As if it had died between the CAS and fallocate; others went on. */
    self->slot->chunks[SLAB_RING] = 0;
    self->slot->chunk_intent = unit + 1;
    self->slot->chunk_class = SLAB_RING;
    assert_int_equal(chunk_claim(&f->selves[2], SLAB_TASK, 1, &unit), 0);
    assert_int_equal(chunk_claim(&f->selves[2], SLAB_TASK, 1, &unit), 0);
    int fd = f->arena.fd;
    f->arena.fd = -1;
    chunk_recover(self);
    f->arena.fd = fd;
    assert_int_equal(self->slot->chunk_intent, 0);
    assert_int_equal(self->slot->chunks[SLAB_RING], 0);
    assert_int_equal(chunk_claim(self, SLAB_RING, 2 * ARENA_UNIT, &unit), 0);
    assert_int_equal(unit, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_chunk_claim_links_and_clears),
        FIXTURE_TEST(test_chunk_claim_of_two_slots_never_overlap),
        FIXTURE_TEST(test_chunk_claims_of_processes_never_overlap),
        FIXTURE_TEST(test_chunk_claim_without_room_changes_nothing),
        FIXTURE_TEST(test_chunk_whose_memory_is_refused_can_be_claimed_again),
        FIXTURE_TEST(test_chunk_recover_after_death_at_each_instruction),
        FIXTURE_TEST(test_chunk_recover_without_memory_gives_the_unit_back),
    };
    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
