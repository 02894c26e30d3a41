#define _GNU_SOURCE
#include "supervisor/control.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/control_dir.h"
#include "job/job.h"
#include "task/gate.h"
#include "task/idle.h"
#include "base/log.h"

enum { AT_ONCE = 16 }; /* requests, before the supervisor sees to the rest again */

static struct {
    int fd;
    struct sockaddr_un at;
} ctl = {.fd = -1};

/* How an answer begins. */
enum verdict {
    DONE = '+',
    REFUSED = '-',
};

/* Who asked, and where the answer goes. */
struct asker {
    struct sockaddr_un from;
    socklen_t len;
    bool allowed;
};

static void
remove_stale(void *dir, pid_t pid)
{
    int fd = ctl_dir_connect(dir, pid);
    if (fd >= 0)
        close(fd);
}

void
ctl_open(void)
{
    char dir[PATH_MAX];
    int on = 1;
    if (!ctl_dir_open(dir, sizeof dir) || !ctl_dir_address(&ctl.at, dir, getpid())) {
        log_debug("prunner ctl cannot reach this job: there is no directory for its socket");
        return;
    }
    ctl_dir_each(dir, remove_stale, dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&ctl.at, sizeof ctl.at) == 0) {
        ctl.fd = fd;
        return;
    }
    log_debug("prunner ctl cannot reach this job: %s: %s", ctl.at.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

int
ctl_fd(void)
{
    return ctl.fd;
}

void
ctl_forget(void)
{
    if (ctl.fd >= 0)
        close(ctl.fd);
    ctl.fd = -1;
}

void
ctl_close(void)
{
    if (ctl.fd >= 0)
        unlink(ctl.at.sun_path);
    ctl_forget();
}

/* ---- the protocol ---- */

/* Decimal, no sign, 1..CONFIG_WORKERS_MAX; 0: it is not. */
static uint32_t
parse_workers(const char *text, size_t len)
{
    uint32_t n = 0;
    if (len == 0 || len > 4)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return 0;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    return n <= CONFIG_WORKERS_MAX ? n : 0;
}

bool
ctl_parse(struct ctl_request *out, const char *text, size_t len)
{
    static const char *const words[] = {
        [CTL_STATUS] = "status",
        [CTL_WORKERS] = "workers ",
        [CTL_PAUSE] = "pause",
        [CTL_RESUME] = "resume",
        [CTL_STOP] = "stop",
        [CTL_STOP_NOW] = "stop now",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (len < n || memcmp(text, words[i], n) != 0)
            continue;
        uint32_t workers = i == CTL_WORKERS ? parse_workers(text + n, len - n) : 0;
        if (i == CTL_WORKERS ? !workers : len != n)
            continue;
        *out = (struct ctl_request){(enum ctl_action)i, workers};
        return true;
    }
    return false;
}

/* Returns the request's length, -1: there is none. */
static ssize_t
receive(char *text, size_t cap, struct asker *who)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {text, cap};
    struct msghdr m = {
        .msg_name = &who->from,
        .msg_namelen = sizeof who->from,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(ctl.fd, &m, MSG_DONTWAIT);
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
answer(const struct asker *who, enum verdict verdict, const char *fmt, ...)
{
    char text[CTL_LINE] = {(char)verdict};
    size_t room = sizeof text - 1;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + 1, room, fmt, ap);
    va_end(ap);
    if (n < 0 || !who->len)
        return;
    size_t len = 1 + ((size_t)n < room ? (size_t)n : room - 1);
    /* Gone or full: it is for the asker to ask again. */
    (void)sendto(ctl.fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&who->from, who->len);
}

/* ---- what can be asked for ---- */

static const char *
state_words(void)
{
    uint64_t gate = atom_load(&engine.arena.head->gate);
    if (atom_load(&engine.arena.head->mode) != ARENA_RUN)
        return "ending";
    if (gate & GATE_PAUSED)
        return "paused";
    if (gate & GATE_LOAD)
        return "held by --load";
    return gate & GATE_MEMORY ? "held by --memfree" : "running";
}

static void
answer_status(const struct asker *who)
{
    uint64_t done = 0, posted = 0;
    uint32_t failed = atom_load(&engine.arena.head->failed);
    for (uint32_t k = 0, n = arena_workers(&engine.arena); k <= n; k++)
        done += atom_load(&slot_at(&engine.arena, k)->done);
    for (uint32_t k = 0, n = arena_workers(&engine.arena); k <= n; k++)
        posted += atom_load(&slot_at(&engine.arena, k)->posted);
    const char *script = engine.config.script ? engine.config.script : "a script under luajit";
    uint32_t workers = atom_load(&engine.arena.head->limit);
    answer(who, DONE, "%s, %u %s, %llu of %llu tasks done%s: %s", state_words(),
           workers, workers == 1 ? "worker" : "workers", (unsigned long long)done,
           (unsigned long long)posted, failed ? ", some failed" : "", script);
}

static void
set_workers(const struct asker *who, uint32_t n, const struct ctl_hands *hands)
{
    uint32_t before = atom_load(&engine.arena.head->limit);
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
set_pause(const struct asker *who, bool pause)
{
    bool paused = atom_load(&engine.arena.head->gate) & GATE_PAUSED;
    if (paused == pause) {
        answer(who, DONE, "it is %s already", pause ? "paused" : "running");
        return;
    }
    if (pause) {
        gate_close(&engine.arena, GATE_PAUSED);
        log_warn("ctl: paused; what runs goes on, nothing new is started until: "
                 "prunner ctl %d resume",
                 (int)getpid());
    } else {
        gate_open(&engine.arena, GATE_PAUSED);
        idle_wake_all(&engine.arena);
        log_warn("ctl: resumed");
    }
    answer(who, DONE, "%s", pause ? "paused" : "resumed");
}

static void
obey(const struct asker *who, const struct ctl_request *r, const struct ctl_hands *hands)
{
    bool ending = atom_load(&engine.arena.head->mode) != ARENA_RUN;
    if (ending && r->action != CTL_STATUS && r->action != CTL_STOP_NOW) {
        answer(who, REFUSED, "it is ending already");
        return;
    }
    switch (r->action) {
    case CTL_STATUS: answer_status(who); break;
    case CTL_WORKERS: set_workers(who, r->n, hands); break;
    case CTL_PAUSE: set_pause(who, true); break;
    case CTL_RESUME: set_pause(who, false); break;
    case CTL_STOP:
    case CTL_STOP_NOW:
        answer(who, DONE,
               r->action == CTL_STOP ? "stopping: what runs goes on to its end"
                                     : "stopping at once");
        hands->stop(r->action == CTL_STOP_NOW);
        break;
    }
}

void
ctl_serve(const struct ctl_hands *hands)
{
    char text[CTL_LINE];
    struct asker who;
    struct ctl_request r;
    for (int i = 0; i < AT_ONCE && ctl.fd >= 0; i++) {
        ssize_t n = receive(text, sizeof text, &who);
        if (n < 0)
            return;
        if (!who.allowed)
            answer(&who, REFUSED, "it is another user's");
        else if (!ctl_parse(&r, text, (size_t)n))
            answer(&who, REFUSED, "it knows no such request: it is prunner " PRUNNER_VERSION);
        else
            obey(&who, &r, hands);
    }
}
