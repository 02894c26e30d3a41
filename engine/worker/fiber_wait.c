#include "worker/fiber_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/job.h"
#include "task/section.h"
#include "task/suspend.h"
#include "task/task.h"
#include "worker/run.h"
#include "worker/waiting.h"

uint64_t
fiber_wait_owner(const struct poller_wait *w)
{
    const struct fiber *f = (const struct fiber *)w;
    return f ? task_at(&job.arena, f->tx.task)->id : 0;
}

bool
fiber_can_wait(lua_State *L)
{
    const struct fiber *f = fiber_running();
    return f && f->L == L && job.stage == STAGE_TASK && lua_isyieldable(L) &&
           !section_any_held(&job.self);
}

static int
copy_list(struct fiber *f, const struct poller_fd *fds, uint32_t n)
{
    f->wait.fds = n > 1 ? malloc(n * sizeof *fds) : &f->fd;
    if (!f->wait.fds)
        return -ENOMEM;
    if (n)
        memcpy(f->wait.fds, fds, n * sizeof *fds);
    f->wait.nfds = n;
    return 0;
}

void
fiber_wait_over(struct fiber *f)
{
    if (f->wait.fds != &f->fd)
        free(f->wait.fds);
    f->wait.fds = NULL;
    f->wait.nfds = 0;
}

/* When its task has run too long; CLOCK_NEVER: never. */
static uint64_t
deadline_of_task(const struct self *self)
{
    int64_t limit = job_timeout_ns(task_at(self->arena, self->slot->cur)->fn);
    return limit > 0 ? run_began() + (uint64_t)limit : CLOCK_NEVER;
}

int
fiber_wait(const struct poller_fd *fds, uint32_t n, uint64_t due_ns, const char *what,
           uint32_t *at)
{
    struct fiber *f = fiber_running();
    int err = suspend_prepare(&job.self, &f->tx);
    if (err)
        return err;
    err = copy_list(f, fds, n);
    if (err) {
        suspend_cancel(&f->tx);
        return err;
    }
    f->due_ns = due_ns;
    f->deadline_ns = deadline_of_task(&job.self);
    f->wait.due_ns = clock_sooner(due_ns, f->deadline_ns);
    f->waits_for = what;
    f->failed = false;
    err = waiting_add(f) ? 0 : -ENOMEM;
    if (!err) {
        err = poller_wait(&f->wait, at);
        if (err)
            waiting_remove(f);
    }
    if (err) {
        fiber_wait_over(f);
        suspend_cancel(&f->tx);
    } else {
        run_will_wait();
    }
    return err;
}

int
fiber_wait_told(struct fiber_ticket *ticket, uint64_t due_ns, const char *what)
{
    uint32_t at;
    struct fiber *f = fiber_running();
    int err = fiber_wait(NULL, 0, due_ns, what, &at);
    if (!err) {
        f->ticket = ticket;
        ticket->fiber = f;
    }
    return err;
}

bool
fiber_tell(struct fiber_ticket *ticket)
{
    struct fiber *f = ticket->fiber;
    if (!f || f->wait.why != POLLER_WAITING)
        return false;
    poller_end(&f->wait, POLLER_TOLD);
    return true;
}
