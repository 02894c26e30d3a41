#include "worker/resolver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    THREADS_MAX = 32,
    REST_SECONDS = 10,        /* then a thread without work ends */
    STACK_BYTES = 512 * 1024, /* of a thread: as much as modules of nsswitch.conf may need */
};

/* A question on its way, and then its answer. Under the mutex, but for the answer once it is
 * done. */
struct request {
    struct lookup_question question; /* its strings follow the struct; fixed */
    struct lookup_answer answer;     /* writer: the thread that has it, before `done` */
    struct resolver_ticket *tickets;
    struct request *next; /* in `asked` */
    bool begun;           /* a thread has it */
    bool done;
};

struct resolver_ticket {
    struct request *request;
    struct resolver_ticket *next;
    int fd;
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t more;    /* something was asked */
    pid_t pid;              /* whose threads they are; 0: nobody's yet */
    struct request *asked;  /* not done, the oldest first: begun or not */
    uint32_t waiting;       /* of these not begun */
    uint32_t threads, rest; /* all; those that have nothing to do */
} resolver = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- requests: under the mutex ---- */

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static struct request *
find(const struct lookup_question *q)
{
    for (struct request *r = resolver.asked; r; r = r->next) {
        if (r->question.kind == q->kind && r->question.family == q->family &&
            same_text(r->question.host, q->host) && same_text(r->question.service, q->service))
            return r;
    }
    return NULL;
}

static char *
copy_text(char **to, const char *text)
{
    char *copy = *to;
    if (!text)
        return NULL;
    *to = stpcpy(copy, text) + 1;
    return copy;
}

static struct request *
append(const struct lookup_question *q)
{
    size_t texts = (q->host ? strlen(q->host) + 1 : 0) + (q->service ? strlen(q->service) + 1 : 0);
    struct request *r = calloc(1, sizeof *r + texts);
    struct request **end = &resolver.asked;
    if (!r)
        return NULL;
    char *to = (char *)(r + 1);
    r->question = *q;
    r->question.host = copy_text(&to, q->host);
    r->question.service = copy_text(&to, q->service);
    while (*end)
        end = &(*end)->next;
    *end = r;
    resolver.waiting++;
    return r;
}

static void
unlink_request(const struct request *r)
{
    struct request **at = &resolver.asked;
    while (*at && *at != r)
        at = &(*at)->next;
    if (*at)
        *at = r->next;
}

static void
free_request(struct request *r)
{
    lookup_free(&r->answer);
    free(r);
}

static struct request *
first_waiting(void)
{
    struct request *r = resolver.asked;
    while (r && r->begun)
        r = r->next;
    return r;
}

static void
tell(const struct request *r)
{
    uint64_t one = 1;
    for (const struct resolver_ticket *t = r->tickets; t; t = t->next) {
        while (write(t->fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
    }
}

/* ---- threads ---- */

static void
serve(struct request *r)
{
    r->begun = true;
    resolver.waiting--;
    pthread_mutex_unlock(&resolver.mutex);
    lookup(&r->question, &r->answer);
    pthread_mutex_lock(&resolver.mutex);
    unlink_request(r);
    r->done = true;
    if (r->tickets)
        tell(r);
    else
        free_request(r);
}

/* false: there was nothing for a while. */
static bool
rest(void)
{
    struct timespec until;
    int err = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_SECONDS;
    resolver.rest++;
    while (!resolver.waiting && !err)
        err = pthread_cond_timedwait(&resolver.more, &resolver.mutex, &until);
    resolver.rest--;
    return resolver.waiting > 0;
}

static void *
run(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&resolver.mutex);
    do {
        struct request *r = first_waiting();
        if (r)
            serve(r);
    } while (resolver.waiting || rest());
    resolver.threads--;
    pthread_mutex_unlock(&resolver.mutex);
    return NULL;
}

/* It inherits the signals that are blocked: all of them. */
static bool
start_thread(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attr))
        return false;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, &attr, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    resolver.threads += ok;
    return ok;
}

/* Somebody will take what is waiting. false: there is no thread at all. */
static bool
have_it_served(void)
{
    if (resolver.rest >= resolver.waiting) {
        pthread_cond_signal(&resolver.more);
        return true;
    }
    if (resolver.threads < THREADS_MAX)
        (void)start_thread();
    return resolver.threads > 0;
}

/* ---- the worker ---- */

static bool
open_once(void)
{
    pthread_condattr_t attr;
    if (resolver.pid)
        return resolver.pid == getpid();
    if (pthread_condattr_init(&attr))
        return false;
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&resolver.more, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (ok)
        resolver.pid = getpid();
    return ok;
}

/* The ticket's place in its request; under the mutex. */
static bool
enter(struct resolver_ticket *t, const struct lookup_question *q)
{
    struct request *r = find(q);
    bool ours = !r;
    if (ours)
        r = append(q);
    if (!r)
        return false;
    if (ours && !have_it_served()) {
        unlink_request(r);
        resolver.waiting--;
        free_request(r);
        return false;
    }
    t->request = r;
    t->next = r->tickets;
    r->tickets = t;
    return true;
}

struct resolver_ticket *
resolver_ask(const struct lookup_question *q)
{
    struct resolver_ticket *t = open_once() ? calloc(1, sizeof *t) : NULL;
    if (!t)
        return NULL;
    t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = t->fd >= 0;
    if (ok) {
        pthread_mutex_lock(&resolver.mutex);
        ok = enter(t, q);
        pthread_mutex_unlock(&resolver.mutex);
        if (!ok)
            close(t->fd);
    }
    if (ok)
        return t;
    free(t);
    return NULL;
}

int
resolver_fd(const struct resolver_ticket *t)
{
    return t->fd;
}

const struct lookup_answer *
resolver_answer(const struct resolver_ticket *t)
{
    bool done = false;
    if (resolver.pid == getpid()) {
        pthread_mutex_lock(&resolver.mutex);
        done = t->request->done;
        pthread_mutex_unlock(&resolver.mutex);
    }
    return done ? &t->request->answer : NULL;
}

/* Under the mutex. */
static void
leave(const struct resolver_ticket *t)
{
    struct request *r = t->request;
    struct resolver_ticket **at = &r->tickets;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (r->tickets || (r->begun && !r->done))
        return; /* the thread that has it frees it */
    if (!r->done) {
        unlink_request(r);
        resolver.waiting--;
    }
    free_request(r);
}

void
resolver_drop(struct resolver_ticket *t)
{
    if (resolver.pid == getpid()) {
        pthread_mutex_lock(&resolver.mutex);
        leave(t);
        pthread_mutex_unlock(&resolver.mutex);
    }
    close(t->fd);
    free(t);
}
