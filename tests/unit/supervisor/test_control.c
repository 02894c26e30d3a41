/* ctl: which requests are understood, and which directories are trusted. The rest is
 * tests/e2e/ctl_spec.lua. */
#include "supervisor/control_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/control_dir.h"

static void
assert_parsed(const char *text, enum control_action action, uint64_t n)
{
    struct control_request r = {CONTROL_STATUS, 77};
    assert_true(control_request_parse(&r, text, strlen(text)));
    assert_int_equal(r.action, action);
    assert_int_equal(r.n, n);
}

static void
test_ctl_requests(void **state)
{
    (void)state;
    assert_parsed("status", CONTROL_STATUS, 0);
    assert_parsed("workers 1", CONTROL_WORKERS, 1);
    assert_parsed("workers 4000", CONTROL_WORKERS, 4000);
    assert_parsed("workers 0012", CONTROL_WORKERS, 12);
    assert_parsed("pause", CONTROL_PAUSE, 0);
    assert_parsed("resume", CONTROL_RESUME, 0);
    assert_parsed("stop", CONTROL_STOP, 0);
    assert_parsed("stop now", CONTROL_STOP_NOW, 0);
    assert_parsed("kill 4097", CONTROL_KILL, 4097);
    assert_parsed("kill 18446744073709551615", CONTROL_KILL, UINT64_MAX);
}

static void
test_ctl_what_is_no_request(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "s", "statu", "status ", "status\n", "workers", "workers ", "workers 0",
        "workers 4001", "workers 99999999999", "workers -1", "workers +1", "workers 1x",
        "workers  1", "workers 1 ", "stop  now", "stop nowx", "stopnow", "PAUSE", "\xff\xfe",
        "kill", "kill ", "kill 0", "kill x", "kill 1 2", "kill #1", "kill -1",
        "kill 18446744073709551616", "kill 99999999999999999999", "kill 000000000000000000001"};
    struct control_request r = {CONTROL_PAUSE, 77};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(control_request_parse(&r, bad[i], strlen(bad[i])));
    assert_false(control_request_parse(&r, "pause\0", 6));
    assert_false(control_request_parse(&r, "pause", 3)); /* reads no byte more */
    assert_int_equal(r.action, CONTROL_PAUSE);
    assert_int_equal(r.n, 77);
}

static char top[] = "/tmp/prunner-unit-XXXXXX";
static char dir[128];

static int
make_top(void **state)
{
    (void)state;
    strcpy(strrchr(top, '-'), "-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(dir, sizeof dir, "%s/prunner", top);
    unsetenv("PRUNNER_RUNTIME_DIR");
    return setenv("XDG_RUNTIME_DIR", top, 1);
}

static int
remove_top(void **state)
{
    (void)state;
    (void)chmod(top, 0700);
    (void)unlink(dir);
    (void)rmdir(dir);
    return rmdir(top);
}

static void
test_ctl_dir_is_made_for_its_user_alone(void **state)
{
    (void)state;
    char path[256];
    struct stat st;
    umask(0);
    assert_true(control_dir_open(path, sizeof path));
    assert_string_equal(path, dir);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(control_dir_open(path, sizeof path));
    assert_string_equal(path, dir);
}

static void
test_ctl_dir_of_others_or_open_to_them_is_not_used(void **state)
{
    (void)state;
    char path[256];
    assert_int_equal(mkdir(dir, 0700), 0);
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        assert_int_equal(chmod(dir, 0700 | bit), 0);
        assert_false(control_dir_trusted(dir));
        assert_true(!control_dir_open(path, sizeof path) || strcmp(path, dir) != 0);
    }
    assert_int_equal(chmod(dir, 0700), 0);
    assert_true(control_dir_trusted(dir));
    if (chown(dir, 12345, (gid_t)-1) == 0) { /* as root only */
        assert_false(control_dir_trusted(dir));
        assert_int_equal(chown(dir, geteuid(), (gid_t)-1), 0);
    }
}

static void
test_ctl_dir_is_no_link_and_no_file(void **state)
{
    (void)state;
    assert_int_equal(symlink("/root", dir), 0);
    assert_false(control_dir_trusted(dir));
    assert_int_equal(unlink(dir), 0);
    assert_int_equal(symlink(top, dir), 0);
    assert_false(control_dir_trusted(dir));
    assert_int_equal(unlink(dir), 0);
    FILE *f = fopen(dir, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(chmod(dir, 0700), 0);
    assert_false(control_dir_trusted(dir));
}

static void
test_ctl_dir_stands_where_nobody_can_move_it(void **state)
{
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chmod(top, 0777), 0);
    assert_false(control_dir_trusted(dir));
    assert_int_equal(chmod(top, 01777), 0); /* as /tmp */
    assert_true(control_dir_trusted(dir));
}

static void
test_ctl_dir_address_must_fit(void **state)
{
    (void)state;
    struct sockaddr_un at;
    char path[200];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_false(control_dir_address(&at, path, 1));
    path[sizeof at.sun_path - 3] = '\0'; /* "/1" and the 0 make it one too long */
    assert_false(control_dir_address(&at, path, 11));
    path[sizeof at.sun_path - 4] = '\0';
    assert_true(control_dir_address(&at, path, 11));
    assert_int_equal(setenv("XDG_RUNTIME_DIR", "not/absolute", 1), 0);
    assert_false(control_dir_path(0, path, sizeof path));
    assert_int_equal(setenv("PRUNNER_RUNTIME_DIR", "/some/where", 1), 0);
    assert_true(control_dir_path(0, path, sizeof path));
    assert_string_equal(path, "/some/where");
    assert_false(control_dir_path(1, path, sizeof path));
    assert_int_equal(unsetenv("PRUNNER_RUNTIME_DIR"), 0);
}

#define IN_TOP(name) cmocka_unit_test_setup_teardown(name, make_top, remove_top)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ctl_requests),
        cmocka_unit_test(test_ctl_what_is_no_request),
        IN_TOP(test_ctl_dir_is_made_for_its_user_alone),
        IN_TOP(test_ctl_dir_of_others_or_open_to_them_is_not_used),
        IN_TOP(test_ctl_dir_is_no_link_and_no_file),
        IN_TOP(test_ctl_dir_stands_where_nobody_can_move_it),
        IN_TOP(test_ctl_dir_address_must_fit),
    };
    return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
