/* What the clients ask: answers each GET with "ok\n" after a while.
 *
 *   server MS      prints the port it got on 127.0.0.1
 *
 * Runs until its standard input is closed, so it does not outlive who started it.
 *
 * One thread, epoll, and a timerfd: it shares the CPUs with the clients that are measured, so
 * it has to take little of them (Go's net/http takes 36 us a request), and to answer neither
 * early nor late (Go's timers may be 1 ms late). All answers wait equally long, so those that
 * wait are a queue. A client sends one request and waits for the answer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 1 << 16,
       EVENTS = 256 };

static struct connection {
    uint32_t number; /* counts the connections that had this descriptor */
    size_t len;
    char request[4096];
} *connections[FDS];

/* Answers that wait: a ring. */
static struct answer {
    int64_t at; /* ns, CLOCK_MONOTONIC */
    int fd;
    uint32_t number;
    int close;
} waiting[FDS];
static unsigned first, last;

static int poller, timer;
static int64_t delay;

static int64_t
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
watch(int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e))
        err(1, "server: epoll_ctl");
}

static void
set_timer(void)
{
    struct itimerspec when = {0};
    if (first != last) {
        int64_t at = waiting[first % FDS].at;
        when.it_value = (struct timespec){at / 1000000000, at % 1000000000};
    }
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL))
        err(1, "server: timerfd_settime");
}

static void
end(int fd)
{
    connections[fd]->number++;
    connections[fd]->len = 0;
    close(fd);
}

static void
come(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!connections[fd] && !(connections[fd] = calloc(1, sizeof **connections)))
            err(1, "server");
        watch(fd);
    }
}

static void
hear(int fd)
{
    struct connection *c = connections[fd];
    ssize_t n = read(fd, c->request + c->len, sizeof c->request - 1 - c->len);
    if (n <= 0) {
        end(fd);
        return;
    }
    c->len += (size_t)n;
    c->request[c->len] = '\0';
    if (!strstr(c->request, "\r\n\r\n")) {
        if (c->len == sizeof c->request - 1)
            end(fd);
        return;
    }
    waiting[last++ % FDS] = (struct answer){now() + delay, fd, c->number,
                                            strcasestr(c->request, "\nConnection: close") != NULL};
    c->len = 0;
    if (last - first == 1)
        set_timer();
}

static void
answer_all(void)
{
    static const char keep[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 3\r\n\r\nok\n";
    static const char last_one[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 3\r\nConnection: close\r\n\r\nok\n";
    uint64_t times;
    if (read(timer, &times, sizeof times) < 0)
        return;
    for (int64_t t = now(); first != last && waiting[first % FDS].at <= t; first++) {
        struct answer *a = &waiting[first % FDS];
        if (connections[a->fd]->number != a->number)
            continue; /* it has gone */
        ssize_t n = a->close ? write(a->fd, last_one, sizeof last_one - 1)
                             : write(a->fd, keep, sizeof keep - 1);
        if (n < 0 || a->close)
            end(a->fd);
    }
    set_timer();
}

int
main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max; /* thousands of clients ask at a time */
        setrlimit(RLIMIT_NOFILE, &files);
    }
    delay = (argc > 1 ? atoll(argv[1]) : 0) * 1000000;
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (listener < 0 || poller < 0 || timer < 0 || bind(listener, (struct sockaddr *)&at, len) ||
        listen(listener, 4096) || getsockname(listener, (struct sockaddr *)&at, &len))
        err(1, "server");
    watch(listener);
    watch(timer);
    watch(STDIN_FILENO);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);

    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char byte;
            if (fd == STDIN_FILENO) {
                if (read(fd, &byte, 1) <= 0)
                    return 0;
            } else if (fd == listener) {
                come(fd);
            } else if (fd == timer) {
                answer_all();
            } else {
                hear(fd);
            }
        }
    }
}
