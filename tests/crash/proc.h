/* proc: what chaos and treekill have in common: jobs that say what they print, and
 * signals to children of the command, to nobody else. */
#ifndef PROC_H
#define PROC_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1 << 16,
       CHILDREN_MAX = 1024 };

extern uint64_t seed;

/* What a job's file says in its first lines. */
struct job {
    const char *path;
    char prints[256];
    int status;
};

double now(void);
uint32_t dice(uint32_t below);
__attribute__((noreturn)) void die(const char *what);
/* slurp reads a file, as much as TEXT holds; "" if there is none. */
size_t slurp(const char *path, char *text);
void read_job(struct job *job, const char *path);
/* children_of lists the children of a process. */
int children_of(pid_t parent, pid_t pids[CHILDREN_MAX]);
/* child_pidfd returns a pidfd of a process if it is a child of `parent`, or -1. */
int child_pidfd(pid_t parent, pid_t pid);
/* send signals by pidfd. */
bool send_signal(int pidfd, int sig);
/* wait_orphans waits until this process (a subreaper) has no children, at most so long;
 * those left then are killed. false: some were left. */
bool wait_orphans(double seconds);

#endif
