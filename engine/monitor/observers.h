/* observers: the supervisor's side of metrics: reads what the workers have noted, and hands it to
 * the modules that show it or write it down (observers). Only the supervisor calls it. */
#ifndef PRN_OBSERVERS_H
#define PRN_OBSERVERS_H

#include "monitor/metrics_layout.h"

struct task;

/* What a room that observes does. Each may be NULL. They run in the supervisor, between two
 * looks after its workers: they do not block, and run no Lua. */
struct observer {
    /* n workers are about to be forked. */
    void (*start)(uint32_t n);
    /* A run of a task has ended: in the order in which each worker's ended. */
    void (*event)(const struct metrics_event *e);
    /* The worker of slot k was started, or has ended (a wait status). */
    void (*started)(uint32_t k, int pid);
    void (*ended)(uint32_t k, int pid, int status);
    /* Every so often. */
    void (*tick)(uint64_t now_ns);
    /* The workers are gone, all events were handed over. */
    void (*end)(void);
    uint64_t every_ns; /* between two ticks */
    uint32_t record;   /* enum metrics_want: what it needs to be noted */
    uint64_t next_ns;  /* observers.c's own */
};

/* observers_add: before the fork; *o stays the observer's. */
void observers_add(struct observer *o);
/* observers_start: `n` workers are about to be forked. */
void observers_start(uint32_t n);
/* observers_started, observers_ended: the worker of slot k was forked, or is gone. */
void observers_started(uint32_t k, int pid);
void observers_ended(uint32_t k, int pid, int status);
/* observers_drain hands over the events there are. Under --serial by whoever runs the tasks. */
void observers_drain(void);
/* observers_tick does what is due and returns when it wants to be called again: CLOCK_MONOTONIC,
 * ns. To be called whenever the supervisor wakes. */
uint64_t observers_tick(void);
/* observers_death: the worker of slot k died in a run of task t, with a wait status, which
 * came to `outcome`: QUARANTINED, DIED, or, if its time was over, FAILED, RETRY. `how`: in
 * words. */
void observers_death(uint32_t k, const struct task *t, uint32_t attempt, int status,
                     enum metrics_outcome outcome, const char *how);
/* observers_end hands over what is left. */
void observers_end(void);
/* observers_runs returns how many runs have ended, in any way. */
uint64_t observers_runs(void);
/* observers_left returns how many tasks were posted and are not done, observers_busy how many
 * workers run one: about, while they run. */
uint64_t observers_left(void);
uint64_t observers_busy(void);
/* observers_suspended: how many tasks wait in workers that run others meanwhile. */
uint64_t observers_suspended(void);

#endif
