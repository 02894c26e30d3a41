#include "proc.h"

#include <poll.h>

#include "base/clock.h"

uint64_t seed;

double
now(void)
{
    return (double)clock_ns() / 1e9;
}

uint32_t
dice(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

__attribute__((noreturn)) void
die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

size_t
slurp(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    for (ssize_t got; fd >= 0 && n < TEXT - 1; n += (size_t)got) {
        got = read(fd, text + n, TEXT - 1 - n);
        if (got <= 0)
            break;
    }
    if (fd >= 0)
        close(fd);
    text[n] = '\0';
    return n;
}

void
read_job(struct job *job, const char *path)
{
    char text[TEXT], *at;
    job->path = path;
    if (!slurp(path, text))
        die(path);
    at = strstr(text, "-- prints: ");
    if (!at || sscanf(at, "-- prints: %255[^\n]", job->prints) != 1) {
        fprintf(stderr, "%s does not say what it prints\n", path);
        exit(2);
    }
    at = strstr(text, "-- status: ");
    job->status = at ? atoi(at + strlen("-- status: ")) : 0;
}

static pid_t
parent_of(pid_t pid)
{
    char path[64], text[TEXT];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!slurp(path, text))
        return 0;
    char *at = strrchr(text, ')');
    return at && sscanf(at + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

int
children_of(pid_t parent, pid_t pids[CHILDREN_MAX])
{
    char path[64], text[TEXT];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    slurp(path, text);
    for (char *at = text, *end; n < CHILDREN_MAX; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        pids[n++] = (pid_t)pid;
    }
    return n;
}

int
child_pidfd(pid_t parent, pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0 && parent_of(pid) != parent) { /* another process by now */
        close(fd);
        return -1;
    }
    return fd;
}

bool
send_signal(int pidfd, int sig)
{
    return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0;
}

bool
wait_orphans(double seconds)
{
    double until = now() + seconds;
    pid_t pid, pids[CHILDREN_MAX];
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
        if (pid == 0 && now() > until)
            break;
        if (pid == 0)
            (void)poll(NULL, 0, 2);
    }
    if (pid < 0)
        return true;
    for (int n; (n = children_of(getpid(), pids)) > 0;) {
        while (n--) {
            int fd = child_pidfd(getpid(), pids[n]);
            if (fd >= 0) {
                (void)send_signal(fd, SIGKILL);
                close(fd);
            }
        }
        (void)waitpid(-1, NULL, 0);
    }
    return false;
}
