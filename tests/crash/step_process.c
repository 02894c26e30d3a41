/* step_process: a child under ptrace, one instruction at a time. */
#include "step_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    COPY_FIRST = 16, /* of one instruction's changes in a row these are looked at ... */
    COPY_EVERY = 64, /* ... and then one in so many */
};

/* After its self is there: from here on each instruction counts. */
void
process_ready(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
}

pid_t
process_start(struct job *j)
{
    fflush(NULL);
    spy->asleep = 0;
    pid_t pid = fork();
    if (pid < 0) {
        perror("step: fork");
        exit(2);
    }
    if (!pid) {
        crew_stepped(j->arena);
        ops_complaint[0] = '\0';
        j->run(j);
        memcpy(spy->complaint, ops_complaint, sizeof spy->complaint);
        _exit(ops_complaint[0] ? 3 : 0);
    }
    int status;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    return pid;
}

/* One instruction. 1: done; 0: it has ended; -1: it must not have ended so. */
int
process_step(pid_t pid, int *status)
{
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
        return -1;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(*status))
        return WEXITSTATUS(*status) ? -1 : 0;
    return WIFSTOPPED(*status) && WSTOPSIG(*status) == SIGTRAP ? 1 : -1;
}

/* Has this instruction changed the arena many times in a row? It copies bytes, and
 * the bytes of a copy under way are as good as each other. */
bool
process_copies(pid_t pid)
{
#if defined(__x86_64__)
    static long last;
    static uint32_t in_a_row;
    long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
    in_a_row = at == last ? in_a_row + 1 : 0;
    last = at;
    return in_a_row > COPY_FIRST && in_a_row % COPY_EVERY;
#else
    (void)pid;
    return false;
#endif
}

void
process_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
}

/* Where the stepped process is. */
void
process_place(pid_t pid, char *text, size_t n)
{
    char command[128];
    snprintf(text, n, "?");
#if defined(__x86_64__)
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, pid, 0, &r))
        return;
    snprintf(text, n, "%llx", r.rip);
    snprintf(command, sizeof command, "addr2line -s -f -e /proc/%d/exe %llx 2>/dev/null | "
                                      "tr '\\n' ' '",
             (int)getpid(), r.rip);
    FILE *f = popen(command, "r");
    if (!f)
        return;
    if (!fgets(text, (int)n, f))
        snprintf(text, n, "%llx", r.rip);
    pclose(f);
#else
    (void)pid;
    (void)command;
#endif
}

static void
look_around(struct job *j)
{
    (void)j;
    process_ready();
}

/* Containers may forbid it; elsewhere than here a stepped compare-and-swap of two
 * instructions would never succeed. */
bool
process_can_step(void)
{
#if defined(__x86_64__)
    int status;
    struct job j = {.run = look_around};
    pid_t pid = process_start(&j);
    bool can = pid && process_step(pid, &status) == 1;
    process_end(pid);
    return can;
#else
    return false;
#endif
}
