/* clock: what time it is, and waiting for a while; all in nanoseconds. Which clock it
 * is is in the name, since a moment of one says nothing to another:
 *
 *   clock_ns          to measure, and for moments that something is due
 *   clock_coarse_ns   the same, cheaper and a little behind
 *   clock_unix_ns     for people to read
 *   clock_boot_ns     besides what /proc says
 *
 * Any process may ask, at any time; nothing waits but clock_sleep(). The simulator
 * (tests/crash/sim.h) has a clock of its own in the place of clock_gettime(). */
#ifndef PRN_CLOCK_H
#define PRN_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

/* How long they are, in nanoseconds. */
#define CLOCK_MILLISECOND ((uint64_t)1000 * 1000)
#define CLOCK_SECOND ((uint64_t)1000 * 1000 * 1000)

/* For "when to come again": not at any time. */
#define CLOCK_NEVER UINT64_MAX

static inline uint64_t
clock_read(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CLOCK_MONOTONIC: since some moment before the job. Never goes back, and is the same
 * in all processes: what is kept in the arena to be compared is of this clock. */
static inline uint64_t
clock_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

/* The sooner of two moments. */
static inline uint64_t
clock_sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* CLOCK_MONOTONIC_COARSE: the same clock at its last tick, 1 to 10 ms ago. For what is
 * asked so often that clock_ns() would cost too much. */
static inline uint64_t
clock_coarse_ns(void)
{
    return clock_read(CLOCK_MONOTONIC_COARSE);
}

/* CLOCK_REALTIME: since the beginning of 1970, UTC. For dates in files. It may be set,
 * back as well: no difference of two of them is a duration. */
static inline uint64_t
clock_unix_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

/* CLOCK_BOOTTIME: since the machine started, its sleep included. What /proc/PID/stat
 * counts in. */
static inline uint64_t
clock_boot_ns(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

/* clock_poll_ms: for poll(2) and its like: until then, rounded up, so that it is not too early by
 * less than a millisecond; CLOCK_NEVER: -1. */
static inline int
clock_poll_ms(uint64_t due_ns)
{
    uint64_t now = due_ns == CLOCK_NEVER ? 0 : clock_ns();
    if (due_ns == CLOCK_NEVER)
        return -1;
    if (due_ns <= now)
        return 0;
    uint64_t ms = (due_ns - now - 1) / CLOCK_MILLISECOND + 1;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* clock_sleep waits for `ns`, whatever signals come in between. */
static inline void
clock_sleep(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

#endif
