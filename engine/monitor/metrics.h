/* metrics: what this process notes of itself for those who look (metrics_layout.h): the calls of
 * workers and of the supervisor. What readers compute is in metrics_read.h.
 *
 * Counting is one store to the worker's own line. Time is sampled: every task is timed as
 * long as tasks are slow enough, else a sample, each of which stands for several
 * (`weight`). A task that runs long is noticed by the supervisor, which looks now and then
 * which run is still the same, and marks it: no clock is read for the tasks in between. */
#ifndef PRN_METRICS_H
#define PRN_METRICS_H

#include <stdbool.h>

#include "monitor/metrics_layout.h"

struct arena;
struct self;
struct task;

/* The process's view. */
struct metrics {
    struct metrics_header *header;
    int fd;                    /* of the mapping, for those who look; -1: not the supervisor */
    struct metrics_slot *slot; /* own */
    /* As in the head, which an idle worker so leaves alone; fixed before the fork. */
    uint32_t slots, ring, record;
    uint64_t interval_ns;
    /* Bit f: function f has its name. */
    uint64_t named[METRICS_FNS / 64];
    uint32_t left;                     /* the left-th task from now is timed */
    uint32_t every;                    /* about one task in `every` is timed */
    double credit;                     /* tasks that may still be timed one after the other */
    uint64_t last_ns;                  /* when credit was counted */
    uint64_t last_run;                 /* the last timed run */
    uint64_t slow_ns;                  /* what is faster is not among the slowest of the slot */
    uint64_t steals;                   /* slot->steals at the start of the timed run */
    uint64_t lock_ns;                  /* self->lock_ns then */
    uint64_t waited_ns;                /* how long the task at hand has waited so far */
    uint64_t wait_from_ns, wait_to_ns; /* its longest wait */
    uint64_t lock_told;                /* self->lock_ns when it was added to slot->lock_ns */
    bool described;                    /* `event` waits for its outcome */
    struct metrics_event event;
    void (*full)(void); /* asks for the ring to be read */
};

extern struct metrics metrics;

/* Of a task that waits. */
struct metrics_saved {
    uint64_t id;
    uint32_t fn;
    uint64_t at_ns;                    /* since then */
    uint64_t waited_ns;                /* before that */
    uint64_t wait_from_ns, wait_to_ns; /* the longest of these waits */
    uint64_t locked_ns;                /* it has slept for locks */
};

/* metrics_open makes the mapping; `full` is called by a worker whose ring is half full.
 * Without memory for it nothing can be seen from outside, no more. Once, before the
 * fork; 0 or -ENOMEM. */
int metrics_open(void (*full)(void));
/* metrics_start_job: what the head says of `n` workers. Before the fork. */
void metrics_start_job(uint32_t n, const char *script);
/* metrics_want: these are noted, too (enum metrics_want). Before the fork. */
void metrics_want(uint32_t what);
/* metrics_set_workers: there are `n` workers now, or were. */
void metrics_set_workers(uint32_t n);
/* metrics_name names function `fn`: by whoever has the first figure of it, since few functions are
 * ever posted; and by the supervisor before the fork, who may know a better name. */
void metrics_name(uint32_t fn, const char *name, const char *where);
/* metrics_in_worker: this process was forked off: the supervisor keeps the descriptor. */
void metrics_in_worker(void);
/* metrics_act: this process writes slot k from now on. */
void metrics_act(uint32_t k);
/* metrics_started, metrics_ended: the supervisor, for slot k whose process was forked, or is
 * gone. */
void metrics_started(uint32_t k, int pid);
void metrics_ended(uint32_t k);
/* metrics_dropped takes the posts back that slot k has staged and will not publish. */
void metrics_dropped(const struct arena *a, uint32_t k);
/* metrics_quarantined counts a task of function fn that was quarantined. The supervisor only. */
void metrics_quarantined(uint32_t fn);

/* ---- what a worker calls for each task ---- */

/* The slow half of metrics_start(). */
uint64_t metrics_time(const struct self *self);
/* metrics_event_of begins an event for a run of t, by worker k, from `from` to `to`. */
struct metrics_event metrics_event_of(const struct task *t, uint32_t k, uint32_t attempt,
                                      uint64_t from, uint64_t to);
/* metrics_describe notes what the running task is, before it is freed; `error` may be NULL.
 * The event goes out with metrics_end(). */
void metrics_describe(const struct self *self, const struct task *t, uint64_t from,
                      const char *error);
/* metrics_describe_program, after that: a program was the reason; waitpid() said this of it. */
void metrics_describe_program(int status);
void metrics_publish(enum metrics_outcome outcome);
/* metrics_keep keeps the whole text of a failure, if it is wanted and the first of its kind;
 * `traceback` may be NULL. */
void metrics_keep(const struct task *t, const char *error, const char *traceback);
/* The function's figures were all 0. */
__attribute__((cold, noinline)) void metrics_mark_used(uint32_t fn);
/* metrics_suspend: the task at hand waits: before suspend_task(). metrics_resume: it continues:
 * after suspend_resume(); `from` is when it started. */
void metrics_suspend(const struct self *self, struct metrics_saved *out);
void metrics_resume(const struct self *self, uint64_t from, const struct metrics_saved *in);
/* metrics_give_back: a task that waits does not continue. */
void metrics_give_back(void);
/* metrics_blocked: a task of function fn ran for ns while others of its worker could continue. */
void metrics_blocked(uint32_t fn, uint64_t ns);
/* metrics_idle_start, metrics_idle_end: around looking and waiting for a task. */
void metrics_idle_start(void);
void metrics_idle_end(void);

static inline uint32_t
metrics_index(uint32_t fn)
{
    return likely(fn < METRICS_FNS) ? fn : 0;
}

/* A task starts. Returns when, or 0: this one is not timed. */
static inline uint64_t
metrics_start(const struct self *self, uint32_t fn, uint64_t id)
{
    struct metrics_slot *s = metrics.slot;
    s->fn = fn;
    s->id = id;
    atom_set(&s->runs, s->runs + 1);
    return likely(--metrics.left) ? 0 : metrics_time(self);
}

/* A task of function fn was posted by this process. */
static inline void
metrics_posted(uint32_t fn)
{
    struct metrics_fn *f = &metrics.slot->fns[metrics_index(fn)];
    if (unlikely(!f->posted))
        metrics_mark_used(metrics_index(fn));
    atom_set(&f->posted, f->posted + 1);
}

/* Must it be described? */
static inline bool
metrics_due(uint64_t from)
{
    return from || atom_peek(&metrics.slot->mark) == metrics.slot->runs;
}

/* The task at hand has not waited. */
static inline void
metrics_waits_none(void)
{
    metrics.waited_ns = metrics.wait_from_ns = metrics.wait_to_ns = 0;
}

/* A run of a task of function fn has ended. */
static inline void
metrics_end(uint32_t fn, enum metrics_outcome outcome)
{
    struct metrics_fn *f = &metrics.slot->fns[metrics_index(fn)];
    if (unlikely(!f->finished))
        metrics_mark_used(metrics_index(fn));
    if (likely(outcome == METRICS_DONE)) {
        atom_set(&f->finished, f->finished + 1);
    } else if (outcome == METRICS_FAILED) {
        atom_set(&f->finished, f->finished + 1);
        atom_set(&f->failed, f->failed + 1);
    } else {
        atom_set(&f->retried, f->retried + 1);
    }
    if (unlikely(metrics.described))
        metrics_publish(outcome);
}

#endif
