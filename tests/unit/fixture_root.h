/* fixture_root: a made-up root directory, for tests of the modules that read /proc
 * and /sys below one. */
#ifndef FIXTURE_ROOT_H
#define FIXTURE_ROOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* For cmocka: a fresh, empty root for each test. */
#define FIXTURE_ROOT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_root_setup, fixture_root_teardown)
int fixture_root_setup(void **state);
int fixture_root_teardown(void **state);

/* Where it is: fixed within a test. */
extern char fixture_root[64];

/* fixture_put writes a file below the root, with the directories it needs. */
void fixture_put(const char *path, const char *text);

#define MOUNT_V2 "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define MOUNT_OTHER "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"

#endif
