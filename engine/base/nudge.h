/* nudge: waking a process that sleeps until something of its own happens, by SIGURG.
 *
 * It needs no descriptor that both have. SIGURG does nothing to a process that does not know it,
 * so a number that has become another process's does no harm. By system calls, as futex.h: for
 * the modules that live in shared memory. */
#ifndef PRN_NUDGE_H
#define PRN_NUDGE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef PRN_SIM
bool nudge(uint32_t pid);
void nudge_take(uint64_t at_most_ns);
#else
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* nudge sends the signal to the process's first thread: with kill(2) another one might take it.
 * false: it is another user's, or gone. */
static inline bool
nudge(uint32_t pid)
{
    return syscall(SYS_tgkill, (pid_t)pid, (pid_t)pid, SIGURG) == 0;
}

/* nudge_take takes a signal away that is on its way to this process, which blocks it. */
static inline void
nudge_take(uint64_t at_most_ns)
{
    uint64_t urgent = (uint64_t)1 << (SIGURG - 1); /* a sigset_t, as the kernel has it */
    struct timespec t = {(time_t)(at_most_ns / 1000000000), (long)(at_most_ns % 1000000000)};
    (void)syscall(SYS_rt_sigtimedwait, &urgent, NULL, &t, sizeof urgent);
}
#endif

#endif
