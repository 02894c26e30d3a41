#include "worker/poller.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/atomics.h"
#include "base/clock.h"

enum { EVENTS = 256 };

/* Of one descriptor. */
struct watch {
    struct poller_wait *reader, *writer;
    uint32_t use;  /* grows with each time it is armed */
    bool in_epoll; /* as far as we know: a file that is closed leaves the set by itself */
};

static struct {
    int epoll;
    pid_t pid;             /* whose set it is; a child of a task has a copy of the descriptor */
    struct watch *watches; /* by descriptor */
    size_t watches_cap;
    struct poller_wait **heap; /* [1..n]: the earliest first */
    size_t n, heap_cap;
    struct poller_wait *ready, **ready_end;
    sigset_t open_mask; /* while it sleeps */
    void (*look)(void); /* NULL: none */
} poller = {.epoll = -1};

static void
on_nudge(int sig)
{
    (void)sig; /* it ends epoll_pwait() */
}

/* It may have been blocked or ignored when we were started. */
static void
open_signal(void)
{
    struct sigaction act = {.sa_handler = on_nudge, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    (void)sigaction(SIGURG, &act, NULL);
    poller_block(false);
}

void
poller_block(bool on)
{
    sigset_t urgent;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &urgent, NULL);
}

int
poller_open(void)
{
    poller.pid = getpid();
    poller.ready = NULL;
    poller.ready_end = &poller.ready;
    poller.n = 0;
    open_signal();
    sigprocmask(SIG_SETMASK, NULL, &poller.open_mask);
    sigdelset(&poller.open_mask, SIGURG);
    poller.epoll = epoll_create1(EPOLL_CLOEXEC);
    return poller.epoll < 0 ? -errno : 0;
}

void
poller_close(void)
{
    close(poller.epoll);
    free(poller.watches);
    free(poller.heap);
    memset(&poller, 0, sizeof poller);
    poller.epoll = -1;
}

/* ---- moments ---- */

static void
heap_set(size_t i, struct poller_wait *w)
{
    poller.heap[i] = w;
    w->heap_at = (uint32_t)i;
}

static void
sift_up(size_t i)
{
    struct poller_wait *w = poller.heap[i];
    for (; i > 1 && poller.heap[i / 2]->due_ns > w->due_ns; i /= 2)
        heap_set(i, poller.heap[i / 2]);
    heap_set(i, w);
}

static void
sift_down(size_t i)
{
    struct poller_wait *w = poller.heap[i];
    for (size_t child; (child = 2 * i) <= poller.n; i = child) {
        if (child < poller.n && poller.heap[child + 1]->due_ns < poller.heap[child]->due_ns)
            child++;
        if (poller.heap[child]->due_ns >= w->due_ns)
            break;
        heap_set(i, poller.heap[child]);
    }
    heap_set(i, w);
}

static bool
heap_add(struct poller_wait *w)
{
    if (!array_reserve(&poller.heap, &poller.heap_cap, poller.n + 2, sizeof(struct poller_wait *)))
        return false;
    poller.heap[++poller.n] = w;
    sift_up(poller.n);
    return true;
}

static void
heap_remove(struct poller_wait *w)
{
    size_t i = w->heap_at;
    struct poller_wait *last;
    if (!i)
        return;
    w->heap_at = 0;
    last = poller.heap[poller.n--];
    if (last == w)
        return;
    heap_set(i, last);
    sift_up(i);
    sift_down(last->heap_at);
}

uint64_t
poller_due(void)
{
    return poller.n ? poller.heap[1]->due_ns : CLOCK_NEVER;
}

/* ---- descriptors ---- */

static struct watch *
watch_of(int fd)
{
    return fd >= 0 && (size_t)fd < poller.watches_cap ? &poller.watches[fd] : NULL;
}

/* What is waited for now. */
static struct epoll_event
event_of(int fd, const struct watch *w)
{
    struct epoll_event e = {.events = EPOLLONESHOT};
    e.events |= w->reader ? EPOLLIN | EPOLLRDHUP : 0;
    e.events |= w->writer ? EPOLLOUT : 0;
    e.data.u64 = (uint64_t)w->use << 32 | (uint32_t)fd;
    return e;
}

/* Tells the kernel, if it is anything. 0 or -errno. */
static int
arm(int fd, struct watch *w)
{
    if (!w->reader && !w->writer)
        return 0;
    w->use++;
    struct epoll_event e = event_of(fd, w);
    if (w->in_epoll && epoll_ctl(poller.epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return 0;
    /* Closed without a word, and the number used again: see was_closed(). */
    w->in_epoll = epoll_ctl(poller.epoll, EPOLL_CTL_ADD, fd, &e) == 0 ||
                  (errno == EEXIST && epoll_ctl(poller.epoll, EPOLL_CTL_MOD, fd, &e) == 0);
    return w->in_epoll ? 0 : -errno;
}

static void
unwatch(struct poller_wait *wait)
{
    for (uint32_t i = 0; i < wait->nfds; i++) {
        struct watch *w = watch_of(wait->fds[i].fd);
        if (w && w->reader == wait)
            w->reader = NULL;
        if (w && w->writer == wait)
            w->writer = NULL;
    }
}

/* Is the descriptor, which somebody waits for already, another file by now? Only one that was
 * closed is no longer in the set. */
static bool
was_closed(int fd, const struct watch *w)
{
    struct epoll_event e = event_of(fd, w);
    return w->in_epoll && epoll_ctl(poller.epoll, EPOLL_CTL_MOD, fd, &e) && errno == ENOENT;
}

static int
claim(struct poller_wait *wait, struct poller_fd *f)
{
    if (f->fd < 0)
        return -EBADF;
    if (!array_reserve_zeroed(&poller.watches, &poller.watches_cap, (size_t)f->fd + 1,
                              sizeof *poller.watches))
        return -ENOMEM;
    struct watch *w = &poller.watches[f->fd];
    bool busy = ((f->want & POLLER_READ) && w->reader && w->reader != wait) ||
                ((f->want & POLLER_WRITE) && w->writer && w->writer != wait);
    if ((w->reader || w->writer) && was_closed(f->fd, w)) {
        poller_closes(f->fd);
        busy = false;
    }
    if (busy)
        return -EBUSY;
    if (f->want & POLLER_READ)
        w->reader = wait;
    if (f->want & POLLER_WRITE)
        w->writer = wait;
    return arm(f->fd, w);
}

struct poller_wait *
poller_reads(int fd)
{
    struct watch *w = watch_of(fd);
    return w ? w->reader : NULL;
}

struct poller_wait *
poller_writes(int fd)
{
    struct watch *w = watch_of(fd);
    return w ? w->writer : NULL;
}

/* ---- waits ---- */

static void
append_ready(struct poller_wait *wait, enum poller_why why)
{
    wait->why = why;
    wait->next = NULL;
    if (wait->over) {
        wait->over(wait);
        return;
    }
    *poller.ready_end = wait;
    poller.ready_end = &wait->next;
}

int
poller_wait(struct poller_wait *wait, uint32_t *at)
{
    int err = 0;
    bool ready = false;
    wait->why = POLLER_WAITING;
    wait->heap_at = 0;
    for (*at = 0; !err && *at < wait->nfds; ++*at) {
        struct poller_fd *f = &wait->fds[*at];
        f->ready = 0;
        err = claim(wait, f);
        if (err == -EPERM) { /* always ready, as for poll(2) */
            f->ready = f->want;
            ready = true;
            err = 0;
        }
    }
    if (!err && wait->due_ns != CLOCK_NEVER && !heap_add(wait))
        err = -ENOMEM;
    if (err) {
        *at -= *at > 0;
        unwatch(wait);
    } else if (ready) {
        poller_end(wait, POLLER_READY);
    }
    return err;
}

void
poller_drop(struct poller_wait *wait)
{
    heap_remove(wait);
    unwatch(wait);
}

void
poller_end(struct poller_wait *wait, enum poller_why why)
{
    poller_drop(wait);
    append_ready(wait, why);
}

void
poller_closes(int fd)
{
    struct watch *w = watch_of(fd);
    if (!w || poller.pid != getpid())
        return;
    if (w->in_epoll)
        (void)epoll_ctl(poller.epoll, EPOLL_CTL_DEL, fd, NULL);
    w->in_epoll = false;
    w->use++;
    if (w->reader)
        poller_end(w->reader, POLLER_CLOSED);
    if (w->writer)
        poller_end(w->writer, POLLER_CLOSED);
}

/* ---- events ---- */

static void
note_ready(struct poller_wait *wait, int fd, uint8_t what)
{
    for (uint32_t i = 0; wait && i < wait->nfds; i++) {
        if (wait->fds[i].fd == fd)
            wait->fds[i].ready |= wait->fds[i].want & what;
    }
    if (wait && wait->why == POLLER_WAITING)
        poller_end(wait, POLLER_READY);
}

static void
take_event(const struct epoll_event *e)
{
    int fd = (int)(uint32_t)e->data.u64;
    struct watch *w = watch_of(fd);
    uint8_t what = 0;
    if (!w || w->use != (uint32_t)(e->data.u64 >> 32))
        return;
    if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
        what |= POLLER_READ;
    if (e->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        what |= POLLER_WRITE;
    if (what & POLLER_READ)
        note_ready(w->reader, fd, what);
    if (what & POLLER_WRITE)
        note_ready(w->writer, fd, what);
    if (arm(fd, w)) /* who waits in the other direction */
        poller_closes(fd);
}

static void
take_moments(void)
{
    uint64_t now = poller.n ? clock_ns() : 0;
    while (poller.n && poller.heap[1]->due_ns <= now)
        poller_end(poller.heap[1], POLLER_TIME);
}

bool
poller_moments(void)
{
    uint64_t now = poller.n && !poller.heap[1]->nfds ? clock_ns() : 0;
    while (poller.n && !poller.heap[1]->nfds && poller.heap[1]->due_ns <= now)
        poller_end(poller.heap[1], POLLER_TIME);
    return poller.ready != NULL;
}

bool
poller_poll(uint64_t until_ns)
{
    struct epoll_event events[EVENTS];
    struct timespec at_most = {0, 0};
    if (poller.look)
        poller.look();
    if (poller.ready)
        until_ns = 0;
    uint64_t now = until_ns && until_ns != CLOCK_NEVER ? clock_ns() : 0;
    if (until_ns > now && until_ns != CLOCK_NEVER)
        at_most = (struct timespec){(time_t)((until_ns - now) / CLOCK_SECOND),
                                    (long)((until_ns - now) % CLOCK_SECOND)};
    /* The kernel before 5.11 has no epoll_pwait2(). */
    int n = epoll_pwait2(poller.epoll, events, EVENTS,
                         until_ns == CLOCK_NEVER ? NULL : &at_most, &poller.open_mask);
    bool woken = n < 0 && errno == EINTR;
    if (n < 0 && errno == ENOSYS) {
        n = epoll_pwait(poller.epoll, events, EVENTS, clock_poll_ms(until_ns), &poller.open_mask);
        woken = n < 0 && errno == EINTR;
    }
    for (int i = 0; i < n; i++)
        take_event(&events[i]);
    take_moments();
    if (poller.look)
        poller.look();
    return woken;
}

void
poller_look(void (*look)(void))
{
    poller.look = look;
}

struct poller_wait *
poller_next(void)
{
    struct poller_wait *wait = poller.ready;
    if (!wait)
        return NULL;
    poller.ready = wait->next;
    if (!poller.ready)
        poller.ready_end = &poller.ready;
    return wait;
}

bool
poller_any(void)
{
    return poller.ready != NULL;
}
