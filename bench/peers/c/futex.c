/* What waking another process costs at least: a round trip between two processes
 * that wait for each other on futex words in shared memory.
 *
 *   futex ROUNDS PAUSE_US     prints "round_trip_us" and the median of ROUNDS
 *
 * Before each round the first process rests for PAUSE_US, so that the second
 * one's CPU has had the time to fall asleep.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared {
    _Alignas(64) _Atomic uint32_t there; /* writer: the first process */
    _Alignas(64) _Atomic uint32_t back;  /* writer: the second */
};

static void
tell(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
await(_Atomic uint32_t *word, uint32_t value)
{
    uint32_t seen;
    while ((seen = atomic_load(word)) != value)
        syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static double
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    uint32_t rounds = (uint32_t)atoi(argv[1]);
    long pause_us = atol(argv[2]);
    struct timespec pause = {.tv_nsec = pause_us * 1000};
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double *took = calloc(rounds, sizeof *took);
    if (s == MAP_FAILED || !took || rounds == 0)
        return 1;

    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (uint32_t i = 1; i <= rounds; i++) {
            await(&s->there, i);
            tell(&s->back, i);
        }
        _exit(0);
    }
    for (uint32_t i = 1; i <= rounds; i++) {
        if (pause_us)
            nanosleep(&pause, NULL);
        double start = now_us();
        tell(&s->there, i);
        await(&s->back, i);
        took[i - 1] = now_us() - start;
    }
    wait(NULL);
    qsort(took, rounds, sizeof *took, by_size);
    printf("round_trip_us %.2f\n", took[rounds / 2]);
    return 0;
}
