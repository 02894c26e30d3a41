#include "fixture_worker.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "task/commit.h"
#include "task/idle.h"

pid_t
worker_start(struct fixture *f, uint32_t k)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    int n = 0;
    struct self *self = &f->selves[k];
    alarm(WORKER_LIMIT_S);
    while (atom_load(&f->arena.header->mode) == ARENA_RUN) {
        if (!idle_wait(self))
            continue;
        commit_begin(self);
        (void)commit_end(self, OUTCOME_DONE);
        n++;
    }
    _exit(n);
}

int
worker_ended(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* not by alarm(): it was not woken */
    return WEXITSTATUS(status);
}

void
worker_until_parked(struct fixture *f, uint32_t k, uint64_t parks)
{
    struct timespec t = {0, 1000000};
    time_t limit = time(NULL) + WORKER_LIMIT_S;
    while (atom_load(&slot_at(&f->arena, k)->parks) < parks ||
           atom_load(&slot_at(&f->arena, k)->park) != 1) {
        assert_true(time(NULL) < limit);
        nanosleep(&t, NULL);
    }
}
