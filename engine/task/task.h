/* task: one 64-byte descriptor; its state word is the truth about the task.
 *
 *   word: generation (32) | attempt (8) | worker (16), or attempt twice more | state (8)
 *
 *   FREE -> STAGED -> READY -> RUN -> FREE
 *   RUN -> READY again, -> WAIT -> READY, or -> QUARANTINED
 *
 * FREE -> STAGED by the owner of the slab only; READY -> RUN by CAS, so the word
 * names the taker; all else by the process that runs the task (or the supervisor in its
 * place; WAIT -> READY by the supervisor). Everything but `word` is written while
 * STAGED and fixed afterwards, unless it says otherwise. docs/internals/task.md has the
 * whole story. */
#ifndef PRN_TASK_H
#define PRN_TASK_H

#include "memory/arena.h"

struct self;

enum task_state {
    TASK_FREE = 0,
    TASK_STAGED = 1,
    TASK_READY = 2,
    TASK_RUN = 3,
    TASK_WAIT = 4,
    TASK_QUARANTINED = 5,
};

enum {
    TASK_INLINE = 19,       /* bytes of arguments that need no block */
    TASK_ATTEMPT_MAX = 255, /* the count of runs stays there */
};

/* In parent_fn: an argument is a table, whose keys may come in another order in another
 * run: see hash_unordered(). */
#define TASK_UNORDERED ((uint32_t)1 << 31)
#define TASK_LINE_MAX 0x7fff

struct task {
    uint64_t word;
    uint64_t id;               /* poster's sequence number * ARENA_SLOTS + poster's slot */
    uint64_t parent;           /* id of the task that posted it; 0: begin() */
    uint16_t fn;               /* number of its function */
    uint16_t forgiven;         /* see task_forgive(). writer: recovery; a checkpoint sets it to 0 */
    uint32_t parent_fn;        /* poster function (16), TASK_UNORDERED; with --debug, line << 16 */
    uint32_t next;             /* next task staged by the same transaction. writer: poster */
    uint32_t record;           /* block with a task_record; 0: none. writer: who runs it */
    uint32_t bytes;            /* of arguments */
    uint8_t errors;            /* runs that ended by an error. writer: who runs it */
    uint8_t args[TASK_INLINE]; /* or, in the last four, the index of a block */
};

/* What must outlive a run of a task: only some tasks have one. */
struct task_record {
    uint64_t journal_len; /* how much of journal[] is true: see journal_word() */
    uint64_t post_hash;   /* rolling hash of the posts published by parts */
    uint64_t until_ns;    /* WAIT: not before (arena_clock()) */
    uint32_t published;   /* posts published by parts */
    uint32_t cursor;      /* block with the encoded cursor of prunner.commit() */
    uint32_t replaces;    /* the smaller record it took the place of; 0: none */
    uint32_t wait_next;   /* WAIT: the next in its slot's wait_list */
    uint32_t check;       /* record_check() after the last part or checkpoint; 0 without sums */
    uint32_t until_check; /* record_check_until(); 0 without sums */
    _Alignas(8) char journal[];
};

/* The bytes of a cursor's block. */
struct task_cursor {
    uint32_t bytes;
    uint32_t check; /* record_check_cursor(); 0 without sums */
    char text[];
};

/* Where nobody runs the task, `worker` is 0, and its bits say `attempt` twice more: a damaged
 * byte of it is known, see task_attempt_fits(). */
static inline uint64_t
task_word(uint64_t gen, uint64_t attempt, uint64_t worker, enum task_state state)
{
    if (state == TASK_READY || state == TASK_WAIT)
        worker = attempt << 8 | attempt;
    return gen << 32 | attempt << 24 | worker << 8 | (uint64_t)state;
}

static inline uint32_t
task_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint32_t
task_attempt(uint64_t word)
{
    return (word >> 24) & 0xff;
}

static inline uint32_t
task_worker(uint64_t word)
{
    return (word >> 8) & 0xffff;
}

/* For READY and WAIT. */
static inline bool
task_attempt_fits(uint64_t word)
{
    return task_worker(word) == task_attempt(word) * 0x101;
}

static inline enum task_state
task_state(uint64_t word)
{
    return (enum task_state)(word & 0xff);
}

/* The number of the function that posted it. */
static inline uint32_t
task_parent_fn(const struct task *t)
{
    return t->parent_fn & 0xffff;
}

/* The line that the task was posted at; 0: unknown. */
static inline uint32_t
task_line(const struct task *t)
{
    return t->parent_fn >> 16 & TASK_LINE_MAX;
}

/* How many of its runs ended with their worker without being to blame. */
static inline uint32_t
task_forgiven(const struct task *t)
{
    return t->forgiven & 0xff;
}

/* Of runs that have ended in `attempt` claims, how many it is to blame for: neither by an error
 * nor forgiven. */
static inline uint32_t
task_crashes(const struct task *t, uint32_t attempt)
{
    uint32_t harmless = t->errors + task_forgiven(t);
    return attempt > harmless ? attempt - harmless : 0;
}

static inline struct task *
task_at(const struct arena *a, uint32_t index)
{
    return arena_grain(a, index);
}

/* task_stage makes a task out of a free descriptor of self's slab and adds it to
 * the posts of the transaction at hand; nobody else sees it before the commit.
 * `args`: encoded arguments, `bytes` of them. 0, or -ENOSPC/-ENOMEM with nothing
 * changed. */
int task_stage(struct self *self, uint32_t fn, const void *args, size_t bytes);
/* task_stage_joined: the arguments are `bytes` at args and `more_bytes` at more behind
 * them. For long strings: nobody has to copy one behind its head first. */
int task_stage_joined(struct self *self, uint32_t fn, const void *args, size_t bytes,
                      const void *more, size_t more_bytes);
/* task_stage_again does what task_stage() does, for what was staged before (suspend.h). */
int task_stage_again(struct self *self, uint32_t fn, const void *args, size_t bytes);
/* task_claim takes the task if it is READY: intent in the slot, then the CAS.
 * false: it is not, or somebody was faster. */
bool task_claim(struct self *self, uint32_t index);
/* task_forgive: run number `attempt` of t ended with its worker, and another task was to blame.
 * One store, which names the run: for the same one again it does nothing. */
void task_forgive(struct task *t, uint32_t attempt);
/* task_args returns where the encoded arguments are. */
const void *task_args(const struct arena *a, const struct task *t);
/* task_unstage frees a task that was staged and never published. Idempotent. */
void task_unstage(struct self *self, uint32_t index);
/* task_free ends a task: blocks, then the descriptor. `word` is its RUN (or
 * QUARANTINED) word; idempotent for this word. */
void task_free(struct self *self, uint32_t index, uint64_t word);
/* task_sum returns what a task adds to slot->tasks: over all that is fixed. */
uint64_t task_sum(const struct arena *a, const struct task *t);
/* task_hash continues a hash over all that the posts of a run say, so that a second run
 * can be held against the first one's. Not for security: both are the same program's. */
uint64_t task_hash(uint64_t h, uint32_t fn, const void *args, size_t bytes, bool unordered);
/* task_hash_staged continues from self->post_hash with the staged posts that it does not cover. */
uint64_t task_hash_staged(const struct self *self);
/* task_record_of returns the record of the task, or NULL. */
struct task_record *task_record_of(const struct arena *a, const struct task *t);

#endif
