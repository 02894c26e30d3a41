#include "base/memory_limit.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"

/* v1 says "no limit" with a number near INT64_MAX, which one depends on the page
 * size and on the kernel. Nobody has this much. */
#define NO_LIMIT ((uint64_t)1 << 62)

/* The smaller limit; 0 is none. */
static uint64_t
smaller(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* The number behind the first `key` that begins a line and has one ("" is for
 * files with the number alone). false: none, *out untouched. */
static bool
read_number(const char *dir, const char *file, const char *key, uint64_t *out)
{
    char name[PATH_MAX + 32];
    char *line = NULL;
    size_t size = 0, len = strlen(key);
    bool found = false;

    if (snprintf(name, sizeof name, "%s/%s", dir, file) >= (int)sizeof name)
        return false;
    FILE *f = fopen(name, "re");
    if (!f)
        return false;
    while (!found && getline(&line, &size, f) > 0) {
        if (strncmp(line, key, len) != 0)
            continue;
        const char *digits = line + len + strspn(line + len, " \t");
        found = isdigit((unsigned char)*digits);
        if (found)
            *out = strtoull(digits, NULL, 10); /* too large: the largest */
    }
    free(line);
    fclose(f);
    return found;
}

static uint64_t
physical_bytes(const char *root)
{
    uint64_t kib;
    if (read_number(root, "proc/meminfo", "MemTotal:", &kib) && kib < NO_LIMIT / 1024)
        return kib * 1024;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

/* A limit in a file; 0: none. A limit of 0 bytes is not believed: we run. */
static uint64_t
file_limit(const char *dir, const char *file, const char *key)
{
    uint64_t bytes;
    return read_number(dir, file, key, &bytes) && bytes < NO_LIMIT ? bytes : 0;
}

static bool
add_limit(void *arg, const char *dir, bool v2)
{
    uint64_t *least = arg;
    if (v2) {
        *least = smaller(*least, file_limit(dir, "memory.max", ""));
    } else {
        *least = smaller(*least, file_limit(dir, "memory.limit_in_bytes", ""));
        /* Includes the ancestors above the mount point. */
        *least = smaller(*least, file_limit(dir, "memory.stat", "hierarchical_memory_limit "));
    }
    return true;
}

uint64_t
memory_limit_bytes(const char *root)
{
    uint64_t least = physical_bytes(root);
    (void)cgroup_each(root, "memory", add_limit, &least); /* unreadable: no limit */
    return least;
}

/* What is left in one cgroup; UINT64_MAX: it has no limit, or none that is known. */
static uint64_t
left_in(const char *dir, uint64_t limit, const char *usage_file, const char *cache_key)
{
    uint64_t usage, cache = 0;
    if (!limit || !read_number(dir, usage_file, "", &usage))
        return UINT64_MAX;
    (void)read_number(dir, "memory.stat", cache_key, &cache);
    usage -= cache < usage ? cache : usage;
    return usage < limit ? limit - usage : 0;
}

static bool
add_left(void *arg, const char *dir, bool v2)
{
    uint64_t *least = arg;
    uint64_t left = v2 ? left_in(dir, file_limit(dir, "memory.max", ""), "memory.current",
                                 "inactive_file ")
                       : left_in(dir, file_limit(dir, "memory.limit_in_bytes", ""),
                                 "memory.usage_in_bytes", "total_inactive_file ");
    if (left < *least)
        *least = left;
    return true;
}

uint64_t
memory_limit_free(const char *root)
{
    uint64_t kib, least = UINT64_MAX;
    if (read_number(root, "proc/meminfo", "MemAvailable:", &kib) && kib < NO_LIMIT / 1024)
        least = kib * 1024;
    (void)cgroup_each(root, "memory", add_left, &least); /* unreadable: no limit */
    return least;
}

struct kills {
    bool known;
    uint64_t n;
};

/* The first directory that says it has the last word. */
static bool
find_kills(void *arg, const char *dir, bool v2)
{
    struct kills *k = arg;
    k->known = read_number(dir, v2 ? "memory.events" : "memory.oom_control", "oom_kill ", &k->n);
    return !k->known;
}

uint64_t
memory_limit_oom_kills(const char *root)
{
    struct kills k = {false, 0};
    (void)cgroup_each(root, "memory", find_kills, &k);
    if (!k.known)
        (void)read_number(root, "proc/vmstat", "oom_kill ", &k.n);
    return k.n;
}
