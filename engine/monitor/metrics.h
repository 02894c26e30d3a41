/* metrics: what a running job lets be seen of itself.
 *
 *   | head | names of functions | slot 0 | slot 1 | ... |      slot: counters, then events
 *
 * A mapping of its own, made before the fork: the job does not need it, and `prunner top`
 * maps it read-only without seeing the arena. Every word has one writer, the slot's process
 * (the supervisor in its place when it is dead), unless it says otherwise; whoever looks may
 * see a word a little late, and figures that do not quite fit each other. After a death a
 * counter may be off by the posts or the end of one task: nothing is decided by them.
 *
 * Counting is one store to the worker's own line. Time is sampled: every task is timed as
 * long as tasks are slow enough, else one in so many, which then stands for the others
 * (`weight`). A task that runs long is noticed by the supervisor, which looks now and then
 * which run is still the same, and marks it: no clock is read for the tasks in between. */
#ifndef PRN_METRICS_H
#define PRN_METRICS_H

#include "memory/arena.h"

struct self;
struct task;

enum {
    METRICS_FNS = 2048,   /* functions with figures of their own; further ones share number 0 */
    METRICS_TIMES = 128,  /* a quarter of an octave each ... */
    METRICS_FIRST = 7,    /* ... from 128 ns: log2 of the first */
    METRICS_RING = 4096,  /* events in a slot, at most */
    METRICS_TEXT = 168,   /* bytes of an event's text */
    METRICS_NAME = 64,    /* bytes of a function's name, and of its place, with the 0 */
    METRICS_SLOWEST = 5,  /* tasks that a slot remembers */
    METRICS_KEPT = 8,     /* failures of which a slot keeps the whole text ... */
    METRICS_WHOLE = 4080, /* ... up to so many bytes */
};
#define METRICS_MAGIC 0x31484354415750ULL /* "PWATCH1" */
#define METRICS_FILE "prunner-metrics"    /* /proc/PID/fd/N -> /memfd:prunner-metrics (deleted) */

/* What is put into the rings beside failures. */
enum metrics_want {
    METRICS_TASKS = 1,  /* every timed task */
    METRICS_ARGS = 2,   /* with its arguments as text */
    METRICS_ALL = 4,    /* every task is timed, and none is lost: a full ring is waited for */
    METRICS_WHOLES = 8, /* the whole text of some failures: struct metrics_kept */
};

enum metrics_outcome {
    METRICS_DONE = 0,
    METRICS_FAILED, /* for good */
    METRICS_RETRY,  /* by an error: it runs again */
    METRICS_DIED,   /* with its worker: it runs again */
    METRICS_DEAD,   /* set aside */
};

/* One run of a task that has ended. Times: CLOCK_MONOTONIC, ns. */
struct metrics_event {
    uint64_t id, parent; /* as in struct task */
    uint64_t from_ns, to_ns;
    uint64_t lock_from_ns, lock_to_ns; /* the last sleep for a lock; 0: none */
    uint64_t lock_ns;                  /* all of them */
    uint64_t kind;                     /* of the failure: failure_key(); 0: none */
    uint64_t runs;                     /* tasks that the worker had started, with this one */
    uint32_t fn, parent_fn;            /* numbers of functions */
    uint32_t weight;                   /* how many tasks of the worker it stands for */
    uint16_t worker;
    uint8_t outcome;              /* enum metrics_outcome */
    uint8_t attempt;              /* 1: the first run */
    uint8_t stolen;               /* its worker had stolen it */
    uint8_t rough;                /* from_ns is a few ms off */
    uint8_t signal;               /* DIED, DEAD: that ended the worker; 0: it ended itself */
    uint8_t exit;                 /* DIED, DEAD without a signal: the worker's exit status */
    uint16_t args_len, error_len; /* of text: arguments, then what went wrong */
    char text[METRICS_TEXT];      /* no 0 at the end */
};

/* The first failure of its kind (failure_key()) that the slot has met, with its traceback. */
struct metrics_kept {
    uint64_t id, key;
    uint32_t fn, len;
    char text[METRICS_WHOLE]; /* no 0 at the end */
};

/* Of one function, in one slot. */
struct metrics_fn {
    uint64_t posted;     /* by this slot. May be taken back: look at the sum over the slots */
    uint64_t done;       /* in any way: done, failed for good, set aside */
    uint64_t failed;     /* for good; part of done */
    uint64_t retried;    /* runs that ended by an error and came again */
    uint64_t dead;       /* set aside; part of done. Slot 0 only */
    uint64_t timed;      /* how many of the done ones the next three are about */
    uint64_t busy_ns;    /* they took in all, estimated */
    uint64_t longest_ns; /* of those that were timed */
    uint64_t times[METRICS_TIMES];
};

struct metrics_slot {
    /* Of the task at hand. */
    _Alignas(CACHE_LINE) uint64_t runs; /* tasks started */
    uint64_t id;
    uint64_t since_ns;      /* start of run number since_run; ns */
    uint64_t since_run;     /* another number: run `runs` was not timed */
    uint32_t fn;            /* 0: idle */
    uint32_t pid;           /* writer: the supervisor; 0: no process */
    uint64_t idle_ns;       /* without a task, in all ... */
    uint64_t idle_since_ns; /* ... and since then; 0: not idle */

    /* writer of these three: the supervisor. Run `seen_run` was seen at seen_ns the first
     * time; `mark`: a run that lasts long, to be noted when it ends. */
    _Alignas(CACHE_LINE) uint64_t seen_run, seen_ns, mark;
    uint64_t event_head; /* next to read; writer: the supervisor */

    _Alignas(CACHE_LINE) uint64_t event_tail; /* next to write */
    uint64_t events_lost;
    uint64_t lock_ns;                              /* asleep for locks, in all; a little late */
    uint64_t used[METRICS_FNS / 64];               /* bit f: figures of function f are not all 0 */
    struct metrics_event slowest[METRICS_SLOWEST]; /* by no order; to_ns == 0: none */

    struct metrics_fn fns[METRICS_FNS];
    uint64_t nkept; /* of kept[] */
    struct metrics_kept kept[METRICS_KEPT];
    struct metrics_event events[METRICS_RING];
};

/* Tasks of a job before it was resumed, which no slot has counted here. */
struct metrics_earlier {
    uint64_t posted, done, failed, retried, dead;
};

struct metrics_name {
    char name[METRICS_NAME], where[METRICS_NAME];
};

/* Fixed before the fork, unless it says otherwise. */
struct metrics_header {
    uint64_t magic, bytes;
    uint32_t slot_bytes, slots;       /* for whoever was compiled at another time */
    uint32_t pid;                     /* of the supervisor */
    uint32_t nworkers;                /* slots 1..nworkers may run tasks. writer: the supervisor */
    uint32_t nfns;                    /* functions 1..nfns have names */
    uint32_t record;                  /* enum metrics_want */
    uint32_t ring;                    /* events used of each slot's ring: a power of two */
    uint32_t over;                    /* writer: the supervisor: the workers are gone */
    uint64_t interval_ns;             /* between two timed tasks of a worker, in the long run */
    uint64_t expected;                /* tasks in all, as the script says; 0: unknown. By anybody */
    uint64_t start_ns, start_unix_ns; /* the same moment by CLOCK_MONOTONIC, CLOCK_REALTIME */
    uint64_t end_ns;                  /* writer: the supervisor: when the workers were gone; 0 */
    struct metrics_earlier earlier;
    char script[256];
    struct metrics_name names[METRICS_FNS];
    _Alignas(CACHE_LINE) struct metrics_slot slot[]; /* 0: begin() and the supervisor */
};

/* The process's view. */
struct metrics {
    struct metrics_header *header;
    int fd;                    /* of the mapping, for those who look; -1: not the supervisor */
    struct metrics_slot *slot; /* own */
    uint32_t left;             /* the left-th task from now is timed */
    uint32_t every;            /* one task in about so many is timed */
    double credit;             /* tasks that may still be timed one after the other */
    uint64_t last_ns;          /* when credit was counted */
    uint64_t last_run;         /* the last timed run */
    uint64_t slow_ns;          /* what is faster is not among the slowest of the slot */
    uint64_t steals;           /* slot->steals at the start of the timed run */
    uint64_t lock_ns;          /* self->lock_ns then */
    uint64_t lock_told;        /* self->lock_ns when it was added to slot->lock_ns */
    bool described;            /* `event` waits for its outcome */
    struct metrics_event event;
    void (*full)(void); /* asks for the ring to be read */
};

extern struct metrics metrics;

/* metrics_open makes the mapping; `full` is called by a worker whose ring is half full.
 * Without memory for it nothing can be seen from outside, no more. Once, before the
 * fork; 0 or -ENOMEM. */
int metrics_open(void (*full)(void));
/* metrics_start_job: what the head says of `n` workers. Before the fork. */
void metrics_start_job(uint32_t n, const char *script);
/* metrics_set_workers: there are `n` workers now, or were. */
void metrics_set_workers(uint32_t n);
/* metrics_name names function `fn`, before the fork. */
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
/* metrics_dead counts a task of function fn that was set aside. The supervisor only. */
void metrics_dead(uint32_t fn);

/* ---- what a worker calls for each task ---- */

/* The slow half of metrics_start(). */
uint64_t metrics_time(const struct self *self);
/* metrics_describe notes what the running task is, before it is freed; `error` may be NULL.
 * The event goes out with metrics_end(). */
void metrics_describe(const struct self *self, const struct task *t, uint64_t from,
                      const char *error);
void metrics_publish(enum metrics_outcome outcome);
/* metrics_keep keeps the whole text of a failure, if it is wanted and the first of its kind;
 * `traceback` may be NULL. */
void metrics_keep(const struct task *t, const char *error, const char *traceback);
/* The function's figures were all 0. */
void metrics_mark_used(uint32_t fn);
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

/* Shall it be described? */
static inline bool
metrics_due(uint64_t from)
{
    return from || atom_peek(&metrics.slot->mark) == metrics.slot->runs;
}

/* A run of a task of function fn has ended. */
static inline void
metrics_end(uint32_t fn, enum metrics_outcome outcome)
{
    struct metrics_fn *f = &metrics.slot->fns[metrics_index(fn)];
    if (unlikely(!f->done))
        metrics_mark_used(metrics_index(fn));
    if (likely(outcome == METRICS_DONE)) {
        atom_set(&f->done, f->done + 1);
    } else if (outcome == METRICS_FAILED) {
        atom_set(&f->done, f->done + 1);
        atom_set(&f->failed, f->failed + 1);
    } else {
        atom_set(&f->retried, f->retried + 1);
    }
    if (unlikely(metrics.described))
        metrics_publish(outcome);
}

/* ---- for those who look at this process's job ---- */

/* Which slots have figures: 0, the supervisor's, up to this one. */
static inline uint32_t
metrics_last_slot(void)
{
    uint32_t n = metrics.header->nworkers;
    return n < metrics.header->slots ? n : metrics.header->slots - 1;
}

/* How long after the start of the job, ns; 0: before it. */
static inline uint64_t
metrics_since_start(uint64_t ns)
{
    uint64_t start = metrics.header->start_ns;
    return ns > start ? ns - start : 0;
}

/* ---- for those who look: also in a process that has no job (`prunner top`) ---- */

/* Where the i-th of METRICS_TIMES begins, ns. */
static inline uint64_t
metrics_time_start(uint32_t i)
{
    return (uint64_t)(4 + i % 4) << (i / 4 + METRICS_FIRST - 2);
}

/* metrics_quantile returns below how many ns the share `q` (0..1) of the times lies. */
static inline uint64_t
metrics_quantile(const uint64_t times[METRICS_TIMES], double q)
{
    uint64_t sum = 0, below = 0;
    for (uint32_t i = 0; i < METRICS_TIMES; i++)
        sum += atom_peek(&times[i]);
    if (!sum)
        return 0;
    double want = q * (double)sum;
    for (uint32_t i = 0; i < METRICS_TIMES; i++) {
        uint64_t n = atom_peek(&times[i]);
        if (n && (double)(below + n) >= want) {
            double part = (want - (double)below) / (double)n;
            uint64_t start = metrics_time_start(i), end = metrics_time_start(i + 1);
            return start + (uint64_t)(part * (double)(end - start));
        }
        below += n;
    }
    return metrics_time_start(METRICS_TIMES);
}

#endif
