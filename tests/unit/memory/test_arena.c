/* arena: the mapping, its parts, and what happens where there is little room. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "sanitized.h"
#include "store/names.h"

static void
test_arena_parts_do_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    assert_true(sizeof(struct arena_header) <= a.slots_at);
    assert_true(a.slots_at + ARENA_SLOTS * sizeof(struct slot) <= a.names_at);
    assert_true(a.names_at + ARENA_NAMES * sizeof(struct name) <= a.table_at);
    assert_true(a.table_at + a.units * sizeof(uint64_t) <= a.heap_at);
    assert_true(arena_unit_offset(&a, a.units) <= a.bytes);
    assert_int_equal(a.bytes, ARENA_BYTES_MIN);
    assert_int_equal(a.header->magic, ARENA_MAGIC);
    arena_close(&a);
    assert_null(a.base);
}

static void
test_arena_at_its_largest_is_indexed_by_32_bits(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_open(&a, 0), 0);
    uint32_t last = arena_index(&a, a.base + arena_unit_offset(&a, a.units) - ARENA_GRAIN);
    assert_ptr_equal(arena_grain(&a, last),
                     a.base + arena_unit_offset(&a, a.units) - ARENA_GRAIN);
    arena_close(&a);
}

static void
test_arena_refuses_less_than_the_minimum(void **state)
{
    (void)state;
    struct arena a = {.fd = -7};
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN / 2), -ENOMEM);
    assert_int_equal(a.fd, -7);
}

static void
test_arena_file_cannot_be_made_shorter_or_longer(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    assert_int_equal(ftruncate(a.fd, ARENA_UNIT), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(a.fd, (off_t)(2 * ARENA_BYTES_MIN)), -1);
    arena_close(&a);
}

static void
test_arena_growth_is_seen_across_fork(void **state)
{
    (void)state;
    struct arena a;
    int status;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    size_t at = arena_unit_offset(&a, a.units - 1);
    pid_t pid = fork();
    if (!pid) {
        if (arena_reserve(&a, at, ARENA_UNIT))
            _exit(1);
        arena_populate(&a, at, ARENA_UNIT);
        a.base[at] = 'x';
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(a.base[at], 'x');
    arena_close(&a);
}

static void
test_arena_reserve_says_what_the_kernel_says(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    size_t at = arena_unit_offset(&a, 0);
    assert_int_equal(arena_reserve(&a, at, ARENA_UNIT), 0);
    assert_int_equal(arena_reserve(&a, at, ARENA_UNIT), 0);
    /* Beyond the sealed end. */
    assert_true(arena_reserve(&a, a.bytes, ARENA_UNIT) < 0);
    arena_close(&a);
}

static void
test_arena_not_inherited_is_gone_in_children(void **state)
{
    (void)state;
    struct arena a;
    int status;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    arena_no_inherit(&a);
    pid_t pid = fork();
    if (!pid) {
        unsigned char there;
        _exit(mincore(a.base, 4096, &there) == -1 && errno == ENOMEM ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    arena_close(&a);
}

/* In a child: limits cannot be raised again. */
static int
open_under(int resource, rlim_t limit)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit r = {limit, limit};
        struct arena a;
        setrlimit(resource, &r);
        int err = arena_open(&a, 0);
        _exit(err ? 1 : a.bytes > limit ? 2
                                        : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
test_arena_is_smaller_under_limits(void **state)
{
    (void)state;
    if (SANITIZED) /* it has mapped far more already */
        skip();
    assert_int_equal(open_under(RLIMIT_AS, 4 * ARENA_BYTES_MIN), 0);
}

/* Chunks go to the file once the budget is used up; it lies in `dir`. */
static void
test_arena_spills_behind_its_budget(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_open(&a, ARENA_BYTES_MIN), 0);
    assert_int_equal(arena_spill(&a, "/no such directory", 0), -ENOENT);
    assert_int_equal(a.spill_unit, a.units);
    assert_int_equal(arena_spill(&a, "/var/tmp", 4 * ARENA_UNIT), 0);
    assert_int_equal(a.header->budget_units, 4);
    assert_true(a.spill_unit < a.units);
    size_t last = arena_unit_offset(&a, a.units - 1);
    assert_int_equal(arena_reserve(&a, last, ARENA_UNIT), 0);
    memset(a.base + last, 7, ARENA_UNIT);
    struct stat st;
    assert_int_equal(fstat(a.spill_fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_true(st.st_blocks * 512 >= ARENA_UNIT);
    arena_close(&a);
}

/* A limit on file sizes is none on memory: the arena is anonymous then. */
static void
test_arena_does_without_a_file(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit r = {ARENA_UNIT, ARENA_UNIT};
        struct arena a;
        setrlimit(RLIMIT_FSIZE, &r);
        int err = arena_open(&a, ARENA_BYTES_MIN);
        if (!err)
            err = arena_reserve(&a, arena_unit_offset(&a, 1), ARENA_UNIT);
        if (!err && arena_spill(&a, "/var/tmp", 0) != -EFBIG)
            err = 1;
        _exit(err != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_parts_do_not_overlap),
        cmocka_unit_test(test_arena_at_its_largest_is_indexed_by_32_bits),
        cmocka_unit_test(test_arena_refuses_less_than_the_minimum),
        cmocka_unit_test(test_arena_file_cannot_be_made_shorter_or_longer),
        cmocka_unit_test(test_arena_growth_is_seen_across_fork),
        cmocka_unit_test(test_arena_reserve_says_what_the_kernel_says),
        cmocka_unit_test(test_arena_not_inherited_is_gone_in_children),
        cmocka_unit_test(test_arena_is_smaller_under_limits),
        cmocka_unit_test(test_arena_spills_behind_its_budget),
        cmocka_unit_test(test_arena_does_without_a_file),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
