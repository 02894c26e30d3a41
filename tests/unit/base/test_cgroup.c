/* cgroup: which directories are visited, below a made-up root. */
#include "base/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_root.h"

/* What was visited, as "2/sys/fs/cgroup/a 2/sys/fs/cgroup " without the root. */
struct seen {
    char text[1024];
    int n;
    int stop_at; /* the visit that ends it; 0: none */
};

static bool
note(void *arg, const char *dir, bool v2)
{
    struct seen *s = arg;
    size_t root_len = strlen(fixture_root), len = strlen(s->text);
    assert_int_equal(strncmp(dir, fixture_root, root_len), 0);
    snprintf(s->text + len, sizeof s->text - len, "%c%s ", v2 ? '2' : '1', dir + root_len);
    return ++s->n != s->stop_at;
}

static void
expect(const char *controller, const char *visits)
{
    struct seen s = {"", 0, 0};
    assert_int_equal(cgroup_each(fixture_root, controller, note, &s), 0);
    assert_string_equal(s.text, visits);
}

static void
test_cgroup_unreadable_mounts_are_an_error(void **state)
{
    (void)state;
    struct seen s = {"", 0, 0};
    assert_int_equal(cgroup_each(fixture_root, "cpu", note, &s), -ENOENT);
    fixture_put("/proc/self/mountinfo/file", ""); /* opens, cannot be read */
    assert_int_equal(cgroup_each(fixture_root, "cpu", note, &s), -EISDIR);
    char *longest = malloc(8192);
    assert_non_null(longest);
    memset(longest, 'x', 8191);
    longest[8191] = '\0';
    assert_int_equal(cgroup_each(longest, "cpu", note, &s), -ENAMETOOLONG);
    free(longest);
    assert_int_equal(s.n, 0);
}

static void
test_cgroup_without_our_path_nothing_is_visited(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    expect("cpu", "");
    fixture_put("/proc/self/cgroup", "::\n0\n0:\n:::::\n4:cpu:/x\n");
    expect("cpu", "");
}

static void
test_cgroup_v2_nearest_first(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a/b.c/d\n");
    expect("cpu", "2/sys/fs/cgroup/a/b.c/d 2/sys/fs/cgroup/a/b.c "
                  "2/sys/fs/cgroup/a 2/sys/fs/cgroup ");
    fixture_put("/proc/self/cgroup", "0::/a");
    expect("memory", "2/sys/fs/cgroup/a 2/sys/fs/cgroup ");
}

static void
test_cgroup_the_mount_point_is_visited_once(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    static const char *const paths[] = {"0::/\n", "0::\n", "0::/..\n", "0::/../other\n"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        fixture_put("/proc/self/cgroup", paths[i]);
        expect("cpu", "2/sys/fs/cgroup ");
    }
    fixture_put("/proc/self/cgroup", "0::/..a\n"); /* a name like another */
    expect("cpu", "2/sys/fs/cgroup/..a 2/sys/fs/cgroup ");
}

static void
test_cgroup_v1_only_the_controller(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                "31 30 0:28 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
                "32 30 0:27 / /cg/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
                "33 30 0:29 / /cg/memory rw - cgroup cgroup rw,memory\n");
    fixture_put("/proc/self/cgroup", "5:cpuset:/z\n4:cpu,cpuacct:/x\n3:memory:/m/n\n0::/u\n");
    expect("cpu", "1/cg/cpu,cpuacct/x 1/cg/cpu,cpuacct ");
    expect("cpuacct", "1/cg/cpu,cpuacct/x 1/cg/cpu,cpuacct ");
    expect("memory", "1/cg/memory/m/n 1/cg/memory/m 1/cg/memory ");
    expect("mem", "");
    expect("pids", "");
}

static void
test_cgroup_v1_bind_mount(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                "32 30 0:27 /docker/abc /cg rw - cgroup cgroup rw,memory\n");
    fixture_put("/proc/self/cgroup", "4:memory:/docker/abc/in\n");
    expect("memory", "1/cg/in 1/cg ");
    fixture_put("/proc/self/cgroup", "4:memory:/docker/abc\n");
    expect("memory", "1/cg ");
    fixture_put("/proc/self/cgroup", "4:memory:/docker/abcdef\n"); /* another one */
    expect("memory", "1/cg ");
}

static void
test_cgroup_both_versions_in_order(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                "33 30 0:29 / /with\\040blank rw - cgroup2 cgroup2 rw\n"
                "32 30 0:27 / /cg1 rw - cgroup cgroup rw,memory\n"
                "34 30 0:30 / / rw - cgroup2 cgroup2 rw\n");
    fixture_put("/proc/self/cgroup", "4:memory:/a\n0::/b\n");
    expect("memory", "2/with blank/b 2/with blank 1/cg1/a 1/cg1 2//b 2/ ");
}

static void
test_cgroup_fn_ends_it(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                MOUNT_V2 "32 30 0:27 / /cg1 rw - cgroup cgroup rw,cpu\n");
    fixture_put("/proc/self/cgroup", "4:cpu:/a\n0::/b\n");
    for (int stop_at = 1; stop_at <= 4; stop_at++) {
        struct seen s = {"", 0, stop_at};
        assert_int_equal(cgroup_each(fixture_root, "cpu", note, &s), 0);
        assert_int_equal(s.n, stop_at);
    }
    expect("cpu", "2/sys/fs/cgroup/b 2/sys/fs/cgroup 1/cg1/a 1/cg1 ");
}

static void
test_cgroup_a_path_too_long_is_passed_over(void **state)
{
    (void)state;
    char text[6000];
    memset(text, 'x', sizeof text);
    memcpy(text, "0::/", 4);
    text[sizeof text - 1] = '\0';
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    fixture_put("/proc/self/cgroup", text);
    expect("cpu", "");
    text[4090] = '\0'; /* fits alone, not behind the mount point */
    fixture_put("/proc/self/cgroup", text);
    expect("cpu", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_ROOT_TEST(test_cgroup_unreadable_mounts_are_an_error),
        FIXTURE_ROOT_TEST(test_cgroup_without_our_path_nothing_is_visited),
        FIXTURE_ROOT_TEST(test_cgroup_v2_nearest_first),
        FIXTURE_ROOT_TEST(test_cgroup_the_mount_point_is_visited_once),
        FIXTURE_ROOT_TEST(test_cgroup_v1_only_the_controller),
        FIXTURE_ROOT_TEST(test_cgroup_v1_bind_mount),
        FIXTURE_ROOT_TEST(test_cgroup_both_versions_in_order),
        FIXTURE_ROOT_TEST(test_cgroup_fn_ends_it),
        FIXTURE_ROOT_TEST(test_cgroup_a_path_too_long_is_passed_over),
    };
    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
