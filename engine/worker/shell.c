#include "worker/shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process_tree.h"
#include "base/signal_state.h"

enum { STREAMS = 3,
       MARK_MAX = 400, /* bytes of the mark's value: some ten jobs within each other */
       MARK_OWN = 32 /* bytes of ours in it */ };

struct start {
    char *const *argv;
    char **environment;
    const int *fds; /* its standard streams; -1: as ours */
    pid_t parent;
    int err;
};

/* In the child, which has our memory until it runs the shell: nothing here may change what the
 * parent continues with but s->err. All signals are blocked. */
static void
become_shell(struct start *s)
{
    struct sigaction act;
    sigset_t none;
    for (int sig = 1; sig < _NSIG; sig++) {
        if (sigaction(sig, NULL, &act) || act.sa_handler == SIG_IGN || act.sa_handler == SIG_DFL)
            continue;
        act = (struct sigaction){.sa_handler = SIG_DFL};
        (void)sigaction(sig, &act, NULL);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != s->parent)
        _exit(127);
    for (int i = 0; i < STREAMS; i++) {
        if (s->fds[i] >= 0)
            (void)dup2(s->fds[i], i);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve("/bin/sh", s->argv, s->environment);
    s->err = -errno;
    _exit(127);
}

/* A function of its own: none of its variables is written on both sides. */
__attribute__((noinline)) static pid_t
fork_shell(struct start *s)
{
    pid_t pid = vfork();
    if (pid == 0)
        become_shell(s);
    return pid;
}

/* Our environment, with the mark; malloc'ed, as is *mark. NULL: no memory. */
static char **
marked_environment(uint32_t number, char **mark)
{
    size_t n = 0, out = 0;
    const char *around = getenv(SHELL_MARK);
    bool fits = around && strlen(around) < MARK_MAX;
    while (environ && environ[n])
        n++;
    char **list = calloc(n + 2, sizeof *list);
    *mark = malloc(sizeof SHELL_MARK + MARK_MAX + MARK_OWN);
    if (!list || !*mark) {
        free(list);
        free(*mark);
        return NULL;
    }
    snprintf(*mark, sizeof SHELL_MARK + MARK_MAX + MARK_OWN, SHELL_MARK "=%s:%d.%u:",
             fits ? around : "", (int)getpid(), number);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], SHELL_MARK "=", sizeof SHELL_MARK) != 0)
            list[out++] = environ[i];
    }
    list[out] = *mark;
    return list;
}

pid_t
shell_start(const char *command, const int fds[3], uint32_t number)
{
    char *mark, *argv[] = {"sh", "-c", "--", (char *)command, NULL};
    char **environment = marked_environment(number, &mark);
    struct start s = {argv, environment, fds, getpid(), 0};
    sigset_t all, before;
    if (!environment)
        return -ENOMEM;
    signal_state_keep_statuses(); /* the script may have changed it */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork_shell(&s);
    int err = pid < 0 ? -errno : s.err;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && err)
        (void)waitpid(pid, NULL, 0);
    free(environment);
    free(mark);
    return err ? err : pid;
}

bool
shell_has_mark(pid_t pid, uint32_t number)
{
    char mark[MARK_OWN];
    snprintf(mark, sizeof mark, ":%d.%u:", (int)getpid(), number);
    return process_has_mark(pid, SHELL_MARK, mark);
}
