/* path.c: whole names, and files that are removed only if they are the ones that were meant. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"

static char dir[] = "/tmp/prunner-path-XXXXXX";

static int
make_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static int
enter(void **state)
{
    (void)state;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
    (void)state;
    return chdir("/") || rmdir(dir);
}

static void
test_path_is_meant_from_where_it_was_made_whole(void **state)
{
    (void)state;
    const char *whole = path_whole("a/b");
    assert_memory_equal(whole, "/", 1);
    assert_string_equal(whole + strlen(whole) - strlen("/a/b"), "/a/b");
    assert_string_equal(path_whole("/x/y"), "/x/y");
    assert_null(path_whole(NULL));
    free((char *)whole);
}

static void
test_path_is_removed_if_it_is_that_file(void **state)
{
    (void)state;
    int fd = make_file("file");
    assert_true(path_remove("file", path_id(fd)));
    assert_int_not_equal(access("file", F_OK), 0);
    close(fd);
}

static void
test_path_of_another_file_stays(void **state)
{
    (void)state;
    int fd = make_file("file"), other;
    assert_int_equal(rename("file", "moved"), 0);
    other = make_file("file");
    assert_false(path_remove("file", path_id(fd)));
    assert_false(path_remove("file", (struct file_id){0, 0}));
    assert_int_equal(symlink("moved", "link"), 0);
    assert_false(path_remove("link", path_id(fd)));
    assert_int_equal(access("file", F_OK), 0);
    assert_true(path_remove("file", path_id(other)));
    assert_true(path_remove("moved", path_id_at("moved")));
    assert_false(path_remove("moved", path_id(fd)));
    assert_int_equal(unlink("link"), 0);
    close(fd);
    close(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_is_meant_from_where_it_was_made_whole),
        cmocka_unit_test(test_path_is_removed_if_it_is_that_file),
        cmocka_unit_test(test_path_of_another_file_stays),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
