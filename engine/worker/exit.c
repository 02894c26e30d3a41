#include "worker/exit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/atomics.h"
#include "job/halt.h"
#include "job/job.h"
#include "output/output.h"
#include "output/own_streams.h"
#include "task/idle.h"
#include "worker/program.h"

enum { RSS_EVERY = 64 }; /* tasks between two looks at the memory used */

static uint64_t
rss_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%lu %lu", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool
exit_due(uint32_t ran)
{
    const struct config *c = &job.config;
    if (c->serial)
        return false;
    if (c->max_tasks && ran >= c->max_tasks)
        return true;
    return c->max_rss_bytes && (ran < RSS_EVERY || ran % RSS_EVERY == 0) &&
           rss_bytes() > c->max_rss_bytes;
}

void
exit_check_halt(void)
{
    uint64_t have;
    if (!halt_reached(&job.arena, &job.config.halt, &have))
        return;
    idle_set_mode(&job.arena, ARENA_STOP);
    job_notify();
}

void
exit_output_lost(struct output_error lost)
{
    if (!job.config.serial)
        exit_worker(REASON_READER_GONE); /* says so */
    if (lost.errnum == EPIPE && !lost.capture) {
        job.result.reader_gone = true;
        own_streams_said();
    } else {
        if (!job.result.fatal)
            output_say_lost(lost);
        job.result.fatal = true;
    }
    idle_set_mode(&job.arena, ARENA_STOP);
}

void
exit_worker(enum exit_reason reason)
{
    program_finish();
    (void)signal(SIGPIPE, SIG_IGN); /* of a program that a task has started and left */
    fflush(NULL);                   /* files that tasks have opened and not closed */
    struct output_error lost = output_end();
    if (lost.errnum) {
        atom_store(&job.arena.header->output_error, output_error_pack(lost));
        job_notify();
    }
    atom_store(&job.self.slot->waker_pid, 0); /* the number may be another process's soon */
    atom_store(&job.self.slot->exit_reason, (uint32_t)reason);
    _exit(reason == REASON_FATAL ? 1 : 0);
}
