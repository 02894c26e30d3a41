#include "cli/attach.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/procstat.h"
#include "monitor/metrics_layout.h"

/* Returns err, for whoever wants to return it. */
__attribute__((format(printf, 3, 4))) static int
refuse(char why[ATTACH_MESSAGE_MAX], int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, ATTACH_MESSAGE_MAX, fmt, ap);
    va_end(ap);
    return err;
}

/* ---- descriptors of other processes ---- */

static DIR *
open_fds(int pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    return opendir(path);
}

/* Opens the figures among the descriptors of process pid. -ENOENT: it has none. */
static int
open_metrics(int pid)
{
    static const char name[] = "/memfd:" METRICS_FILE;
    DIR *dir = open_fds(pid);
    int fd = -ENOENT;
    if (!dir)
        return errno == ENOENT ? -ESRCH : -errno;
    for (struct dirent *e; fd == -ENOENT && (e = readdir(dir));) {
        char to[sizeof name + 16];
        ssize_t n = readlinkat(dirfd(dir), e->d_name, to, sizeof to - 1);
        to[n > 0 ? n : 0] = '\0';
        size_t len = sizeof name - 1;
        if (strncmp(to, name, len) != 0 || (to[len] && to[len] != ' '))
            continue;
        fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            fd = -errno;
    }
    closedir(dir);
    return fd;
}

/* Has process pid this very file open? */
static bool
has_open(int pid, const struct stat *file)
{
    DIR *dir = open_fds(pid);
    bool found = false;
    if (!dir)
        return false;
    for (struct dirent *e; !found && (e = readdir(dir));) {
        struct stat st;
        found = fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
                st.st_ino == file->st_ino;
    }
    closedir(dir);
    return found;
}

/* ---- one job ---- */

static void
read_command(struct attach *a)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/cmdline", a->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, a->command, sizeof a->command - 1);
    if (fd >= 0)
        close(fd);
    n = n > 0 ? n : 0;
    for (ssize_t i = 0; i + 1 < n; i++) {
        if (!a->command[i])
            a->command[i] = ' ';
    }
    a->command[n] = '\0';
}

/* The figures must be of a prunner with the same metrics_layout.h. A version of before there
 * was a number has another magic. */
static int
check_metrics(struct attach *a, char why[ATTACH_MESSAGE_MAX])
{
    struct metrics_header h;
    struct stat st;
    size_t fixed = offsetof(struct metrics_header, names);
    if (!attach_read(a, &h, fixed, 0) || fstat(a->fd, &st) || !h.magic)
        return refuse(why, -EAGAIN, "process %d has only just been started: try again", a->pid);
    if (h.magic == METRICS_MAGIC && h.version != METRICS_VERSION)
        return refuse(why, -EINVAL, "process %d runs another version of prunner, with figures of "
                                    "version %u (here: %u): use the prunner top of that one",
                      a->pid, h.version, METRICS_VERSION);
    bool same = h.magic == METRICS_MAGIC && h.slot_bytes == sizeof(struct metrics_slot);
    if (!same || h.slots > METRICS_SLOTS || h.bytes != (uint64_t)st.st_size ||
        h.bytes != sizeof(struct metrics_header) + h.slots * sizeof(struct metrics_slot))
        return refuse(why, -EINVAL, "process %d runs another version of prunner: "
                                    "use the prunner top of that one",
                      a->pid);
    a->slots = h.slots;
    return 0;
}

/* The process, or of a worker the one that started it. */
static int
find_metrics(struct attach *a, int pid)
{
    struct procstat st;
    a->pid = pid;
    a->fd = open_metrics(pid);
    if (a->fd != -ENOENT || !procstat_read(&st, pid) || st.ppid <= 1)
        return a->fd;
    int fd = open_metrics(st.ppid);
    if (fd < 0)
        return a->fd;
    a->pid = st.ppid;
    a->fd = fd;
    return fd;
}

int
attach_pid(struct attach *out, int pid, char why[ATTACH_MESSAGE_MAX])
{
    struct attach a = {.pid = pid};
    int fd = find_metrics(&a, pid);
    if (fd == -ESRCH)
        return refuse(why, fd, "there is no process %d", pid);
    if (fd == -EACCES || fd == -EPERM)
        return refuse(why, fd, "process %d is another user's: only they and root may look", pid);
    if (fd == -ENOENT)
        return refuse(why, fd, "process %d runs no prunner job, or one that has no memory for "
                               "figures (is there a limit on the size of files, ulimit -f?)",
                      pid);
    if (fd < 0)
        return refuse(why, fd, "process %d cannot be looked at: %s", pid, strerror(-fd));
    int err = 0;
    a.pid_fd = pidfd_open(a.pid, 0);
    if (a.pid_fd < 0)
        err = refuse(why, -errno, "process %d: %s", a.pid, strerror(errno));
    else
        err = check_metrics(&a, why);
    if (err) {
        attach_close(&a);
        return err;
    }
    read_command(&a);
    *out = a;
    return 0;
}

bool
attach_read(const struct attach *a, void *to, size_t bytes, size_t at)
{
    char *p = to;
    while (bytes > 0) {
        ssize_t n = pread(a->fd, p, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        at += (size_t)n;
        bytes -= (size_t)n;
    }
    return true;
}

bool
attach_ended(const struct attach *a)
{
    struct pollfd p = {a->pid_fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

void
attach_close(struct attach *a)
{
    if (a->pid_fd >= 0)
        close(a->pid_fd);
    if (a->fd >= 0)
        close(a->fd);
    a->pid_fd = a->fd = -1;
}

/* ---- all jobs ---- */

/* Calls fn for each process with figures until it returns false. */
static void
each_job(bool own, bool (*fn)(void *arg, int pid), void *arg)
{
    DIR *dir = opendir("/proc");
    bool more = dir != NULL;
    for (struct dirent *e; more && (e = readdir(dir));) {
        struct stat st;
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        if (own && (fstatat(dirfd(dir), e->d_name, &st, 0) || st.st_uid != geteuid()))
            continue;
        int pid = atoi(e->d_name), fd = open_metrics(pid);
        if (fd < 0)
            continue;
        close(fd);
        more = fn(arg, pid);
    }
    if (dir)
        closedir(dir);
}

struct pids {
    int *at;
    size_t n, cap;
};

static bool
note_pid(void *arg, int pid)
{
    struct pids *p = arg;
    if (p->n < p->cap)
        p->at[p->n++] = pid;
    return p->n < p->cap;
}

static int
by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

size_t
attach_list(int *pids, size_t cap)
{
    struct pids found = {pids, 0, cap};
    each_job(true, note_pid, &found);
    qsort(pids, found.n, sizeof *pids, by_number);
    return found.n;
}

struct owner {
    struct stat file;
    int pid;
};

static bool
note_owner(void *arg, int pid)
{
    struct owner *o = arg;
    if (has_open(pid, &o->file))
        o->pid = pid;
    return !o->pid;
}

int
attach_state(struct attach *out, const char *path, char why[ATTACH_MESSAGE_MAX])
{
    struct owner o = {.pid = 0};
    if (stat(path, &o.file))
        return refuse(why, -errno, "\"%s\": %s", path, strerror(errno));
    each_job(false, note_owner, &o);
    if (o.pid)
        return attach_pid(out, o.pid, why);
    return refuse(why, -ENOENT, "\"%s\": no running job of yours has this file (if it is a job's "
                                "that was killed: prunner --resume)",
                  path);
}
