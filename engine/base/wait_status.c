#include "base/wait_status.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const char *
wait_status_text(int status)
{
    static char text[48];
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        if (name)
            snprintf(text, sizeof text, "SIG%s", name);
        else
            snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    } else {
        snprintf(text, sizeof text, "os.exit(%d)", WEXITSTATUS(status));
    }
    return text;
}
