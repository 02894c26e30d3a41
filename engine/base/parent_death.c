#include "base/parent_death.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t followed; /* 0: nobody */

void
parent_death_follow(pid_t parent)
{
    followed = parent;
    parent_death_renew();
}

void
parent_death_renew(void)
{
    if (!followed)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != followed)
        _exit(1); /* it died before we asked to die with it */
}
