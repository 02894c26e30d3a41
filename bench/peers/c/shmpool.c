/* The sum job by forked processes in C: what is possible with a single queue in
 * shared memory. One ring of bytes under one process-shared mutex; a task is
 * encoded as its length, its function's number, a varint. Nothing survives a
 * death here but, with robust mutexes, the lock.
 *
 *   shmpool N W robust|plain     prints N * (N + 1)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INIT,
       ADD_ONE,
       DOUBLE,
       SUM_UP };

struct shared {
    pthread_mutex_t mutex; /* guards: all but sum */
    pthread_cond_t more;
    int workers, idle, finished;
    uint64_t head, tail, bytes; /* of the ring; bytes is a power of two */
    pthread_mutex_t sum_mutex;  /* guards: sum */
    long sum;
};

static struct shared *s;
static unsigned char *ring;

static void
lock(pthread_mutex_t *m)
{
    if (pthread_mutex_lock(m))
        pthread_mutex_consistent(m);
}

/* Copies n bytes to (in) or from the ring at `at`; they may go round its end. */
static void
ring_copy(uint64_t at, unsigned char *bytes, size_t n, int in)
{
    uint64_t from = at & (s->bytes - 1);
    size_t straight = from + n <= s->bytes ? n : s->bytes - from;
    if (in) {
        memcpy(ring + from, bytes, straight);
        memcpy(ring, bytes + straight, n - straight);
    } else {
        memcpy(bytes, ring + from, straight);
        memcpy(bytes + straight, ring, n - straight);
    }
}

static void
post(int function, long arg)
{
    unsigned char b[16];
    int n = 1;
    b[n++] = (unsigned char)function;
    uint64_t rest = (uint64_t)arg;
    for (; rest >= 128; rest >>= 7)
        b[n++] = (unsigned char)(rest | 128);
    b[n++] = (unsigned char)rest;
    b[0] = (unsigned char)n;

    lock(&s->mutex);
    if (s->tail + (uint64_t)n - s->head > s->bytes) {
        fprintf(stderr, "shmpool: the ring is full\n");
        _exit(1);
    }
    ring_copy(s->tail, b, (size_t)n, 1);
    s->tail += (uint64_t)n;
    int wake = s->idle > 0;
    pthread_mutex_unlock(&s->mutex);
    if (wake)
        pthread_cond_signal(&s->more);
}

static void
run(int function, long n)
{
    switch (function) {
    case INIT:
        for (long i = 0; i < n; i++)
            post(ADD_ONE, i);
        break;
    case ADD_ONE: post(DOUBLE, n + 1); break;
    case DOUBLE:
        post(SUM_UP, n);
        post(SUM_UP, n);
        break;
    case SUM_UP:
        lock(&s->sum_mutex);
        s->sum += n;
        pthread_mutex_unlock(&s->sum_mutex);
    }
}

/* Takes a task's bytes from the ring. Returns 0 when all work is done: every
 * worker waits and there is nothing to wait for. */
static int
take(unsigned char *b)
{
    lock(&s->mutex);
    if (s->head == s->tail && ++s->idle == s->workers) {
        s->finished = 1;
        pthread_cond_broadcast(&s->more);
    }
    int waited = s->head == s->tail;
    while (s->head == s->tail && !s->finished)
        pthread_cond_wait(&s->more, &s->mutex);
    if (s->finished) {
        pthread_mutex_unlock(&s->mutex);
        return 0;
    }
    s->idle -= waited;
    unsigned n = ring[s->head & (s->bytes - 1)];
    ring_copy(s->head, b, n, 0);
    s->head += n;
    pthread_mutex_unlock(&s->mutex);
    return 1;
}

static void
work(void)
{
    unsigned char b[256];
    while (take(b)) {
        uint64_t arg = 0;
        for (int i = 2; i < b[0]; i++)
            arg |= (uint64_t)(b[i] & 127) << (7 * (i - 2));
        run(b[1], (long)arg);
    }
}

static void
set_up(long n, int workers, int robust)
{
    int map = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, map, -1, 0);
    s->workers = workers;
    for (s->bytes = 1 << 16; s->bytes < (uint64_t)n * 20; s->bytes *= 2)
        ;
    ring = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, map, -1, 0);
    if (s == MAP_FAILED || ring == MAP_FAILED)
        exit(1);

    pthread_mutexattr_t m;
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    if (robust)
        pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->mutex, &m);
    pthread_mutex_init(&s->sum_mutex, &m);
    pthread_condattr_t c;
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->more, &c);
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    long n = atol(argv[1]);
    int workers = atoi(argv[2]);
    set_up(n, workers, !strcmp(argv[3], "robust"));
    post(INIT, n);
    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            work();
            _exit(0);
        }
    }
    for (int i = 0; i < workers; i++) {
        int status;
        wait(&status);
        if (status)
            return 1;
    }
    printf("%ld\n", s->sum);
    return 0;
}
