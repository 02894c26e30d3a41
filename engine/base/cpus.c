#include "base/cpus.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/cgroup.h"

enum { AFFINITY_MAX = 1 << 16 }; /* CPUs, far above what the kernel can have */

static int
affinity_cpus(void)
{
    for (int cpus = 1024; cpus <= AFFINITY_MAX; cpus *= 4) {
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            return 0;
        int err = sched_getaffinity(0, bytes, set) ? errno : 0;
        int count = err ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (err != EINVAL) /* EINVAL: the kernel's mask is longer */
            return count;
    }
    return 0;
}

/* The smaller limit; 0 is none. */
static int
smaller(int a, int b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* Quota of `period`, as a number of CPUs, rounded up. */
static int
quota_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long cpus = quota / period + (quota % period != 0);
    return cpus > INT_MAX ? INT_MAX : (int)cpus;
}

/* Reads "%lld" or "max", then perhaps a second number. Returns how many. */
static int
read_numbers(const char *dir, const char *file, long long *a, long long *b)
{
    char name[PATH_MAX + 32];
    char text[64];
    int n = 0;

    snprintf(name, sizeof name, "%s/%s", dir, file);
    FILE *f = fopen(name, "re");
    if (!f)
        return 0;
    if (fgets(text, sizeof text, f))
        n = sscanf(text, "%lld %lld", a, b);
    fclose(f);
    return n < 0 ? 0 : n;
}

static int
dir_quota(const char *dir, bool v2)
{
    long long quota = 0, period = 0, unused = 0;
    if (v2)
        return read_numbers(dir, "cpu.max", &quota, &period) == 2
                   ? quota_cpus(quota, period)
                   : 0;
    if (read_numbers(dir, "cpu.cfs_quota_us", &quota, &unused) < 1 ||
        read_numbers(dir, "cpu.cfs_period_us", &period, &unused) < 1)
        return 0;
    return quota_cpus(quota, period);
}

static bool
add_quota(void *arg, const char *dir, bool v2)
{
    int *least = arg;
    *least = smaller(*least, dir_quota(dir, v2));
    return true;
}

int
cpus_quota(const char *root)
{
    int least = 0;
    (void)cgroup_each(root, "cpu", add_quota, &least); /* unreadable: no limit */
    return least;
}

int
cpus_default(void)
{
    int cpus = smaller(affinity_cpus(), cpus_quota(""));
    return cpus > 0 ? cpus : 1;
}

void
cpus_take_turns(void)
{
    const struct sched_param usual = {0};
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &usual);
}
