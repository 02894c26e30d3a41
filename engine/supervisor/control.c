#include "supervisor/control.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/control_dir.h"
#include "supervisor/control_request.h"
#include "supervisor/control_status.h"
#include "job/job.h"
#include "task/gate.h"
#include "task/idle.h"
#include "base/log.h"
#include "base/path.h"
#include "base/version.h"
#include "base/large.h"

enum { REQUESTS_MAX = 16 }; /* requests, before the supervisor sees to the rest again */

static struct {
    int fd;
    struct sockaddr_un at;
    struct file_id id; /* of the socket in its directory */
} control = {.fd = -1};

/* How an answer begins. */
enum verdict {
    DONE = '+',
    REFUSED = '-',
};

/* Who asked, and where the answer goes. */
struct client {
    struct sockaddr_un from;
    socklen_t len;
    bool allowed;
};

static void
remove_stale(void *dir, pid_t pid)
{
    int fd = control_dir_connect(dir, pid);
    if (fd >= 0)
        close(fd);
}

void
control_open(void)
{
    char dir[PATH_MAX];
    int on = 1;
    if (!control_dir_open(dir, sizeof dir) || !control_dir_address(&control.at, dir, getpid())) {
        log_debug("prunner ctl cannot reach this job: there is no directory for its socket");
        return;
    }
    control_dir_each(dir, remove_stale, dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&control.at, sizeof control.at) == 0) {
        control.id = path_id_at(control.at.sun_path);
        control.fd = fd;
        return;
    }
    log_debug("prunner ctl cannot reach this job: %s: %s", control.at.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

int
control_fd(void)
{
    return control.fd;
}

void
control_forget(void)
{
    if (control.fd >= 0)
        close(control.fd);
    control.fd = -1;
}

void
control_close(void)
{
    if (control.fd >= 0)
        (void)path_remove(control.at.sun_path, control.id);
    control_forget();
}

/* ---- the protocol ---- */

/* Returns the request's length, -1: there is none. */
static ssize_t
receive(char *text, size_t cap, struct client *who)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } creds;
    struct iovec part = {text, cap};
    struct msghdr m = {
        .msg_name = &who->from,
        .msg_namelen = sizeof who->from,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &creds,
        .msg_controllen = sizeof creds,
    };
    ssize_t n = recvmsg(control.fd, &m, MSG_DONTWAIT);
    if (n < 0)
        return -1;
    who->len = m.msg_namelen;
    who->allowed = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct ucred by;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&by, CMSG_DATA(c), sizeof by);
        who->allowed = by.uid == geteuid() || by.uid == 0;
    }
    return m.msg_flags & MSG_TRUNC ? 0 : n;
}

__attribute__((format(printf, 3, 4))) static void
answer(const struct client *who, enum verdict verdict, const char *fmt, ...)
{
    char text[CONTROL_LINE] = {(char)verdict};
    size_t room = sizeof text - 1;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + 1, room, fmt, ap);
    va_end(ap);
    if (n < 0 || !who->len)
        return;
    size_t len = 1 + ((size_t)n < room ? (size_t)n : room - 1);
    /* Gone or full: it is for the asker to ask again. */
    (void)sendto(control.fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&who->from, who->len);
}

/* ---- what can be asked for ---- */

static void
answer_status(const struct client *who)
{
    struct text t = {0};
    control_status(&t);
    answer(who, DONE, "%.*s", (int)t.len, t.at ? t.at : "");
    text_free(&t);
}

static void
set_workers(const struct client *who, uint32_t n, const struct control_ops *hands)
{
    uint32_t before = atom_load(&job.arena.header->limit);
    int err = hands->workers(n);
    if (err) {
        answer(who, REFUSED, "it has no room for %u workers: %s", n, strerror(-err));
        return;
    }
    const char *noun = n == 1 ? "worker" : "workers";
    log_warn("ctl: %u %s from now on (until now %u)", n, noun, before);
    answer(who, DONE, "%u %s (until now %u)", n, noun, before);
}

static void
set_pause(const struct client *who, bool pause)
{
    bool paused = atom_load(&job.arena.header->gate) & GATE_PAUSED;
    if (paused == pause) {
        answer(who, DONE, "it is %s already", pause ? "paused" : "running");
        return;
    }
    if (pause) {
        gate_close(&job.arena, GATE_PAUSED);
        log_warn("ctl: paused; running tasks continue, no new tasks start until: "
                 "prunner ctl %d resume",
                 (int)getpid());
    } else {
        gate_open(&job.arena, GATE_PAUSED);
        idle_wake_all(&job.arena);
        log_warn("ctl: resumed");
    }
    answer(who, DONE, "%s", pause ? "paused" : "resumed");
}

/* ---- killing a task: the answer comes when its worker is dead ---- */

enum { KILLS_MAX = 16 }; /* who wait for an answer at a time; further ones get one at once */

static struct {
    uint64_t id; /* of the task; 0: nobody waits here */
    struct client who;
} kills[KILLS_MAX] LARGE_BSS;

static void
await_killed(const struct client *who, uint64_t id)
{
    for (int i = 0; i < KILLS_MAX; i++) {
        if (kills[i].id)
            continue;
        kills[i].id = id;
        kills[i].who = *who;
        return;
    }
    answer(who, DONE, "task %llu is being killed", (unsigned long long)id);
}

void
control_killed(uint64_t id, bool failed)
{
    unsigned long long task = id;
    for (int i = 0; i < KILLS_MAX; i++) {
        if (kills[i].id != id)
            continue;
        if (failed)
            answer(&kills[i].who, DONE, "task %llu was killed: it has failed", task);
        else
            answer(&kills[i].who, REFUSED, "task %llu has ended meanwhile", task);
        kills[i].id = 0;
    }
}

static void
kill_task(const struct client *who, uint64_t id, const struct control_ops *hands)
{
    unsigned long long task = id;
    switch (hands->kill(id)) {
    case RUN_KILL_BEGUN:
        await_killed(who, id);
        break;
    case RUN_KILL_UNKNOWN:
        answer(who, REFUSED, "there is no task %llu (TASK in prunner top, #N in messages)", task);
        break;
    case RUN_KILL_NOT_RUNNING:
        answer(who, REFUSED, "task %llu does not run: it waits, or has ended", task);
        break;
    case RUN_KILL_DYING:
        answer(who, REFUSED, "the worker of task %llu is dying already", task);
        break;
    }
}

static void
dispatch(const struct client *who, const struct control_request *r, const struct control_ops *hands)
{
    bool ending = atom_load(&job.arena.header->mode) != ARENA_RUN;
    bool always = r->action == CONTROL_STATUS || r->action == CONTROL_STOP_NOW ||
                  r->action == CONTROL_KILL; /* a stop waits for running tasks */
    if (ending && !always) {
        answer(who, REFUSED, "it is ending already");
        return;
    }
    switch (r->action) {
    case CONTROL_STATUS: answer_status(who); break;
    case CONTROL_WORKERS: set_workers(who, (uint32_t)r->n, hands); break;
    case CONTROL_PAUSE: set_pause(who, true); break;
    case CONTROL_RESUME: set_pause(who, false); break;
    case CONTROL_KILL: kill_task(who, r->n, hands); break;
    case CONTROL_STOP:
    case CONTROL_STOP_NOW:
        answer(who, DONE,
               r->action == CONTROL_STOP ? "stopping: running tasks will finish"
                                         : "stopping at once");
        hands->stop(r->action == CONTROL_STOP_NOW);
        break;
    }
}

void
control_serve(const struct control_ops *hands)
{
    char text[CONTROL_LINE];
    struct client who;
    struct control_request r;
    for (int i = 0; i < REQUESTS_MAX && control.fd >= 0; i++) {
        ssize_t n = receive(text, sizeof text, &who);
        if (n < 0)
            return;
        if (!who.allowed)
            answer(&who, REFUSED, "it is another user's");
        else if (!control_request_parse(&r, text, (size_t)n))
            answer(&who, REFUSED, "it knows no such request: it is prunner " PRUNNER_VERSION);
        else
            dispatch(&who, &r, hands);
    }
}
