/* cpus: quotas read from a made-up root. */
#include "base/cpus.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_root.h"

static void
test_cpus_nothing_readable_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cpus_quota(fixture_root), 0);
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    assert_int_equal(cpus_quota(fixture_root), 0);
    fixture_put("/proc/self/cgroup", "0::/a\n");
    assert_int_equal(cpus_quota(fixture_root), 0);
}

static void
test_cpus_v2_quota_is_rounded_up(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a\n");
    fixture_put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
    fixture_put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
    fixture_put("/sys/fs/cgroup/a/cpu.max", "1000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 1);
    fixture_put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 0);
}

static void
test_cpus_v2_ancestors_count(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a/b/c\n");
    fixture_put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    fixture_put("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
    fixture_put("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 3);
    /* In a container the mount point itself has the file. */
    fixture_put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
}

static void
test_cpus_v2_inside_a_namespace(void **state)
{
    (void)state;
    fixture_put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
    fixture_put("/proc/self/cgroup", "0::/../other\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
}

static void
test_cpus_v1_quota_and_ancestors(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                MOUNT_OTHER
                "31 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                "32 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n");
    fixture_put("/proc/self/cgroup", "5:cpuset:/z\n4:cpu,cpuacct:/x/y\n1:name=systemd:/u\n0::/u\n");
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus_quota(fixture_root), 0);
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "250000\n");
    fixture_put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "50000\n");
    assert_int_equal(cpus_quota(fixture_root), 5);
}

static void
test_cpus_v1_bind_mount_of_our_cgroup(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                "32 30 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    fixture_put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
    fixture_put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    fixture_put("/proc/self/cgroup", "4:cpu:/docker/abc\n");
    assert_int_equal(cpus_quota(fixture_root), 3);
    fixture_put("/proc/self/cgroup", "4:cpu:/docker/abcdef\n"); /* another one: the mount's */
    assert_int_equal(cpus_quota(fixture_root), 3);
    fixture_put("/sys/fs/cgroup/cpu/in/cpu.cfs_quota_us", "100000\n");
    fixture_put("/sys/fs/cgroup/cpu/in/cpu.cfs_period_us", "100000\n");
    fixture_put("/proc/self/cgroup", "4:cpu:/docker/abc/in\n");
    assert_int_equal(cpus_quota(fixture_root), 1);
}

static void
test_cpus_both_versions_the_smaller_holds(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo",
                "32 30 0:27 / /cg1 rw - cgroup cgroup rw,cpu\n"
                "33 30 0:29 / /with\\040blank rw - cgroup2 cgroup2 rw\n");
    fixture_put("/proc/self/cgroup", "4:cpu:/a\n0::/b\n");
    fixture_put("/cg1/a/cpu.cfs_quota_us", "400000\n");
    fixture_put("/cg1/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus_quota(fixture_root), 4);
    fixture_put("/with blank/b/cpu.max", "200000 100000\n");
    assert_int_equal(cpus_quota(fixture_root), 2);
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
    fixture_put("/proc/self/cgroup", "::\n0\n0:\n:::::\n0::/a\n");
    fixture_put("/sys/fs/cgroup/a/cpu.max", "200000\n");
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        fixture_put("/proc/self/mountinfo", mounts[i]);
        assert_int_equal(cpus_quota(fixture_root), 0);
    }
    static const char *const quotas[] = {"", "\n", "x y\n", "200000\n", "0 0\n", "5 0\n", "-1 5\n"};
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        fixture_put("/sys/fs/cgroup/a/cpu.max", quotas[i]);
        assert_int_equal(cpus_quota(fixture_root), 0);
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

/* In a process of its own. */
static int
policy_after(int before)
{
    const struct sched_param usual = {0};
    int status = 0;
    pid_t pid = fork();
    if (!pid) {
        if (before != SCHED_OTHER && sched_setscheduler(0, before, &usual))
            _exit(255);
        cpus_take_turns();
        _exit(sched_getscheduler(0));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void
test_cpus_take_turns(void **state)
{
    (void)state;
    assert_int_equal(policy_after(SCHED_OTHER), SCHED_BATCH);
}

static void
test_cpus_take_turns_leaves_the_users_choice(void **state)
{
    (void)state;
    assert_int_equal(policy_after(SCHED_IDLE), SCHED_IDLE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_ROOT_TEST(test_cpus_nothing_readable_is_no_quota),
        FIXTURE_ROOT_TEST(test_cpus_v2_quota_is_rounded_up),
        FIXTURE_ROOT_TEST(test_cpus_v2_ancestors_count),
        FIXTURE_ROOT_TEST(test_cpus_v2_inside_a_namespace),
        FIXTURE_ROOT_TEST(test_cpus_v1_quota_and_ancestors),
        FIXTURE_ROOT_TEST(test_cpus_v1_bind_mount_of_our_cgroup),
        FIXTURE_ROOT_TEST(test_cpus_both_versions_the_smaller_holds),
        FIXTURE_ROOT_TEST(test_cpus_nonsense_limits_nothing),
        FIXTURE_ROOT_TEST(test_cpus_default_follows_the_affinity_mask),
        FIXTURE_ROOT_TEST(test_cpus_take_turns),
        FIXTURE_ROOT_TEST(test_cpus_take_turns_leaves_the_users_choice),
    };
    return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
