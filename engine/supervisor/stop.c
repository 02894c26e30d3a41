#include "supervisor/stop.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/halt.h"
#include "job/job.h"
#include "monitor/observers.h"
#include "output/output.h"
#include "output/own_streams.h"
#include "output/printer.h"
#include "supervisor/child.h"
#include "supervisor/descendants.h"
#include "task/idle.h"

#define HALT_TICK_NS (50 * CLOCK_MILLISECOND) /* --halt by successes: nobody tells of them */

static struct {
    uint64_t deadline_ns; /* 0: none */
    bool asked;           /* somebody has asked to stop: next time at once */
    bool stopping;
    bool killing;
} stop;

void
stop_open(uint64_t deadline_ns)
{
    stop.deadline_ns = deadline_ns;
}

uint64_t
stop_deadline_ns(void)
{
    return stop.deadline_ns;
}

bool
stop_deadline_over(void)
{
    return stop.deadline_ns && clock_ns() >= stop.deadline_ns;
}

bool
stop_stopping(void)
{
    return stop.stopping;
}

bool
stop_killing(void)
{
    return stop.killing;
}

bool
stop_job_over(void)
{
    return atom_load(&job.arena.header->mode) != ARENA_RUN;
}

static void
stop_soon(void)
{
    stop.stopping = true;
    idle_set_mode(&job.arena, ARENA_STOP);
}

static void
stop_now(void)
{
    stop.killing = true;
    stop_soon();
    children_freeze(); /* as in run_kill() */
    (void)descendants_signal(0, SIGTERM);
    children_kill();
}

/* ---- it was asked for ---- */

void
stop_signal(int sig)
{
    job.result.signal = sig;
    if (!stop.asked) {
        stop.asked = true;
        stop_soon();
        log_error("%s: no new tasks will start, waiting for running tasks (%llu unfinished); "
                  "interrupt again to kill them",
                  sig == SIGINT ? "interrupted" : sig == SIGTERM ? "terminated"
                                                                 : "hung up",
                  (unsigned long long)observers_left());
    } else if (!stop.killing) {
        log_error("stopping at once");
        stop_now();
    }
}

void
stop_by_control(bool now)
{
    if (!job.result.signal)
        job.result.signal = SIGINT; /* as by Ctrl-C */
    stop.asked = true;
    log_error("ctl: %s (%llu unfinished)",
              now ? "stopping at once" : "no new tasks will start, waiting for running tasks",
              (unsigned long long)observers_left());
    if (now)
        stop_now();
    else
        stop_soon();
}

/* ---- it is time ---- */

void
stop_check_halt(void)
{
    const struct halt *h = &job.config.halt;
    uint64_t have;
    if (stop.stopping || atom_load(&job.arena.header->mode) == ARENA_DONE ||
        !halt_reached(&job.arena, h, &have))
        return;
    job.result.halted = true;
    log_error("--halt: %llu %s %s, %s", (unsigned long long)have, have == 1 ? "task" : "tasks",
              h->kind == HALT_FAIL ? "failed" : h->kind == HALT_DONE ? "done"
                                                                     : "succeeded",
              h->when == HALT_NOW ? "stopping at once" : "no new tasks will start");
    if (h->when == HALT_NOW)
        stop_now();
    else
        stop_soon();
}

static void
check_deadline(void)
{
    if (!stop_deadline_over() || stop.stopping ||
        atom_load(&job.arena.header->mode) == ARENA_DONE)
        return;
    job.result.deadline_passed = true;
    log_error("--deadline: time is up, no new tasks will start, waiting for running tasks "
              "(%llu unfinished)",
              (unsigned long long)observers_left());
    stop_soon();
}

bool
stop_note_output_lost(void)
{
    struct result *r = &job.result;
    struct output_error e = output_error_unpack(atom_load(&job.arena.header->output_error));
    if (!e.errnum || r->reader_gone || r->fatal)
        return false;
    r->reader_gone = e.errnum == EPIPE && !e.capture;
    r->fatal = !r->reader_gone;
    if (r->fatal)
        output_say_lost(e);
    else
        own_streams_said();
    return true;
}

void
stop_tick(void)
{
    bool lost = stop_note_output_lost();
    if (printer_died() || lost)
        stop_now();
    stop_check_halt();
    check_deadline();
}

uint64_t
stop_due(void)
{
    const struct halt *h = &job.config.halt;
    uint64_t next = CLOCK_NEVER;
    if (stop.stopping)
        return CLOCK_NEVER;
    if (stop.deadline_ns)
        next = stop.deadline_ns;
    if (h->when != HALT_NEVER && h->kind != HALT_FAIL)
        next = clock_sooner(next, clock_ns() + HALT_TICK_NS);
    return next;
}
