/* arena: the shared mapping; offsets and pointers.
 *
 *   | head | slots | names | chunk table | heap: units of 16 KiB ... |
 *
 * One memfd (or a file), mapped MAP_SHARED over a large reserved range before
 * the fork, so that growth is seen by every process without remapping. Nothing
 * inside is a pointer: everything refers to everything else by its offset from
 * the start, or, where 4 bytes must do, by its index in grains of 64 bytes.
 *
 * The parts before the heap have a fixed place. They are holes until touched;
 * heap memory is allocated by fallocate before it is touched (chunk.c), so that
 * a full disk is an error there and not a SIGBUS later.
 *
 * The second half of the heap may be a file on disk, mapped the same way (the
 * spill): chunks go there once the budget for memory is used up, in the same
 * format and with the same safety; the kernel pages them out. */
#ifndef PRN_ARENA_H
#define PRN_ARENA_H

#include "base/atomics.h"

enum {
    ARENA_GRAIN = 64,      /* what a 32-bit index counts */
    ARENA_UNIT = 16 << 10, /* what the chunk table counts */
    ARENA_SLOTS = 4096,    /* slot 0 is the supervisor's, 1.. workers' */
    ARENA_PRINTER = 4095,  /* who holds output_lock for --keep-order: a number, no slot */
#ifdef PRN_NAMES
    ARENA_NAMES = PRN_NAMES, /* fewer: the stepper walks them by instruction */
#else
    ARENA_NAMES = 16384, /* named dicts, locks, accumulators */
#endif
};
#define ARENA_BYTES_MAX ((size_t)256 << 30) /* 2^32 grains */
#define ARENA_BYTES_MIN ((size_t)256 << 20)
#define ARENA_YES 0x79657321u             /* a flag that is up: no damaged byte raises one */
#define ARENA_MAGIC 0x31524e4e5552500aULL /* "\nPRUNNR1" */

/* What everybody in the job shares besides the slots. */
struct arena_header {
    uint64_t magic;   /* fixed */
    uint32_t version; /* fixed */
    uint32_t pad;
    uint64_t bytes; /* fixed: mapped range */
    /* --state only, see state.h. writer: the supervisor, while there are no workers, but for
     * `begun`, which begin() raises. */
    uint64_t layout, script_hash; /* fixed */
    char boot_id[40];             /* the boot in which the file was last mapped */
    uint32_t begun;               /* begin() has committed: it is not run again */
    uint32_t finished;            /* end_() has run */
    uint32_t stopped;             /* all of it is on the disk: it outlives this boot. Last */
    uint64_t stopped_ns;          /* when, by arena_clock() */
    uint64_t stopped_unix_ns;     /* the same moment */
    uint64_t stopped_check;       /* sums_mix() of these two */
    uint64_t clock_shift;         /* see arena_clock() */
    uint64_t clock_again;         /* the same: a damaged one differs */
    /* What the workers are to do: enum arena_mode. writer: anybody, upwards only,
     * by CAS; read before each claim. */
    _Alignas(CACHE_LINE) uint32_t mode;
    /* Slots 1..nworkers have, or had, workers. writer: the supervisor, upwards only,
     * before the first worker is forked into the slot. */
    uint32_t nworkers;
    /* 0: every worker may start any task. Else: see gate.h. writer: the supervisor, by
     * or and and; the half that names a task goes back to 0 by CAS by whoever sees
     * that it is over. Read before each claim. */
    uint64_t gate;
    uint32_t limit; /* workers above this slot end. writer: the supervisor */
    /* 0, or why the job's output has ended: struct output_error in one word. writer: the
     * worker or the printer that met it, the supervisor before a job is resumed; the last
     * one counts. Died before it: the next one that prints meets the error, too. */
    uint32_t output_error;
    uint32_t hook_failed;         /* writer: a worker that has reported a hook's error; 0 -> 1 */
    uint32_t failures_incomplete; /* writer: who has said that --failures lacks a task, 0 -> 1; died
                                   * before it said so: the others do not; the supervisor before
                                   * a resume */
    uint32_t failed;              /* writer: a worker whose task failed for good; only 0 -> 1 */
    /* 1: tell the supervisor when a task is ready and no worker sleeps. writer: the supervisor
     * sets it, who tells takes it back by CAS; died before it told: its death tells as well. */
    uint32_t grow_asked;
    /* 1: a worker could not be woken by a process of another user. writer: that process sets it,
     * the supervisor takes it back and wakes all. Died before it told: its death wakes all. */
    uint32_t wake_refused;
    /* The gate's meters, see gate.h. */
    _Alignas(CACHE_LINE) uint32_t permits; /* writer: the supervisor; workers take by CAS */
    uint64_t next_start;                   /* ns; writer: who starts a task, by CAS */
    uint64_t delay_ns;                     /* fixed */
    /* Hint: no unit below this one is free. writer: anybody; may be old. */
    _Alignas(CACHE_LINE) uint32_t unit_hint;
    uint32_t spill_hint;   /* the same for the spill's units */
    uint32_t budget_units; /* units that may be memory; fixed before the fork */
    /* Bit k%64 of word k/64: slot k may be parked. writer: slot k by and/or, who wakes it
     * by and, the supervisor for a dead one. A hint: slot k's `park` word decides. */
    _Alignas(CACHE_LINE) uint64_t idle_bits[ARENA_SLOTS / 64];
    /* Bumped by whoever puts something into a shared queue. A hint to wake
     * sleeping getters; a lost bump makes them a tick late, no more. */
    _Alignas(CACHE_LINE) uint32_t queue_event;
    uint32_t queue_waiters; /* 0: no slot has ever set queue_waits. writer: who does; only 0 -> 1 */
    /* Whole lines of output never mix: see stream.h. */
    _Alignas(CACHE_LINE) uint32_t output_lock[2];
    /* --keep-order: the end of the orderlog, and the lock under which it grows. */
    _Alignas(CACHE_LINE) uint64_t order_end;
    uint32_t order_lock;
#ifdef PRN_BENCH_SHARED_COUNTER
    _Alignas(CACHE_LINE) uint64_t open_tasks; /* posted - finished; see count_open() in commit.c */
#endif
    /* Guards creation in the table of names: see names.h. */
    _Alignas(CACHE_LINE) uint32_t names_lock;
    /* Bit i%64 of word i/64: entry i may be in use; without it, it is not. writer: who
     * creates the entry, under names_lock, before the entry is published. */
    uint64_t names_used[(ARENA_NAMES + 63) / 64];
    /* At most as many entries as there are. writer: who creates one, after it is published. */
    uint32_t names_count;
};

/* Why what tasks print cannot be written any more. */
struct output_error {
    int errnum;   /* above 0; 0: it can */
    bool capture; /* met by the files that keep a task's output, not by standard output */
};

/* As the one word of arena_header: so that it is read as one process has written it. */
static inline uint32_t
output_error_pack(struct output_error e)
{
    return (uint32_t)e.errnum << 1 | e.capture;
}

static inline struct output_error
output_error_unpack(uint32_t word)
{
    return (struct output_error){.errnum = (int)(word >> 1), .capture = word & 1};
}

enum arena_mode {
    ARENA_RUN = 0,
    ARENA_STOP = 1, /* start nothing new, end after the task at hand */
    ARENA_DONE = 2, /* every task is done */
};

/* One process's view of the mapping. Private, the same in every fork. */
struct arena {
    char *base;
    size_t bytes;
    int fd;                      /* of the memory; -1: anonymous */
    bool anonymous;              /* RLIMIT_FSIZE allows no large memfd */
    bool sums;                   /* sums are kept over what it holds: see sums.h */
    bool file;                   /* a file of its own (--state): even its table is reserved */
    size_t table_ready;          /* bytes of the table that are; a private hint */
    int spill_fd;                /* of the spill; -1: there is none */
    uint32_t spill_unit;         /* first unit that is in the spill; == units: none */
    uint32_t units;              /* in the heap */
    struct arena_header *header; /* == base */
    size_t slots_at, names_at, table_at, heap_at;
    uint64_t *table; /* one word a unit; chunk.c */
};

/* arena_open creates a memfd of `bytes` (0: as much as is available, up to
 * ARENA_BYTES_MAX) and maps it. 0, or -errno with *out untouched. */
int arena_open(struct arena *out, size_t bytes);
/* arena_open_file maps an arena in an open file: bytes = 0 makes a new one, else the
 * file holds one of that size. 0, or -errno with *out untouched and fd left open. */
int arena_open_file(struct arena *out, int fd, size_t bytes);
/* arena_reserve_table makes sure that the table's words up to `unit` can be written.
 * 0, -ENOSPC. */
int arena_reserve_table(struct arena *a, uint32_t unit);
/* arena_reserve_slots does the same for slots 0 .. n. */
int arena_reserve_slots(struct arena *a, uint32_t n);
/* arena_spill puts the second half of the heap into an unlinked file in `dir` and
 * lets memory take `budget` bytes (0: all of the first half). Before any chunk is
 * claimed. 0, or -errno with the arena as it was. */
int arena_spill(struct arena *a, const char *dir, uint64_t budget);
/* arena_budget lets chunks in memory take `bytes` in all. Before the fork. */
void arena_budget(struct arena *a, uint64_t bytes);
/* arena_close unmaps and closes. */
void arena_close(struct arena *a);
/* arena_reserve allocates the memory [at, at + bytes) so that touching it cannot
 * fail any more. 0, -ENOSPC, -ENOMEM. May be called again for the same range. */
int arena_reserve(struct arena *a, size_t at, size_t bytes);
/* arena_populate maps the range's pages before they are touched; best effort. */
void arena_populate(struct arena *a, size_t at, size_t bytes);
/* arena_no_inherit keeps the mapping out of processes that this one starts. */
void arena_no_inherit(struct arena *a);
/* arena_revoke takes the arena from this process: touching it ends it. Async-signal-safe. */
void arena_revoke(struct arena *a);

/* arena_workers: slots 1.. that have, or had, workers. It may grow while the job runs:
 * ask again. acquire: pairs with pool_open(); slots up to there are ready to be read. */
static inline uint32_t
arena_workers(const struct arena *a)
{
    return atom_load(&a->header->nworkers);
}

/* arena_clock returns the job's own time from CLOCK_MONOTONIC, which begins anew with each
 * boot while the job may not: moments that are kept in the arena are of that time. */
static inline uint64_t
arena_clock(const struct arena *a, uint64_t monotonic_ns)
{
    return monotonic_ns + a->header->clock_shift;
}

/* arena_monotonic is the way back; 0 for what was due before this boot. */
static inline uint64_t
arena_monotonic(const struct arena *a, uint64_t job_ns)
{
    uint64_t shift = a->header->clock_shift; /* may be below 0, modulo 2^64 */
    return (int64_t)(job_ns - shift) > 0 ? job_ns - shift : 0;
}

static inline void *
arena_at(const struct arena *a, size_t offset)
{
    return a->base + offset;
}

static inline size_t
arena_offset(const struct arena *a, const void *p)
{
    return (size_t)((const char *)p - a->base);
}

static inline void *
arena_grain(const struct arena *a, uint32_t index)
{
    return a->base + (size_t)index * ARENA_GRAIN;
}

static inline uint32_t
arena_index(const struct arena *a, const void *p)
{
    return (uint32_t)(arena_offset(a, p) / ARENA_GRAIN);
}

static inline size_t
arena_unit_offset(const struct arena *a, uint32_t unit)
{
    return a->heap_at + (size_t)unit * ARENA_UNIT;
}

#endif
