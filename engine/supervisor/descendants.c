#include "supervisor/descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/process_tree.h"
#include "supervisor/child.h"

#define MARK "PRUNNER_WORKER"
enum { MARK_MAX = 400, /* bytes of its value: some ten jobs within each other */
       PID_DIGITS = 10 };

static struct {
    pid_t *before; /* children that there were before: the script's */
    size_t n, cap;
} orphans;

/* ---- what there is ---- */

/* A child that has ended and was not waited for; 0: none, -1: there are no children. */
static pid_t
ended_child(void)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT))
        return -1;
    return info.si_pid;
}

static bool
is_worker(pid_t pid)
{
    for (uint32_t k = 1; k <= children_count(); k++) {
        if (child_has_process(child_at(k)) && child_at(k)->pid == pid)
            return true;
    }
    return false;
}

static bool
was_before(pid_t pid)
{
    for (size_t i = 0; i < orphans.n; i++) {
        if (orphans.before[i] == pid)
            return true;
    }
    return false;
}

/* ---- the mark ---- */

/* Part of the environment: a worker only writes its number, and touches no page of libc's. */
static struct {
    char text[MARK_MAX]; /* MARK=AROUND:SUPERVISOR.WORKER: */
    char *worker;        /* NULL: there is no room for it */
} env_mark;

static void
make_mark(void)
{
    if (env_mark.worker) /* of an earlier job of this process */
        return;
    const char *around = getenv(MARK);
    int n = snprintf(env_mark.text, sizeof env_mark.text, MARK "=%s:%d.", around ? around : "",
                     (int)getpid());
    if (n <= 0 || (size_t)n + PID_DIGITS + 2 >= sizeof env_mark.text)
        return;
    env_mark.worker = env_mark.text + n;
    (void)putenv(env_mark.text);
}

void
descendants_mark(void)
{
    char digits[PID_DIGITS], *at = env_mark.worker;
    unsigned pid = (unsigned)getpid(), n = 0;
    if (!at)
        return;
    for (; pid && n < PID_DIGITS; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    while (n)
        *at++ = digits[--n];
    *at++ = ':';
    *at = '\0';
}

/* Does its environment say that this worker, or any of ours, has started it? */
static bool
is_marked(pid_t pid, pid_t worker)
{
    char mark[64];
    if (worker)
        snprintf(mark, sizeof mark, ":%d.%d:", (int)getpid(), (int)worker);
    else
        snprintf(mark, sizeof mark, ":%d.", (int)getpid());
    return process_has_mark(pid, MARK, mark);
}

/* ---- whose they are ---- */

/* Those that begin a tree: what a worker has started itself, and orphans with its mark. */
static bool
begins(const struct process *p, pid_t worker)
{
    if (is_worker(p->pid))
        return false;
    if (worker ? p->parent == worker : is_worker(p->parent))
        return true;
    return p->parent == getpid() && !was_before(p->pid) && is_marked(p->pid, worker);
}

static void
choose(struct process_list *l, pid_t worker)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i].chosen = l->at[i].state != 'Z' && begins(&l->at[i], worker);
    process_list_descend(l);
}

unsigned
descendants_signal(pid_t worker, int sig)
{
    struct process_list l = {0};
    process_list_read(&l);
    choose(&l, worker);
    unsigned n = process_list_signal(&l, sig);
    free(l.at);
    return n;
}

/* ---- orphans ---- */

/* Most jobs have no children yet, and need no look at all processes. */
void
descendants_open(void)
{
    struct process_list l = {0};
    make_mark();
    orphans.n = 0;
    if (ended_child() >= 0)
        process_list_read(&l);
    for (size_t i = 0; i < l.n; i++) {
        if (l.at[i].parent == getpid() &&
            array_reserve(&orphans.before, &orphans.cap, orphans.n + 1, sizeof *orphans.before))
            orphans.before[orphans.n++] = l.at[i].pid;
    }
    free(l.at);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Children are listed without a look at all processes. -1: this kernel does not do so. */
static long
count_children(void)
{
    char path[64], text[4096];
    long count = 0;
    ssize_t n;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((n = read(fd, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            count += text[i] == ' ';
    }
    close(fd);
    return count;
}

bool
descendants_orphans(void)
{
    return count_children() != (long)(children_alive() + orphans.n);
}

/* Behind a child of the script's, which is for the script to wait for, there may be others. */
static void
reap_all(void)
{
    struct process_list l = {0};
    process_list_read(&l);
    for (size_t i = 0; i < l.n; i++) {
        const struct process *p = &l.at[i];
        if (p->parent == getpid() && p->state == 'Z' && !was_before(p->pid) && !is_worker(p->pid))
            (void)waitpid(p->pid, NULL, WNOHANG);
    }
    free(l.at);
}

void
descendants_reap(void)
{
    pid_t pid;
    while ((pid = ended_child()) > 0) {
        if (is_worker(pid))
            return; /* it has ended just now: its SIGCHLD wakes us again */
        if (was_before(pid)) {
            reap_all();
            return;
        }
        (void)waitpid(pid, NULL, WNOHANG);
    }
}

void
descendants_end_all(void)
{
    uint64_t grace = clock_ns() + DESCENDANTS_GRACE_NS, end = grace + DESCENDANTS_KILL_NS;
    if (!descendants_orphans())
        return;
    (void)descendants_signal(0, SIGTERM);
    for (uint64_t now = clock_ns(); now < end; now = clock_ns()) {
        descendants_reap();
        if (!descendants_orphans() || !descendants_signal(0, now < grace ? 0 : SIGKILL))
            return;
        clock_sleep(DESCENDANTS_TICK_NS);
    }
}

void
descendants_close(void)
{
    descendants_reap();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    free(orphans.before);
    orphans.before = NULL;
    orphans.n = orphans.cap = 0;
}
