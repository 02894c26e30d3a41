/* snapshot: a running job as it looks at one moment, copied from its figures (attach.h) and
 * from /proc, and what changed since the look before. */
#ifndef PRN_SNAPSHOT_H
#define PRN_SNAPSHOT_H

#include "cli/attach.h"
#include "monitor/metrics_layout.h"

/* Where the job stands. */
enum snapshot_stage {
    SNAPSHOT_BEGIN = 0, /* the script loads, or its begin() runs: no workers yet */
    SNAPSHOT_RUN,
    SNAPSHOT_END,  /* the workers are gone; end_() runs */
    SNAPSHOT_GONE, /* the process has ended, after its workers */
    SNAPSHOT_CUT,  /* the process was ended while there were workers */
};

/* What a worker does. */
enum snapshot_does {
    SNAPSHOT_NOBODY = 0, /* its slot has no process */
    SNAPSHOT_STARTS,     /* loads, or runs worker_begin or worker_end */
    SNAPSHOT_IDLE,
    SNAPSHOT_WAITS,   /* all tasks that it has begun are suspended, or it is between two */
    SNAPSHOT_RUNS,    /* a task */
    SNAPSHOT_SLEEPS,  /* in a task: waits for I/O, a lock, a clock */
    SNAPSHOT_DISK,    /* in a task, asleep so that no signal wakes it */
    SNAPSHOT_STOPPED, /* by SIGSTOP, or a debugger */
};

struct snapshot_fn {
    struct metrics_fn sum; /* over all slots */
    uint32_t running;
    uint64_t running_ns; /* how long the running ones have been running */
    double rate;         /* ended in a second, lately */
    double share;        /* of the time of all tasks, those that run included: 0..1 */
    uint64_t finished_before;
};

struct snapshot_worker {
    uint32_t slot, pid;
    enum snapshot_does does;
    uint32_t fn;      /* of the task it runs; 0: none */
    uint64_t id;      /* its number */
    uint64_t for_ns;  /* how long it has been doing this; 0: unknown, not long */
    uint64_t runs;    /* tasks started */
    uint32_t waiting; /* tasks that are suspended in it */
    uint64_t rss_bytes;
    double cpu, idle; /* shares of the time since the look before, or since the start */
    uint64_t cpu_before, idle_before, run_before, run_seen_ns;
    uint32_t pid_before;
};

struct snapshot {
    const struct attach *job;
    enum snapshot_stage stage;
    uint64_t now_ns;     /* of this look, CLOCK_MONOTONIC; 0: there was none */
    uint64_t elapsed_ns; /* from the fork to now, or to the end */
    uint64_t posted, finished, failed, retried, quarantined;
    struct metrics_earlier earlier; /* part of these */
    uint64_t by_begin;              /* posted by begin(), or before the job was resumed */
    uint64_t expected;              /* as the script says; 0: it does not */
    double rate;                    /* ended in a second, lately */
    bool growing;                   /* posts outrun completions */
    uint64_t left_ns;               /* until all is done; 0: unknown */
    double cpu;                     /* CPUs in use by the workers */
    uint32_t nfns;                  /* fns[0..nfns]; [0]: those beyond the table */
    struct snapshot_fn *fns;
    struct metrics_name *names; /* by number, as read: any bytes, a 0 at their end */
    uint32_t nworkers;
    struct snapshot_worker *workers; /* [0] is slot 1's */
    uint32_t alive, busy;
    uint64_t suspended; /* tasks, in all workers */
    bool suspends;      /* there were some, now or before */
    uint64_t left_before;
    double shrink;             /* how much less is left after a second, lately */
    struct metrics_slot *room; /* to read a slot's front to */
};

/* snapshot_open: 0 or -ENOMEM. */
int snapshot_open(struct snapshot *g, const struct attach *job);
/* snapshot_look takes a new look. 0; -EIO: the figures cannot be read or make no sense;
 * -ENOMEM. */
int snapshot_look(struct snapshot *g);
void snapshot_close(struct snapshot *g);

#endif
