/* metrics_layout: what a running job lets be seen of itself, as it lies in memory.
 *
 *   | head | names of functions | slot 0 | slot 1 | ... |      slot: counters, then events
 *
 * A file without a name (memfd) of its own, made and mapped before the fork: the job does not
 * need it, and `prunner top`, which has no part in the job, reads it by pread() and never sees
 * the arena (cli/attach.h). Every word has one writer, the slot's process (the supervisor in
 * its place when it is dead), unless it says otherwise; whoever looks may see a word a little
 * late, and figures that do not quite fit each other. After a death a counter may be off by
 * the posts or the end of one task: nothing is decided by them (task/counts.h has the sums
 * that decide).
 *
 * Who writes: metrics.h. What readers compute: metrics_read.h.
 *
 * Another prunner may read this, compiled at another time. Before you change anything below
 * (a field, its meaning or its unit, the order, the value of a constant or of an enum):
 *
 *   1. raise METRICS_VERSION, once for each release that changed something: a reader of another
 *      version refuses, and says so, instead of showing nonsense;
 *   2. leave `magic` and `version` where they are: by them versions know each other;
 *   3. correct the sizes at the end of this file: they are there to stop you at this list;
 *   4. look whether cli/snapshot.c, which reads a slot in pieces, still reads what it uses. */
#ifndef PRN_METRICS_LAYOUT_H
#define PRN_METRICS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomics.h"

#define METRICS_VERSION 2
#define METRICS_MAGIC 0x5343495254454d50ULL /* "PMETRICS" */
#define METRICS_FILE "prunner-metrics"      /* /proc/PID/fd/N -> /memfd:prunner-metrics (deleted) */

enum {
    METRICS_SLOTS = 4096, /* at most: as many as the arena has */
    METRICS_FNS = 2048,   /* functions with figures of their own; further ones share number 0 */
    METRICS_TIMES = 128,  /* a quarter of an octave each ... */
    METRICS_FIRST = 7,    /* ... from 128 ns: log2 of the first */
    METRICS_RING = 4096,  /* events in a slot, at most */
    METRICS_TEXT = 144,   /* bytes of an event's text */
    METRICS_NAME = 64,    /* bytes of a function's name, and of its place, with the 0 */
    METRICS_SLOWEST = 5,  /* tasks that a slot remembers */
    METRICS_KEPT = 8,     /* failures of which a slot keeps the whole text ... */
    METRICS_WHOLE = 4080, /* ... up to this number of bytes */
};

/* What is put into the rings besides failures. */
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
    METRICS_QUARANTINED,
};

/* One run of a task that has ended. Times: CLOCK_MONOTONIC, ns. */
struct metrics_event {
    uint64_t id, parent; /* as in struct task */
    uint64_t from_ns, to_ns;
    uint64_t lock_from_ns, lock_to_ns; /* the last sleep for a lock; 0: none */
    uint64_t lock_ns;                  /* all of them */
    uint64_t waited_ns;                /* between from_ns and to_ns its worker ran others */
    uint64_t wait_from_ns, wait_to_ns; /* the longest of these waits; 0: none */
    uint64_t kind;                     /* of the failure: failure_key(); 0: none */
    uint64_t runs;                     /* tasks that the worker had started, with this one */
    uint32_t fn, parent_fn;            /* numbers of functions */
    uint32_t weight;                   /* how many tasks of the worker it stands for */
    uint16_t worker;
    uint8_t outcome;              /* enum metrics_outcome */
    uint8_t attempt;              /* 1: the first run */
    uint8_t stolen;               /* its worker had stolen it */
    uint8_t rough;                /* from_ns is a few ms off */
    uint8_t signal;               /* DIED, QUARANTINED: that ended the worker; 0: it ended itself */
    uint8_t exit;                 /* DIED, QUARANTINED without a signal: the worker's exit status.
                                   * FAILED, RETRY: both of the program that was the reason */
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
    uint64_t posted;      /* by this slot. May be taken back: look at the sum over the slots */
    uint64_t finished;    /* in any way: done, failed for good, quarantined */
    uint64_t failed;      /* for good; part of finished */
    uint64_t retried;     /* runs that ended by an error and came again */
    uint64_t quarantined; /* part of finished. Slot 0 only */
    uint64_t timed;       /* how many of the done ones the next three are about */
    uint64_t busy_ns;     /* they took in all, estimated; while they waited not counted */
    uint64_t longest_ns;  /* of those that were timed */
    uint64_t times[METRICS_TIMES];
};

struct metrics_slot {
    /* Of the task at hand. A page's start: what comes before fns[2] is on one. */
    _Alignas(4096) uint64_t runs; /* tasks started */
    uint64_t id;
    uint64_t since_ns;      /* start of run number since_run; ns */
    uint64_t since_run;     /* another number: run `runs` was not timed */
    uint32_t fn;            /* 0: idle */
    uint32_t pid;           /* writer: the supervisor; 0: no process */
    uint64_t idle_ns;       /* without a task, in all ... */
    uint64_t idle_since_ns; /* ... and since then; 0: not idle */
    uint64_t wait_ns;       /* its tasks waited (task/suspend.h), all of them added up */
    uint32_t waiting;       /* tasks that wait now */
    uint32_t pad;

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
    uint64_t fn_wait_ns[METRICS_FNS]; /* as wait_ns, of each function */
    uint64_t idle_waits_ns;           /* part of idle_ns: its tasks waited */
    uint64_t blocks;                  /* how often a task ran long while others could continue */
    uint64_t block_ns;                /* ... for how long, the worst of these ... */
    uint32_t block_fn;                /* ... and its function */
    struct metrics_event events[METRICS_RING];
};

/* Tasks of a job before it was resumed, which no slot has counted here. */
struct metrics_earlier {
    uint64_t posted, finished, failed, retried, quarantined;
};

struct metrics_name {
    char name[METRICS_NAME], where[METRICS_NAME];
};

/* Fixed before the fork, unless it says otherwise. */
struct metrics_header {
    uint64_t magic;                   /* METRICS_MAGIC; 0: the rest is not there yet */
    uint32_t version;                 /* METRICS_VERSION of the prunner that runs the job */
    uint32_t slots;                   /* how many slots follow the names */
    uint64_t bytes;                   /* of all this */
    uint32_t slot_bytes;              /* of one slot */
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
    /* Of functions that have, or may have, figures; "": none yet. writer: whoever has the first
     * figure of it, all the same; the first byte of `name` last. */
    struct metrics_name names[METRICS_FNS];
    struct metrics_slot slot[]; /* 0: begin() and the supervisor */
};

/* Not as it was? Then see the list at the head of this file. */
_Static_assert(offsetof(struct metrics_header, magic) == 0, "versions know each other by it");
_Static_assert(offsetof(struct metrics_header, version) == 8, "versions know each other by it");
_Static_assert(METRICS_VERSION == 2 && sizeof(struct metrics_header) == 266240 &&
                   sizeof(struct metrics_slot) == 3362816 && sizeof(struct metrics_event) == 264,
               "another layout is another METRICS_VERSION");
_Static_assert(offsetof(struct metrics_slot, fns[2]) <= 4096, "a small job touches one page");

#endif
