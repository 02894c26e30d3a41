#include "base/signal_state.h"

#include <signal.h>

void
signal_state_keep_statuses(void)
{
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now))
        return;
    if (now.sa_handler == SIG_IGN)
        now.sa_handler = SIG_DFL;
    else if (!(now.sa_flags & SA_NOCLDWAIT))
        return;
    now.sa_flags &= ~SA_NOCLDWAIT;
    (void)sigaction(SIGCHLD, &now, NULL);
}

void
signal_state_repair(void)
{
    sigset_t set;
    signal_state_keep_statuses();
    sigfillset(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}
