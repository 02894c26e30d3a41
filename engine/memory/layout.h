/* layout: what one process of the job writes, for all to read.
 *
 * Slot 0 belongs to the supervisor (and to begin(), which runs there), slot k to
 * worker k. Every field has one writer, the slot's process ("owner"); after
 * waitpid said that it is gone, the supervisor writes in its place until a new
 * worker is forked into the slot. The exceptions say so. docs/internals/task.md has the
 * story of the transaction, docs/internals/dict.md that of `tx`. */
#ifndef PRN_LAYOUT_H
#define PRN_LAYOUT_H

#include "memory/arena.h"

enum {
    SLOT_RING = 256,         /* hints in the ring a slot is born with */
    SLOT_ACCUMULATORS = 256, /* accumulators in a job */
    SLOT_CLASSES = 24,       /* of memory in slab.c */
    SLOT_TX = 4,             /* dict changes that need no memory of their own */
    SLOT_ALIGN = 2048,       /* half a page: this part of a slot is on one page */
    NAME_BYTES = 96,         /* longest name of a dict, a lock, a function ... */
#ifdef PRN_NAMES
    SLOT_STDERR = 64,
#else
    SLOT_STDERR = 4096, /* of what a task wrote to stderr, the last */
#endif
};

/* Where a task's transaction stands. Words that one damaged byte does not make of another. */
enum phase {
    PHASE_IDLE = 0,
    PHASE_ACTIVE = 0x41435455, /* `cur` is being claimed or runs; `staged` are its posts */
    PHASE_COMMIT = 0x434f4d56, /* what `outcome` says is true; it only has to be applied */
};

/* For tables: 0 idle, 1 active, 2 in a commit. */
static inline uint32_t
phase_number(uint32_t phase)
{
    return phase & 3;
}

/* What a commit does with the task it ends. */
enum outcome {
    OUTCOME_DONE = 0,        /* done, with all its posts */
    OUTCOME_PART = 1,        /* these posts are public; the task continues */
    OUTCOME_FAILED = 2,      /* ended by an error for good; posts were dropped */
    OUTCOME_RETRY = 3,       /* ended by an error, to be run again */
    OUTCOME_WAIT = 4,        /* the same, not before the time in its record */
    OUTCOME_QUARANTINED = 5, /* it keeps killing its worker */
    OUTCOME_CHECKPOINT = 6,  /* prunner.commit(): all so far is true; the task starts a new part */
    OUTCOME_DUPLICATE = 7,   /* not run: another task has its key (once.h) */
};

/* Is its task done with it, in one way or another? */
static inline bool
outcome_ends(enum outcome o)
{
    return o == OUTCOME_DONE || o == OUTCOME_FAILED || o == OUTCOME_QUARANTINED ||
           o == OUTCOME_DUPLICATE;
}

/* Why a worker ended on purpose. writer: the worker, as its last store. */
enum exit_reason {
    REASON_NONE = 0,        /* it did not: killed, crashed, or os.exit in a task */
    REASON_DONE = 1,        /* nothing left to do, or told to stop */
    REASON_RECYCLE = 2,     /* --max-tasks or --max-rss: wants a successor */
    REASON_READER_GONE = 3, /* nobody reads its standard output */
    REASON_FATAL = 4,       /* could not start: message printed */
    REASON_SURPLUS = 5,     /* fewer workers are wanted now */
};

/* An accumulator's part of one worker. */
struct accumulator_cell {
    double value;
    uint64_t set; /* 0: nothing was added yet */
};

/* A new absolute value of a cell, applied with a commit. */
struct accumulator_change {
    uint32_t id;
    uint32_t pad;
    double value;
};

/* What the running task has added and not yet committed. Private to its process. */
struct accumulator_pending {
    uint32_t n;
    uint32_t sums;                    /* arena->sums: each commit has something to say here */
    uint16_t ids[SLOT_ACCUMULATORS];  /* the touched ones */
    uint8_t kinds[SLOT_ACCUMULATORS]; /* enum accumulator_kind by id; 0: untouched */
    double values[SLOT_ACCUMULATORS]; /* by id */
    uint64_t log_end;                 /* uncommitted end of the log; 0: as committed */
    uint64_t log_hash;                /* up to there; with sums only */
};

/* One change of a dict: see dict_tx.c. */
struct tx_entry {
    uint64_t shard;       /* offset of the shard it changes; set before its lock is tried */
    uint32_t kind;        /* enum tx_kind */
    uint32_t record;      /* PUT: index of the new record, a block */
    uint32_t planned;     /* 0: the fields below are not valid yet */
    uint32_t victim;      /* index of the record replaced or deleted; 0: none */
    uint64_t victim_word; /* its block word while in use */
    uint64_t at;          /* offset of the 8-byte word to store */
    uint64_t word;        /* what is stored there */
    uint32_t live, used;  /* the shard's counters afterwards */
    uint64_t sum;         /* ... and its sum, if sums are kept */
};

/* How a process sleeps. */
enum park {
    PARK_AWAKE = 0,
    PARK_FUTEX = 1,  /* on `park` itself */
    PARK_SIGNAL = 2, /* until a signal wakes it, or what its tasks wait for */
    PARK_FULL = 3,   /* the same, and it may begin no task: nobody wakes it for one */
};

enum tx_state {
    TX_IDLE = 0,
    TX_OPEN = 1,    /* shards named in the entries may be locked by the owner */
    TX_COMMIT = 2,  /* to be applied */
    TX_APPLIED = 3, /* true and done; the shards have to be unlocked */
};

struct tx {
    uint32_t state;
    uint32_t n;
    uint64_t list;        /* offset of struct tx_entry[]: `own`, or a block's */
    uint64_t journal_len; /* of the record, once applied; see record.h */
    struct tx_entry own[SLOT_TX];
};

/* What a commit makes true: absolute values, so applying it twice is harmless.
 * writer: the owner, before PHASE_COMMIT; fixed until the phase is another one. */
struct commit_intent {
    uint64_t posted, finished;
    uint64_t tail;          /* where in the ring the first new hint goes */
    uint64_t count;         /* failed, retried, quarantined or duplicates, as the outcome says */
    uint64_t hash;          /* PART: rolling hash of all published posts */
    uint32_t published;     /* PART: how many posts this task has published */
    uint32_t wait_record;   /* WAIT: block with a record for a task that has none; 0: it has one */
    uint32_t errors;        /* FAILED, RETRY, WAIT: runs that ended by an error */
    uint32_t naccumulators; /* entries of acc_log */
    uint32_t cursor;        /* CHECKPOINT: block with the cursor; 0: none */
    uint32_t old_cursor;    /* CHECKPOINT: the one it replaces; 0: none */
    uint64_t old_cursor_word;
    uint32_t more;    /* 0: the fields below, and naccumulators, say nothing */
    uint64_t log_end; /* of the log of collect() */
    /* See sums.h; with sums only. */
    uint64_t log_hash, accs_sum, tasks, sum;
};

struct slot {
    /* The transaction. */
    _Alignas(SLOT_ALIGN) uint32_t phase;
    uint32_t outcome;
    uint32_t cur;    /* index of the task; valid while phase is not IDLE */
    uint32_t staged; /* index of the first task posted, linked by task->next */
    uint64_t expect; /* cur's state word before the claim */
    struct commit_intent intent;

    uint32_t record;         /* block for a task that has no record yet; 0: none */
    uint32_t unlinked_block; /* block taken but not yet linked anywhere: recovery frees it */
    uint64_t log_end;        /* see log_end_word(): the committed part of the log of collect() */
    uint64_t journal_len;    /* committed bytes of the running task's journal */
    uint32_t journal_on;     /* 0: journal_len says nothing yet */
    uint32_t words;          /* block that names its tasks that wait: task/suspend.h; 0: none */

    /* Read by everybody who wants to know whether all is done. */
    _Alignas(CACHE_LINE) uint64_t posted;
    uint64_t finished;
    uint64_t failed, retried, quarantined; /* ends by an error; runs again; crashed too many */
    uint64_t duplicates;                   /* of those finished: not run, another one had the key */
    uint64_t steals, lost, wakes, parks;   /* counters for people */
    /* See sums.h. writer: the owner, with each commit; 0 without sums. */
    uint64_t log_hash, tasks, sum;
    uint64_t accs_sum; /* the part of accs[] in `sum` */

    /* How it sleeps: enum park. writer: the owner and whoever wakes it, both by CAS. */
    _Alignas(CACHE_LINE) uint32_t park;
    uint32_t exit_reason; /* enum exit_reason */
    uint32_t pid;         /* writer: the supervisor */
    uint32_t claims;      /* how many tasks this worker has claimed */
    uint32_t resumes;     /* how often it has gone on with one that had waited */
    uint32_t waker_pid;   /* its process, which a signal wakes; 0: it sleeps on `park` only */
    /* How many tasks it may have begun at a time, after a death fewer than --concurrency; 0: as
     * many as that. writer: the owner adds one for each that has ended, the supervisor sets it
     * after a death, and with it `begin_from`. See begin_limit.h. */
    uint32_t begin_limit, begin_from;
    uint64_t started_ns; /* when the task at hand was begun, if it has waited; 0: just now */
    uint64_t waits_for;  /* offset of the lock it sleeps for; 0: none */
    uint64_t wait_seq;   /* counts its waits: a second look can tell two apart */
    /* The hook that the worker is in: hook_word() in worker/hooks.h. writer: the worker; for a
     * dead one, the supervisor before it forks the next. Left by a dead one: it died in it. */
    uint64_t hook;
    /* Of what was shared at the fork, the most that a process of this slot had of its own at its
     * end; for people. writer: the worker. Died before that: what an earlier one has left. */
    uint64_t unshared_bytes;
    /* 1: some of its tasks wait for a value of a queue: who puts one wakes it. writer: the owner.
     * Left by a dead one: its successor clears it. */
    uint32_t queue_waits;

    /* Hints to tasks that may be ready. Only the owner writes; others read. */
    _Alignas(CACHE_LINE) uint64_t ring; /* see ring_word() */
    uint64_t head;                      /* next to take */
    uint64_t tail;                      /* next to put; release: publishes the hint */

    /* What thieves tell each other of this ring. writer: thieves. */
    _Alignas(CACHE_LINE) uint64_t stale_to; /* FIFO: all hints below were seen stale */
    uint64_t steal_at;                      /* where the next one may begin to look */

    /* The newest of its tasks in WAIT that the supervisor has not taken yet; 0: none. writer:
     * the owner, and the supervisor, which sets it to 0; both by CAS. See wait_list.h. */
    _Alignas(CACHE_LINE) uint32_t waiting;

    /* Memory: chunks owned by this slot, one list a class. */
    _Alignas(CACHE_LINE) uint32_t chunk_intent; /* unit + 1 being claimed; 0: none */
    uint32_t chunk_class;
    uint32_t chunks[SLOT_CLASSES]; /* unit + 1 of the newest; 0: none */

    struct tx tx;

    uint32_t ring0[SLOT_RING];

    /* What most workers never touch. */
    struct accumulator_cell accs[SLOT_ACCUMULATORS];
    struct accumulator_change accumulator_log[SLOT_ACCUMULATORS];

    /* What the task wrote to stderr: a ring. Outlives its worker, for --failures. */
    uint32_t stderr_of;  /* claims + resumes when it was written: another number, another task */
    uint64_t stderr_len; /* bytes written in all */
    char stderr_tail[SLOT_STDERR];
};

/* A worker that uses none of the rest touches one page of its slot. No longer so? Then
 * SLOT_ALIGN is to be a page. */
_Static_assert(offsetof(struct slot, accs) <= SLOT_ALIGN, "in one page");

/* An entry of the table of names: store/names.h says how it comes to be. */
struct name {
    uint32_t kind; /* enum name_kind. writer: its creator, last. 0: free */
    uint32_t hash; /* fixed */
    uint32_t len;  /* fixed */
    /* accumulators: 0 .. SLOT_ACCUMULATORS - 1 among all; functions, classes: from 1; fixed */
    uint32_t number;
    /* dicts: offset of the struct dict; functions, files: hash of the code; fixed once
     * begin() has committed, until then of the last run that loaded it */
    uint64_t object;
    uint32_t lock;  /* locks: see lock.h */
    uint32_t check; /* names_check() of the entry; fixed */
    char text[NAME_BYTES];
};

/* A ring's word: offset of uint32_t[] (56) | log2 of its length (8). */
static inline uint64_t
ring_word(uint64_t offset, uint32_t log2)
{
    return offset << 8 | log2;
}

static inline uint64_t
ring_offset(uint64_t word)
{
    return word >> 8;
}

static inline uint32_t
ring_log2(uint64_t word)
{
    return word & 0xff;
}

/* The end of a log: unit + 1 of its last chunk (32) | bytes used in that (32). */
static inline uint64_t
log_end_word(uint32_t unit, uint32_t used)
{
    return (uint64_t)unit << 32 | used;
}

static inline uint32_t
log_end_unit(uint64_t end)
{
    return (uint32_t)(end >> 32);
}

static inline uint32_t
log_end_used(uint64_t end)
{
    return (uint32_t)end;
}

static inline struct slot *
slot_at(const struct arena *a, uint32_t k)
{
    return (struct slot *)(a->base + a->slots_at) + k;
}

#endif
