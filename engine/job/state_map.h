/* state_map: what lies where in a state file, for the checks of its parts: which chunk holds an
 * offset, what starts at an index, what has an owner already. A check returns NULL, or what is
 * wrong. */
#ifndef PRN_STATE_MAP_H
#define PRN_STATE_MAP_H

#include "memory/block.h"
#include "store/dict.h"
#include "memory/layout.h"
#include "task/task.h"

#define DAMAGED(what) "is damaged (" what "): remove it and start over"

/* A chunk, by its entry in the table. */
struct extent {
    uint32_t unit, units;
    uint16_t owner;
    uint8_t size_class;
    bool linked; /* in its owner's list: only then it has items */
};

/* A shard of a dict. */
struct shard_seen {
    uint32_t words, live;  /* of its index: not 0; naming a record */
    uint64_t sum;          /* of its records */
    bool changing;         /* a transaction is to be applied to it */
    bool explained;        /* who holds its lock says that it may */
    bool planned;          /* by a transaction that is to be applied: */
    uint32_t planned_live; /* ... the counters that this will leave */
    uint32_t planned_used;
    uint32_t more_words; /* ... what planned entries have still to store */
    int64_t more_live;
    uint32_t unplanned; /* ... new keys that have no place yet */
};

struct dict_seen {
    uint64_t at; /* offset of the struct dict */
    struct shard_seen shards[DICT_SHARDS];
};

struct check {
    struct arena *a;
    uint32_t n; /* slots 0..n are in use */
    uint32_t used_units;
    uint32_t nnames;
    struct extent *extents; /* in order */
    size_t nextents;
    uint64_t *marks;         /* a bit a grain: a block that somebody owns, a task in a list */
    uint64_t *named;         /* the same: a suspended task, which a word of its slot names */
    struct dict_seen *dicts; /* in order */
    size_t ndicts;
};

extern const char check_no_memory[];

/* check_unit_offset returns where a unit of the heap begins. */
uint64_t check_unit_offset(const struct check *c, uint32_t unit);
/* check_list_entry finds the chunk that begins with unit u - 1, as lists name it; NULL: none
 * does. */
struct extent *check_list_entry(const struct check *c, uint32_t u);
/* check_extent finds the chunk that holds this offset; NULL: none. */
struct extent *check_extent(const struct check *c, uint64_t offset);
/* check_is_task, check_is_block: does an item of that kind start there? */
bool check_is_task(const struct check *c, uint32_t index);
bool check_is_block(const struct check *c, uint32_t index);
/* check_used: is it a block in use with room for `bytes`? */
bool check_used(const struct check *c, uint32_t index, uint64_t bytes);
/* check_mark says that the item has an owner. false: it had one already. */
bool check_mark(struct check *c, uint32_t index);
bool check_marked(const struct check *c, uint32_t index);
/* check_name_task, check_named: the same of `named`. */
bool check_name_task(struct check *c, uint32_t index);
bool check_named(const struct check *c, uint32_t index);
/* check_runs: does slot k's transaction belong to a task that runs in it? */
bool check_runs(const struct check *c, uint32_t k);
/* check_zero_bytes: are these all 0? */
bool check_zero_bytes(const char *p, size_t n);
/* check_zero: are these bytes of the file as they were made? */
bool check_zero(const struct check *c, uint64_t from, uint64_t to);

/* state_check_task.c */
const char *check_tasks(struct check *c);
/* check_lost: does a block serve a task that does not name it? Once all owners are marked. */
const char *check_lost(struct check *c);
/* state_check_dict.c */
const char *check_names(struct check *c);
const char *check_tx(struct check *c, uint32_t k);
const char *check_shards(struct check *c);
/* state_check_sums.c: with sums only, once all that is counted was looked at */
const char *check_sums(struct check *c, uint32_t k);

#endif
