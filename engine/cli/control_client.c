#define _GNU_SOURCE
#include "cli/control_client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "supervisor/control_dir.h"

enum { PATIENCE_S = 10 };

/* The places that are looked at: some may be the same, or not there. */
static bool
place(int i, char *dir, size_t cap)
{
    return control_dir_path(i, dir, cap) && control_dir_trusted(dir);
}

struct search {
    const char *dir;
    pid_t *pids;
    size_t max, n;
};

static void
add_job(void *arg, pid_t pid)
{
    struct search *s = arg;
    int fd = control_dir_connect(s->dir, pid);
    if (fd < 0)
        return;
    close(fd);
    if (s->n < s->max)
        s->pids[s->n] = pid;
    s->n++;
}

static int
by_number(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

size_t
prn_ctl_jobs(pid_t *pids, size_t max)
{
    char dir[PATH_MAX];
    struct search s = {dir, pids, max, 0};
    for (int i = 0; i < CONTROL_DIRS; i++) {
        if (place(i, dir, sizeof dir))
            control_dir_each(dir, add_job, &s);
    }
    qsort(pids, s.n < max ? s.n : max, sizeof *pids, by_number);
    return s.n;
}

/* A socket that speaks to the job, or -errno. */
static int
find(pid_t pid)
{
    char dir[PATH_MAX];
    for (int i = 0; i < CONTROL_DIRS; i++) {
        int fd = place(i, dir, sizeof dir) ? control_dir_connect(dir, pid) : -ENOENT;
        if (fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED && fd != -ENAMETOOLONG))
            return fd;
    }
    return -ENOENT;
}

int
prn_ctl_ask(pid_t pid, const char *request, char *answer, size_t cap)
{
    struct timeval patience = {PATIENCE_S, 0};
    /* The kernel picks a name to which the answer can be sent. */
    struct sockaddr_un self = {.sun_family = AF_UNIX};
    int err = 0, fd = find(pid);
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&self, sizeof self.sun_family) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience))
        err = -errno;
    ssize_t n = err ? 0 : send(fd, request, strlen(request), MSG_NOSIGNAL);
    if (!err && n >= 0)
        n = recv(fd, answer, cap - 1, 0);
    if (!err && n < 0)
        err = errno == EAGAIN ? -ETIMEDOUT : -errno;
    close(fd);
    if (!err)
        answer[n] = '\0';
    return err;
}
