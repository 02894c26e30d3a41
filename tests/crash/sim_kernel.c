/* What the modules call instead of the kernel (SIM_CFLAGS in the Makefile). */
#include "sim.h"

#include <errno.h>
#include <time.h>

enum { JUMP_NS = 25 * 1000 * 1000 };

int
sim_clock(clockid_t clock, struct timespec *out)
{
    (void)clock;
    if (sim_one_in(sim_policy.jump))
        sim_pass(JUMP_NS);
    uint64_t now = sim_now_ns();
    out->tv_sec = (time_t)(now / 1000000000u);
    out->tv_nsec = (long)(now % 1000000000u);
    return 0;
}

int
sim_fallocate(int fd, int mode, long at, long bytes)
{
    (void)fd;
    (void)mode;
    (void)at;
    (void)bytes;
    if (!sim_one_in(sim_policy.no_memory))
        return 0;
    errno = ENOSPC;
    return -1;
}

int
sim_madvise(void *at, size_t bytes, int advice)
{
    (void)at;
    (void)bytes;
    (void)advice;
    return 0;
}
