#include "cpus.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AFFINITY_MAX = 1 << 16 }; /* CPUs, far above what the kernel can have */

/* One mounted cgroup hierarchy that can limit CPUs, from /proc/self/mountinfo. */
struct mount {
    bool v2;
    char root[PATH_MAX];  /* which cgroup is what `point` shows */
    char point[PATH_MAX]; /* where */
};

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

/* Whether `list` ("cpu,cpuacct") has `word`. */
static bool
list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && strncmp(list, word, len) == 0)
            return true;
        list += n;
        list += *list == ',';
    }
    return false;
}

/* The kernel writes blanks in paths as \040 and the like; undone in place. */
static void
unescape(char *s)
{
    char *to = s;
    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
            s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
}

/* Copies a path; false: too long. */
static bool
copy_path(char *to, const char *from)
{
    size_t len = strlen(from);
    if (len >= PATH_MAX)
        return false;
    memcpy(to, from, len + 1);
    return true;
}

/* A line of mountinfo, cut into *m:
 *   36 35 98:0 /root /point rw,relatime shared:1 - type source options
 * false: not a cgroup mount that can limit CPUs. */
static bool
parse_mount(struct mount *m, char *line)
{
    char *field[5];
    char *save = NULL;
    char *tail = strstr(line, " - ");

    if (!tail)
        return false;
    *tail = '\0';
    tail += 3;
    for (int i = 0; i < 5; i++) {
        field[i] = strtok_r(i ? NULL : line, " ", &save);
        if (!field[i])
            return false;
    }
    char *type = strtok_r(tail, " ", &save);
    char *source = strtok_r(NULL, " ", &save);
    char *options = strtok_r(NULL, " \n", &save);
    if (!type || !source || !options)
        return false;

    m->v2 = strcmp(type, "cgroup2") == 0;
    if (!m->v2 && (strcmp(type, "cgroup") != 0 || !list_has(options, "cpu")))
        return false;
    unescape(field[3]);
    unescape(field[4]);
    return copy_path(m->root, field[3]) && copy_path(m->point, field[4]);
}

/* The path of our cgroup in the hierarchy of *m, from /proc/self/cgroup, whose
 * lines are "0::/path" (v2) or "4:cpu,cpuacct:/path". */
static bool
find_cgroup(char *path, const struct mount *m, const char *root)
{
    char name[PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    if (snprintf(name, sizeof name, "%s/proc/self/cgroup", root) >= PATH_MAX)
        return false;
    FILE *f = fopen(name, "re");
    if (!f)
        return false;
    while (!found && getline(&line, &size, f) > 0) {
        char *controllers = strchr(line, ':');
        char *where = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!where)
            continue;
        *controllers++ = '\0';
        *where++ = '\0';
        where[strcspn(where, "\n")] = '\0';
        if (m->v2 ? strcmp(line, "0") == 0 && !*controllers
                  : list_has(controllers, "cpu"))
            found = copy_path(path, where);
    }
    free(line);
    fclose(f);
    return found;
}

/* Below the mount point, what part of the cgroup's path leads on. A cgroup that
 * is not below the mounted one (namespaces show "/../x"): the mount itself. */
static const char *
path_below(const char *path, const char *mounted)
{
    size_t len = strlen(mounted);
    if (strcmp(mounted, "/") == 0)
        len = 0;
    if (strncmp(path, mounted, len) != 0 || (path[len] && path[len] != '/'))
        return "";
    path += len;
    if (strncmp(path, "/..", 3) == 0 && (path[3] == '/' || !path[3]))
        return "";
    return path;
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

/* From our cgroup up to the mount point: each one's quota holds for us. */
static int
mount_quota(const struct mount *m, const char *root)
{
    char path[PATH_MAX];
    char dir[PATH_MAX];
    int least = 0;

    if (!find_cgroup(path, m, root))
        return 0;
    int top = snprintf(dir, sizeof dir, "%s%s", root, m->point);
    if (top >= PATH_MAX)
        return 0;
    int len = top + snprintf(dir + top, sizeof dir - (size_t)top, "%s",
                             path_below(path, m->root));
    if (len >= PATH_MAX)
        return 0;

    for (;;) {
        least = smaller(least, dir_quota(dir, m->v2));
        while (len > top && dir[len - 1] != '/')
            len--;
        while (len > top && dir[len - 1] == '/')
            len--;
        if (dir[len] == '\0')
            return least; /* nothing was cut off: this was the mount point */
        dir[len] = '\0';
    }
}

int
cpus_quota(const char *root)
{
    char name[PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    int least = 0;

    if (snprintf(name, sizeof name, "%s/proc/self/mountinfo", root) >= PATH_MAX)
        return 0;
    struct mount *m = malloc(sizeof *m);
    if (!m)
        return 0;
    FILE *f = fopen(name, "re");
    while (f && getline(&line, &size, f) > 0) {
        if (parse_mount(m, line))
            least = smaller(least, mount_quota(m, root));
    }
    if (f)
        fclose(f);
    free(line);
    free(m);
    return least;
}

int
cpus_default(void)
{
    int cpus = smaller(affinity_cpus(), cpus_quota(""));
    return cpus > 0 ? cpus : 1;
}
