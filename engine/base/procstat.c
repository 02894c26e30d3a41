#include "base/procstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* The whole file is one line; the name in it may hold anything, also ')' and blanks. */
static bool
read_line(char *line, size_t cap, int pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, cap - 1);
    close(fd);
    if (n <= 0)
        return false;
    line[n] = '\0';
    return true;
}

bool
procstat_read(struct procstat *out, int pid)
{
    char line[1024], state;
    int ppid;
    unsigned long user, system;
    unsigned long long start;
    long rss;
    if (!read_line(line, sizeof line, pid))
        return false;
    const char *rest = strrchr(line, ')');
    if (!rest || sscanf(rest + 1,
                        " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d "
                        "%*d %*d %llu %*u %ld",
                        &state, &ppid, &user, &system, &start, &rss) != 6)
        return false;
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t now = clock_boot_ns(), started = start * tick;
    *out = (struct procstat){
        .ppid = ppid,
        .state = state,
        .cpu_ns = (user + system) * tick,
        .age_ns = now > started ? now - started : 0,
        .started = start,
        .rss_bytes = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
    };
    return true;
}
