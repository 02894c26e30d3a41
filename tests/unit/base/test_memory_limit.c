/* memlimit: limits and kills read from a made-up root. */
#include "base/memory_limit.h"

#include <unistd.h>

#include "fixture_root.h"

#define MOUNT_V1 "32 30 0:27 / /cg1 rw - cgroup cgroup rw,memory\n"
#define MEMINFO "MemTotal:        8000000 kB\nMemFree:          100 kB\n"
#define RAM 8192000000u

#define assert_bytes(n) assert_true(memory_limit_bytes(fixture_root) == (n))
#define assert_kills(n) assert_true(memory_limit_oom_kills(fixture_root) == (n))

static void
test_memlimit_without_cgroups_is_physical_memory(void **state)
{
    (void)state;
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_bytes(ram);
    static const char *const nonsense[] = {
        "",
        "MemTotal:\n",
        "MemTotal: kB\n",
        "MemTotal: -1 kB\n",
        "XMemTotal: 5 kB\n",
        "MemTotal: 99999999999999999999 kB\n",
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        fixture_put("/proc/meminfo", nonsense[i]);
        assert_bytes(ram);
    }
    fixture_put("/proc/meminfo", MEMINFO);
    assert_bytes(RAM);
}

static void
test_memlimit_v2_the_smallest_of_all_ancestors(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", MEMINFO);
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a/b\n");
    assert_bytes(RAM);
    fixture_put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_bytes(RAM);
    fixture_put("/sys/fs/cgroup/a/b/memory.max", "9000000000\n"); /* more than there is */
    assert_bytes(RAM);
    fixture_put("/sys/fs/cgroup/a/b/memory.max", "3000000000\n");
    assert_bytes(3000000000u);
    fixture_put("/sys/fs/cgroup/a/memory.max", "1000000000\n");
    assert_bytes(1000000000u);
    fixture_put("/sys/fs/cgroup/memory.max", "2000000000\n");
    assert_bytes(1000000000u);
    fixture_put("/sys/fs/cgroup/memory.max", "4096\n");
    assert_bytes(4096u);
}

static void
test_memlimit_v1_the_smallest_of_all_ancestors(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", MEMINFO);
    fixture_put("/proc/self/mountinfo", MOUNT_V1);
    fixture_put("/proc/self/cgroup", "4:memory:/x/y\n0::/u\n");
    static const char *const none[] = {
        "9223372036854771712\n",  /* pages of 4 KiB */
        "9223372036854710272\n",  /* of 64 KiB */
        "9223372036854775807\n",  /* old kernels */
        "18446744073709551615\n", /* older ones */
        "99999999999999999999999\n",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        fixture_put("/cg1/memory.limit_in_bytes", none[i]);
        fixture_put("/cg1/x/y/memory.limit_in_bytes", none[i]);
        assert_bytes(RAM);
    }
    fixture_put("/cg1/x/y/memory.limit_in_bytes", "5000000000\n");
    assert_bytes(5000000000u);
    fixture_put("/cg1/x/memory.limit_in_bytes", "4000000000\n");
    assert_bytes(4000000000u);
}

static void
test_memlimit_v1_ancestors_above_the_mount_count(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", MEMINFO);
    fixture_put("/proc/self/mountinfo",
                "32 30 0:27 /pod/c /cg1 rw - cgroup cgroup rw,memory\n");
    fixture_put("/proc/self/cgroup", "4:memory:/pod/c\n");
    fixture_put("/cg1/memory.limit_in_bytes", "5000000000\n");
    fixture_put("/cg1/memory.stat",
                "cache 7\nhierarchical_memory_limit 700000000\n"
                "hierarchical_memsw_limit 9223372036854771712\n");
    assert_bytes(700000000u);
}

static void
test_memlimit_both_versions_the_smaller_holds(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", MEMINFO);
    fixture_put("/proc/self/mountinfo", MOUNT_V2 MOUNT_V1);
    fixture_put("/proc/self/cgroup", "4:memory:/x\n0::/a\n");
    fixture_put("/sys/fs/cgroup/a/memory.max", "3000000000\n");
    fixture_put("/cg1/x/memory.limit_in_bytes", "2000000000\n");
    assert_bytes(2000000000u);
    fixture_put("/sys/fs/cgroup/a/memory.max", "1000000000\n");
    assert_bytes(1000000000u);
}

static void
test_memlimit_nonsense_limits_nothing(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", MEMINFO);
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a\n");
    static const char *const limits[] = {"", "\n", "x\n", "-1\n", "-4096\n", "0\n", "+\n"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        fixture_put("/sys/fs/cgroup/a/memory.max", limits[i]);
        assert_bytes(RAM);
    }
}

static void
test_memlimit_kills_unknown_are_0(void **state)
{
    (void)state;
    assert_kills(0);
    fixture_put("/proc/self/mountinfo", MOUNT_V2 MOUNT_V1);
    fixture_put("/proc/self/cgroup", "4:memory:/x\n0::/a\n");
    fixture_put("/sys/fs/cgroup/a/memory.events", "low 0\noom 3\n");
    fixture_put("/cg1/x/memory.oom_control", "oom_kill_disable 1\nunder_oom 0\n");
    fixture_put("/proc/vmstat", "nr_free_pages 5\noom_killed 8\n");
    assert_kills(0);
}

static void
test_memlimit_kills_v2_own_then_nearest(void **state)
{
    (void)state;
    fixture_put("/proc/self/mountinfo", MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a/b/c\n");
    fixture_put("/proc/vmstat", "nr_free_pages 5\noom_kill 99\n");
    assert_kills(99);
    fixture_put("/sys/fs/cgroup/a/memory.events",
                "low 0\nhigh 0\nmax 5\noom 4\noom_kill 30\noom_group_kill 1\n");
    assert_kills(30);
    fixture_put("/sys/fs/cgroup/a/b/memory.events", "oom 4\noom_kill 20\n");
    assert_kills(20);
    fixture_put("/sys/fs/cgroup/a/b/c/memory.events", "oom 4\noom_kill 0\n");
    assert_kills(0); /* known to be none */
    fixture_put("/sys/fs/cgroup/a/b/c/memory.events", "oom 4\noom_kill 1\n");
    assert_kills(1);
}

static void
test_memlimit_kills_v1(void **state)
{
    (void)state;
    /* The v2 mount of such a system has no memory files. */
    fixture_put("/proc/self/mountinfo", MOUNT_V2 MOUNT_V1);
    fixture_put("/proc/self/cgroup", "4:memory:/x/y\n0::/a\n");
    fixture_put("/proc/vmstat", "oom_kill 99\n");
    fixture_put("/cg1/x/y/memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 7\n");
    fixture_put("/cg1/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 8\n");
    assert_kills(7);
}

#define assert_free(n) assert_true(memory_limit_free(fixture_root) == (n))

static void
test_memlimit_free_of_the_machine(void **state)
{
    (void)state;
    assert_free(UINT64_MAX);
    fixture_put("/proc/meminfo", MEMINFO);
    assert_free(UINT64_MAX);
    fixture_put("/proc/meminfo", MEMINFO "MemAvailable:     3000 kB\n");
    assert_free(3072000u);
}

static void
test_memlimit_free_v2_the_tightest_cgroup(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", "MemAvailable:     3000 kB\n");
    fixture_put("/proc/self/mountinfo", MOUNT_OTHER MOUNT_V2);
    fixture_put("/proc/self/cgroup", "0::/a/b\n");
    fixture_put("/sys/fs/cgroup/a/b/memory.current", "900000\n");
    fixture_put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_free(3072000u);
    fixture_put("/sys/fs/cgroup/a/b/memory.max", "1000000\n");
    assert_free(100000u);
    fixture_put("/sys/fs/cgroup/a/b/memory.stat", "anon 5\ninactive_file 50000\n");
    assert_free(150000u);
    fixture_put("/sys/fs/cgroup/a/memory.max", "2000000\n");
    assert_free(150000u); /* its usage is not known */
    fixture_put("/sys/fs/cgroup/a/memory.current", "2500000\n");
    assert_free(0u);
    fixture_put("/sys/fs/cgroup/a/memory.stat", "inactive_file 3000000\n");
    assert_free(150000u);
}

static void
test_memlimit_free_v1(void **state)
{
    (void)state;
    fixture_put("/proc/meminfo", "MemAvailable:     3000 kB\n");
    fixture_put("/proc/self/mountinfo", MOUNT_V2 MOUNT_V1);
    fixture_put("/proc/self/cgroup", "4:memory:/x\n0::/a\n");
    fixture_put("/cg1/x/memory.limit_in_bytes", "1000000\n");
    fixture_put("/cg1/x/memory.usage_in_bytes", "900000\n");
    fixture_put("/cg1/x/memory.stat", "inactive_file 7\ntotal_inactive_file 100000\n");
    assert_free(200000u);
    fixture_put("/cg1/x/memory.limit_in_bytes", "9223372036854771712\n");
    assert_free(3072000u);
}

static void
test_memlimit_of_the_running_system(void **state)
{
    (void)state;
    uint64_t bytes = memory_limit_bytes("");
    assert_true(bytes > 1 << 20);
    assert_true(bytes < (uint64_t)1 << 62);
    uint64_t before = memory_limit_oom_kills("");
    assert_true(memory_limit_oom_kills("") >= before);
    assert_true(memory_limit_free("") > 1 << 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_ROOT_TEST(test_memlimit_without_cgroups_is_physical_memory),
        FIXTURE_ROOT_TEST(test_memlimit_v2_the_smallest_of_all_ancestors),
        FIXTURE_ROOT_TEST(test_memlimit_v1_the_smallest_of_all_ancestors),
        FIXTURE_ROOT_TEST(test_memlimit_v1_ancestors_above_the_mount_count),
        FIXTURE_ROOT_TEST(test_memlimit_both_versions_the_smaller_holds),
        FIXTURE_ROOT_TEST(test_memlimit_nonsense_limits_nothing),
        FIXTURE_ROOT_TEST(test_memlimit_kills_unknown_are_0),
        FIXTURE_ROOT_TEST(test_memlimit_kills_v2_own_then_nearest),
        FIXTURE_ROOT_TEST(test_memlimit_kills_v1),
        FIXTURE_ROOT_TEST(test_memlimit_free_of_the_machine),
        FIXTURE_ROOT_TEST(test_memlimit_free_v2_the_tightest_cgroup),
        FIXTURE_ROOT_TEST(test_memlimit_free_v1),
        FIXTURE_ROOT_TEST(test_memlimit_of_the_running_system),
    };
    return cmocka_run_group_tests_name("memory_limit", tests, NULL, NULL);
}
