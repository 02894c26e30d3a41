/* orderlog: records of several workers, one reader; a death in the midst; a file that
 * does not hold what was done with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "store/lock.h"
#include "output/order_log.h"
#include "task/recover.h"

static void
add(struct fixture *f, uint32_t worker, uint64_t id, const char *bytes, uint64_t len)
{
    struct order_log_entry r = {.id = id, .ended = 1};
    struct order_log_piece pieces[3] = {{.from = "tag\t", .len = 4}, {.from = bytes, .len = len}};
    assert_int_equal(order_log_add(&f->selves[worker], &r, pieces), 0);
}

static uint64_t
next(struct fixture *f, struct order_log_entry *r)
{
    uint64_t where;
    int err;
    assert_true(order_log_read(&f->arena, &where, r, &err));
    assert_int_equal(err, 0);
    return where;
}

static void
assert_nothing(struct fixture *f)
{
    struct order_log_entry r;
    uint64_t where;
    int err;
    assert_false(order_log_read(&f->arena, &where, &r, &err));
    assert_int_equal(err, 0);
}

static void
test_orderlog_gives_records_back(void **state)
{
    struct fixture *f = *state;
    struct order_log_entry r;
    char text[16] = "";
    assert_int_equal(order_log_open(&f->arena, "/tmp"), 0);
    assert_nothing(f);
    add(f, 1, 7, "seven", 5);
    add(f, 2, 8, "", 0);
    uint64_t where = next(f, &r);
    assert_int_equal(r.id, 7);
    assert_int_equal(r.bytes[0], 4);
    assert_int_equal(r.bytes[1], 5);
    assert_int_equal(pread(order_log_fd(), text, 9, (off_t)(where + sizeof r)), 9);
    assert_string_equal(text, "tag\tseven");
    (void)next(f, &r);
    assert_int_equal(r.id, 8);
    assert_nothing(f);
    assert_int_equal(order_log_at(where, &r), 0);
    assert_int_equal(r.id, 7);
}

static void
test_orderlog_takes_bytes_from_files(void **state)
{
    struct fixture *f = *state;
    struct order_log_entry r = {.id = 5};
    char big[100000], back[100000];
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 % 251);
    assert_int_equal(write(fileno(file), big, sizeof big), sizeof big);
    struct order_log_piece pieces[3] = {
        {0}, {.from = "x", .len = 1}, {.file = fileno(file), .at = 10, .len = sizeof big - 10}};
    assert_int_equal(order_log_open(&f->arena, "/tmp"), 0);
    assert_int_equal(order_log_add(&f->selves[1], &r, pieces), 0);
    uint64_t where = next(f, &r);
    assert_int_equal(pread(order_log_fd(), back, sizeof back, (off_t)(where + sizeof r + 1)),
                     sizeof big - 10);
    assert_memory_equal(back, big + 10, sizeof big - 10);
    pieces[2].len = sizeof big; /* more than there is */
    assert_int_not_equal(order_log_add(&f->selves[1], &r, pieces), 0);
    assert_nothing(f);
    fclose(file);
}

/* The bytes are there, the store that makes them a record is not. */
static void
test_orderlog_a_record_that_was_not_finished_is_none(void **state)
{
    struct fixture *f = *state;
    struct order_log_entry r;
    assert_int_equal(order_log_open(&f->arena, "/tmp"), 0);
    uint64_t end = f->arena.header->order_end;
    assert_int_equal(lock_take(&f->selves[2], &f->arena.header->order_lock, 0), 0);
    assert_int_equal(pwrite(order_log_fd(), "rubbish", 7, (off_t)end), 7);
    recover_locks(&f->selves[2]); /* killed here */
    assert_nothing(f);
    add(f, 1, 9, "nine", 4);
    (void)next(f, &r);
    assert_int_equal(r.id, 9);
    assert_nothing(f);
}

static blkcnt_t
blocks(void)
{
    struct stat st;
    assert_int_equal(fstat(order_log_fd(), &st), 0);
    return st.st_blocks;
}

static void
test_orderlog_lets_go_of_what_is_done(void **state)
{
    struct fixture *f = *state;
    enum { N = 64 };
    static char bytes[300000];
    struct order_log_entry r[N];
    uint64_t where[N];
    assert_int_equal(order_log_open(&f->arena, "/tmp"), 0);
    for (int i = 0; i < N; i++) {
        add(f, 1, (uint64_t)i, bytes, sizeof bytes);
        where[i] = next(f, &r[i]);
    }
    blkcnt_t all = blocks();
    for (int i = N - 1; i >= N / 2; i--)
        order_log_done(where[i], &r[i]);
    if (blocks() == all)
        skip(); /* a file system without holes */
    assert_true(blocks() < all * 6 / 10);
    for (int i = 0; i < N / 2; i++)
        order_log_done(where[i], &r[i]);
    assert_true(blocks() < all / 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_orderlog_gives_records_back),
        FIXTURE_TEST(test_orderlog_takes_bytes_from_files),
        FIXTURE_TEST(test_orderlog_a_record_that_was_not_finished_is_none),
        FIXTURE_TEST(test_orderlog_lets_go_of_what_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
