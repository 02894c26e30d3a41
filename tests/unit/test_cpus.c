/* cpus: quotas read from a made-up root. */
#include "cpus.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int
setup(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_cpus.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int
teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file below the root, with the directories it needs. */
static void
put(const char *path, const char *text)
{
    char name[512];
    snprintf(name, sizeof name, "%s%s", root, path);
    for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
        *p = '/';
    }
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#define MOUNT_V2 "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define MOUNT_OTHER "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"

static void
test_cpus_nothing_readable_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cpus_quota(root), 0);
    put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    assert_int_equal(cpus_quota(root), 0);
    put("/proc/self/cgroup", "0::/a\n");
    assert_int_equal(cpus_quota(root), 0);
}

static void
test_cpus_v2_quota_is_rounded_up(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    assert_int_equal(cpus_quota(root), 2);
    put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(root), 2);
    put("/sys/fs/cgroup/a/cpu.max", "1000 100000\n");
    assert_int_equal(cpus_quota(root), 1);
    put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    assert_int_equal(cpus_quota(root), 0);
}

static void
test_cpus_v2_ancestors_count(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
    assert_int_equal(cpus_quota(root), 3);
    /* In a container the mount point itself has the file. */
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(root), 2);
}

static void
test_cpus_v2_inside_a_namespace(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/proc/self/cgroup", "0::/\n");
    assert_int_equal(cpus_quota(root), 2);
    put("/proc/self/cgroup", "0::/../other\n");
    assert_int_equal(cpus_quota(root), 2);
}

static void
test_cpus_v1_quota_and_ancestors(void **state)
{
    (void)state;
    put("/proc/self/mountinfo",
        MOUNT_OTHER
        "31 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "32 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n");
    put("/proc/self/cgroup", "5:cpuset:/z\n4:cpu,cpuacct:/x/y\n1:name=systemd:/u\n0::/u\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus_quota(root), 0);
    put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "250000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "50000\n");
    assert_int_equal(cpus_quota(root), 5);
}

static void
test_cpus_v1_bind_mount_of_our_cgroup(void **state)
{
    (void)state;
    put("/proc/self/mountinfo",
        "32 30 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/proc/self/cgroup", "4:cpu:/docker/abc\n");
    assert_int_equal(cpus_quota(root), 3);
    put("/proc/self/cgroup", "4:cpu:/docker/abcdef\n"); /* another one: the mount's */
    assert_int_equal(cpus_quota(root), 3);
    put("/sys/fs/cgroup/cpu/in/cpu.cfs_quota_us", "100000\n");
    put("/sys/fs/cgroup/cpu/in/cpu.cfs_period_us", "100000\n");
    put("/proc/self/cgroup", "4:cpu:/docker/abc/in\n");
    assert_int_equal(cpus_quota(root), 1);
}

static void
test_cpus_both_versions_the_smaller_holds(void **state)
{
    (void)state;
    put("/proc/self/mountinfo",
        "32 30 0:27 / /cg1 rw - cgroup cgroup rw,cpu\n"
        "33 30 0:29 / /with\\040blank rw - cgroup2 cgroup2 rw\n");
    put("/proc/self/cgroup", "4:cpu:/a\n0::/b\n");
    put("/cg1/a/cpu.cfs_quota_us", "400000\n");
    put("/cg1/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus_quota(root), 4);
    put("/with blank/b/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(root), 2);
}

static void
test_cpus_nonsense_limits_nothing(void **state)
{
    (void)state;
    static const char *const mounts[] = {
        "",
        "\n",
        "x\n",
        " - cgroup2\n",
        "1 2 3 4 5 - cgroup2 x rw\n",
        "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2\n",
    };
    put("/proc/self/cgroup", "::\n0\n0:\n:::::\n0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "200000\n");
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        put("/proc/self/mountinfo", mounts[i]);
        assert_int_equal(cpus_quota(root), 0);
    }
    static const char *const quotas[] = {"", "\n", "x y\n", "200000\n", "0 0\n", "5 0\n", "-1 5\n"};
    put("/proc/self/mountinfo", MOUNT_V2);
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        put("/sys/fs/cgroup/a/cpu.max", quotas[i]);
        assert_int_equal(cpus_quota(root), 0);
    }
}

static void
test_cpus_default_follows_the_affinity_mask(void **state)
{
    (void)state;
    cpu_set_t old, one;
    int cpu = 0;
    assert_int_equal(sched_getaffinity(0, sizeof old, &old), 0);
    int all = cpus_default();
    assert_true(all >= 1 && all <= CPU_COUNT(&old));
    while (!CPU_ISSET(cpu, &old))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int now = cpus_default();
    sched_setaffinity(0, sizeof old, &old);
    assert_int_equal(now, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cpus_nothing_readable_is_no_quota),
        TEST(test_cpus_v2_quota_is_rounded_up),
        TEST(test_cpus_v2_ancestors_count),
        TEST(test_cpus_v2_inside_a_namespace),
        TEST(test_cpus_v1_quota_and_ancestors),
        TEST(test_cpus_v1_bind_mount_of_our_cgroup),
        TEST(test_cpus_both_versions_the_smaller_holds),
        TEST(test_cpus_nonsense_limits_nothing),
        TEST(test_cpus_default_follows_the_affinity_mask),
    };
    return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
