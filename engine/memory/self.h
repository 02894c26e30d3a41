/* self: a process's private view of the slot it acts for. A worker acts for
 * its own slot for life; the supervisor makes one for a dead worker's slot
 * to repair it. Everything here can be rebuilt from shared memory: it dies with
 * its process and nothing is lost. */
#ifndef PRN_SELF_H
#define PRN_SELF_H

#include "memory/arena.h"
#include "memory/slab.h"
#include "memory/layout.h"

/* Values of part_ns that are not a moment. */
#define PART_NONE_HURRIED ((uint64_t)0)  /* nothing published; a look at the clock would cost */
#define PART_NONE ((uint64_t)UINT64_MAX) /* nothing published; tasks are few */

struct self {
    struct arena *arena;
    struct slot *slot;
    uint32_t me;
    bool lifo;            /* --order */
    uint32_t nvictims;    /* slots to steal from: 0 .. nvictims - 1 */
    uint32_t next_victim; /* where the last steal succeeded */
    uint32_t random;      /* state of a generator, for a place to start stealing */
    bool has_permit;      /* may start tasks without a new permit: see gate.h */
    uint64_t turn_before; /* head->next_start before its own turn */
    uint64_t turn;        /* ... and after it; 0: it has taken none */

    uint32_t suspended; /* tasks that it has begun and that wait: suspend.h */
    uint32_t free_word; /* where to look for a word for the next one */

    /* The transaction's private half. */
    uint32_t staged_tail; /* index of the last task posted; 0: none */
    uint32_t staged_count;
    size_t staged_bytes;
    uint64_t staged_since_ns; /* when posts began to wait, 0: not asked yet */
    uint64_t keys;            /* offset of the job's dict of keys; 0: not looked for yet */
    uint64_t part_ns;         /* when this run has last published posts, or PART_... */
    uint32_t unstaged;        /* posts since the last part whose key was known: not staged */
    uint32_t hashed;          /* if unstaged: the last staged post in post_hash; 0: none */
    uint32_t published;       /* posts of this task that parts have published, staged or not */
    uint32_t skip;            /* of those, how many this run has still to repeat */
    uint64_t post_hash;       /* over the posts that were published, or repeated, or not staged */
    bool post_unordered;      /* the post at hand has a table: see hash_unordered() */
    bool partial;             /* may commit in parts */
    uint32_t post_line;       /* --debug: the line of the post at hand */

    bool journaling;      /* dict operations are recorded for a second run */
    bool journal_warned;  /* ... and one said that it does not match */
    bool diverged;        /* ... of which the user is to be told: journal_take_warning() */
    uint64_t journal_pos; /* how much of the journal this run has repeated */

    char *copy; /* the value that dict_get() handed out last */
    size_t copy_room;

    uint64_t lock_ns;                  /* slept for locks, in all */
    uint64_t lock_from_ns, lock_to_ns; /* the last time; CLOCK_MONOTONIC */

    struct section *section; /* locks held, and what was written under them; NULL: none yet */

    struct accumulator_pending pending; /* what the task added to accumulators */

    struct slab slabs[SLOT_CLASSES];
};

/* self_open begins to act for slot `me`; the slot's shared part is as it was
 * left. 0 or -ENOMEM. */
int self_open(struct self *out, struct arena *a, uint32_t me, uint32_t nslots);
/* self_follow lets self steal from slots that have got workers since. Between tasks. */
void self_follow(struct self *self);
/* self_close frees the private part. */
void self_close(struct self *self);
/* self_slot_init gives a slot that was never used its first ring. Once, by the
 * supervisor before the fork. self_first_ring: what slot->ring is then. */
void self_slot_init(struct arena *a, uint32_t me);
uint64_t self_first_ring(const struct arena *a, uint32_t me);

#endif
