#include "worker/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/write_all.h"
#include "job/job.h"
#include "worker/shell.h"

#define KILL_NS CLOCK_SECOND /* after SIGKILL, for what is slow to die */
#define AT_ONCE_NS (20 * CLOCK_MILLISECOND)
#define TICK_FIRST_NS (CLOCK_MILLISECOND / 2) /* between two looks at what is to end */
#define TICK_NS (10 * CLOCK_MILLISECOND)

enum { LISTS = 64,
       LINE = 64 /* ancestors that may get orphans */ };

struct failure {
    uint64_t task;
    int status;
    struct failure *next;
    char message[];
};

static struct {
    struct program *of_tasks[LISTS]; /* that run; by the number of their task */
    struct program *left;            /* that run, and belong to no task that does */
    struct program *ending;          /* that were told to end */
    struct poller_wait tick;         /* when to look at these, if `ticks` */
    bool ticks;
    struct failure *failures;
    uint32_t started;
} programs;

uint32_t program_busy;

/* ---- lists ---- */

static void
unlink_program(struct program *p)
{
    if (!p->link)
        return;
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->link = NULL;
    program_busy--;
}

static void
link_program(struct program **list, struct program *p)
{
    unlink_program(p);
    p->next = *list;
    if (p->next)
        p->next->link = &p->next;
    p->link = list;
    *list = p;
    program_busy++;
}

static struct program **
list_of(uint64_t task)
{
    return task ? &programs.of_tasks[task % LISTS] : &programs.left;
}

/* ---- descriptors ---- */

/* The numbers of the three standard streams are for dup2() in the child. */
static int
above_standard(int fd)
{
    int high;
    if (fd > STDERR_FILENO)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int err = errno;
    close(fd);
    errno = err;
    return high;
}

/* ours does not block. 0 or -errno. */
static int
make_pipe(int *ours, int *its, bool it_reads)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC))
        return -errno;
    fd[0] = above_standard(fd[0]);
    int err = fd[0] < 0 ? -errno : 0;
    fd[1] = above_standard(fd[1]);
    err = fd[1] < 0 ? -errno : err;
    *its = fd[!it_reads];
    *ours = fd[it_reads];
    if (!err && fcntl(*ours, F_SETFL, O_NONBLOCK))
        err = -errno;
    return err;
}

static void
close_fd(int *fd)
{
    if (*fd < 0)
        return;
    poller_closes(*fd);
    close(*fd);
    *fd = -1;
}

void
program_close(struct program *p, int pipe)
{
    close_fd(&p->pipe[pipe]);
}

static void
close_all(struct program *p)
{
    for (int i = 0; i < PROGRAM_PIPES; i++)
        close_fd(&p->pipe[i]);
}

/* ---- starting ---- */

static void
open_pidfd(struct program *p)
{
#ifdef SYS_pidfd_open
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
#endif
    if (p->pidfd >= 0)
        p->pidfd = above_standard(p->pidfd);
}

struct program *
program_start(const char *command, unsigned pipes, uint64_t task, int *err)
{
    int its[PROGRAM_PIPES] = {-1, -1, -1};
    struct program *p = calloc(1, sizeof *p);
    *err = p ? 0 : -ENOMEM;
    if (!p)
        return NULL;
    *p = (struct program){.pidfd = -1, .pipe = {-1, -1, -1}, .task = task, .held = true};
    for (int i = 0; i < PROGRAM_PIPES && !*err; i++) {
        if (pipes & 1u << i)
            *err = make_pipe(&p->pipe[i], &its[i], i == PROGRAM_IN);
    }
    p->number = ++programs.started;
    pid_t pid = *err ? *err : shell_start(command, its, p->number);
    for (int i = 0; i < PROGRAM_PIPES; i++) {
        if (its[i] >= 0)
            close(its[i]);
    }
    if (pid < 0) {
        *err = pid;
        close_all(p);
        free(p);
        return NULL;
    }
    p->pid = pid;
    open_pidfd(p);
    link_program(list_of(task), p);
    return p;
}

/* ---- its end ---- */

bool
program_over(struct program *p)
{
    int status;
    if (!p->pid)
        return true;
    pid_t got = waitpid(p->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    p->status = got < 0 ? PROGRAM_STATUS_LOST : status;
    p->pid = 0;
    close_fd(&p->pidfd);
    if (!p->kill_ns)
        unlink_program(p);
    return true;
}

void
program_free(struct program *p)
{
    close_all(p);
    p->held = false;
    bool over = program_over(p);
    if (p->kill_ns)
        return; /* end_over() */
    if (over)
        free(p);
    else
        link_program(&programs.left, p);
}

/* Those that are left and over. */
static void
reap_left(void)
{
    for (struct program *next, *p = programs.left; p; p = next) {
        next = p->next;
        if (program_over(p) && !p->held)
            free(p);
    }
}

ssize_t
program_read(struct program *p, int pipe, char *bytes, size_t room)
{
    ssize_t n;
    do
        n = read(p->pipe[pipe], bytes, room);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t
program_write(struct program *p, const char *bytes, size_t len)
{
    sigset_t of_pipes;
    ssize_t n;
    sigemptyset(&of_pipes);
    sigaddset(&of_pipes, SIGPIPE);
    do
        n = write_without(&of_pipes, p->pipe[PROGRAM_IN], bytes, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* ---- ending them ---- */

/* Is it a child of one of these? */
static bool
is_child_of(const struct process *q, const pid_t *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (q->parent == line[i])
            return true;
    }
    return false;
}

/* Sends `sig` to the program, to what it has started, and to what that has: also to those whose
 * parents are gone. What there is now is added to the picture. */
static void
signal_tree(struct program *p, int sig)
{
    struct process_list *l = &p->tree;
    pid_t line[LINE];
    process_list_read(l);
    size_t n = process_list_line(l, line, LINE);
    for (size_t i = 0; i < l->n; i++) {
        struct process *q = &l->at[i];
        if (q->chosen || q->state == 'Z' || q->pid == getpid())
            continue;
        q->chosen = q->pid == p->pid ||
                    (is_child_of(q, line, n) && shell_has_mark(q->pid, p->number));
    }
    process_list_descend(l);
    process_list_signal(l, sig);
    process_list_prune(l);
}

/* Is anything left of it, and of what it has started? Somebody may have been born after the
 * picture was taken. */
static bool
tree_lives(struct program *p)
{
    if (!program_over(p) || process_list_signal(&p->tree, 0))
        return true;
    p->tree.n = 0;
    signal_tree(p, p->killed ? SIGKILL : SIGTERM);
    return p->tree.n > 0;
}

/* It is out of the way. */
static void
end_over(struct program *p)
{
    free(p->tree.at);
    p->tree = (struct process_list){0};
    p->kill_ns = 0;
    unlink_program(p);
    if (p->pid)
        link_program(&programs.left, p);
    else if (!p->held)
        free(p);
}

/* The next step of an end that has begun. true: it was the last. */
static bool
end_further(struct program *p, uint64_t now)
{
    bool lives = tree_lives(p);
    if (!lives || (p->killed && now >= p->kill_ns)) {
        end_over(p);
        return true;
    }
    if (now >= p->kill_ns) {
        process_list_prune(&p->tree);
        signal_tree(p, SIGKILL);
        p->killed = true;
        p->kill_ns = now + KILL_NS;
    }
    return false;
}

/* Until there are no further ones, or until then. */
static void
end_all_until(uint64_t until_ns)
{
    for (uint64_t tick = TICK_FIRST_NS;; tick = tick * 2 < TICK_NS ? tick * 2 : TICK_NS) {
        uint64_t now = clock_ns();
        for (struct program *next, *p = programs.ending; p; p = next) {
            next = p->next;
            (void)end_further(p, now);
        }
        if (!programs.ending || clock_ns() >= until_ns)
            return;
        clock_sleep(tick);
    }
}

void
program_finish(void)
{
    if (programs.ending)
        end_all_until(CLOCK_NEVER);
}

/* By the poller, while the worker continues. */
static void
on_tick(struct poller_wait *w)
{
    end_all_until(0);
    w->due_ns = clock_ns() + TICK_NS;
    uint32_t at;
    programs.ticks = programs.ending && poller_wait(w, &at) == 0;
}

static void
end_begin(struct program *p)
{
    if (p->kill_ns)
        return;
    p->kill_ns = clock_ns() + PROCESS_GRACE_NS;
    p->killed = false;
    link_program(&programs.ending, p);
    signal_tree(p, SIGTERM);
}

/* Most have gone at once. The others are for the poller, if there is one. */
static void
end_soon(void)
{
    uint32_t at;
    end_all_until(job.config.concurrency > 1 ? clock_ns() + AT_ONCE_NS : CLOCK_NEVER);
    if (!programs.ending || programs.ticks)
        return;
    programs.tick = (struct poller_wait){.due_ns = clock_ns() + TICK_NS, .over = on_tick};
    programs.ticks = poller_wait(&programs.tick, &at) == 0;
    if (!programs.ticks)
        program_finish();
}

void
program_kill(struct program *p)
{
    if (program_over(p))
        return;
    end_begin(p);
    end_soon();
}

bool
program_ending(uint64_t task)
{
    for (const struct program *p = programs.ending; p; p = p->next) {
        if (p->task == task)
            return true;
    }
    return false;
}

/* ---- the ends of tasks ---- */

/* Its programs that run, and whose end has not begun. */
static bool
take_programs(uint64_t task, void (*what)(struct program *p))
{
    bool any = false;
    for (struct program *next, *p = *list_of(task); p; p = next) {
        next = p->next;
        if (p->task != task)
            continue;
        what(p);
        any = true;
    }
    return any;
}

static void
leave(struct program *p)
{
    link_program(&programs.left, p);
}

static void
forget_failures(uint64_t task)
{
    for (struct failure *f, **at = &programs.failures; (f = *at);) {
        if (f->task != task) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f);
        program_busy--;
    }
}

void
program_task_ended(uint64_t task, bool failed)
{
    forget_failures(task);
    if (take_programs(task, failed ? end_begin : leave) && failed)
        end_soon();
    reap_left();
}

void
program_failed(uint64_t task, int status, const char *message)
{
    size_t len = strlen(message);
    struct failure *f = task ? malloc(sizeof *f + len + 1) : NULL;
    if (!f)
        return;
    forget_failures(task);
    *f = (struct failure){.task = task, .status = status, .next = programs.failures};
    memcpy(f->message, message, len + 1);
    programs.failures = f;
    program_busy++;
}

bool
program_failure(uint64_t task, const char *error, int *status)
{
    for (const struct failure *f = programs.failures; f; f = f->next) {
        if (f->task != task || !strstr(error, f->message))
            continue;
        *status = f->status;
        return true;
    }
    return false;
}
