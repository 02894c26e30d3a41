/* sim_job: what the files of the simulator's job share. The job is a tree of tasks
 * whose answer is known; what a task does follows from the seed and its number
 * (its node) alone.
 *
 *   node k posts 2k and 2k + 1 until first_leaf; the first few leaves post `fan`
 *   further leaves each (long producers, which commit in parts)
 *
 * Some nodes end by an error first, once or twice; some for good; one may kill its
 * worker whenever it runs.
 *
 *   sim_job.c    the tree: drawing it, posting and running its nodes
 *   sim_ops.c    what nodes do with dicts and locks
 *   sim_want.c   what must come out of that
 *   sim_check.c  is the rest of the answer right, and is anything held or lost? */
#ifndef SIM_JOB_H
#define SIM_JOB_H

#include "sim.h"

#include "store/accumulator.h"

enum {
    JOB_NODES = 1024, /* at most */
    JOB_RUNS = 4,     /* of one node, errors included */
};

/* What a node may do beside posting and adding. Each bit is one line in ops_do(). */
enum op {
    OP_INCR = 1,
    OP_APPEND = 2,
    OP_TEXT = 4,
    OP_CROWD = 8,
    OP_TRANSFER = 16,
    OP_FAIL_TRANSFER = 32,
    OP_UPDATE = 64,
    OP_MANY = 128,
    OP_NESTED = 256,
    OP_LOCK = 512,
    OP_NAME = 1024,
    OP_EACH = 2048,
    OP_READ = 4096,
    OP_ALL = 8191,
};

/* What this seed has drawn. */
struct job {
    uint64_t seed;
    uint32_t first_leaf, producers, fan;
    bool lifo, partial, no_memory;
    uint32_t ops;        /* that nodes may do */
    uint32_t ops_one_in; /* nodes do any */
    bool blocks;         /* arguments that need blocks */
    bool errors;
    bool waits;           /* some nodes wait while their worker runs others */
    bool once;            /* some nodes have a key, and are posted by whoever likes to */
    bool circles;         /* tasks take two locks in any order, and do nothing else */
    uint32_t poison;      /* 0: none */
    uint32_t patients;    /* leaves that wait until all else is done */
    uint32_t max_crashes; /* that poison has */
    uint32_t first_posts; /* begin() posts the root and so many leaves */
    uint32_t reported;    /* tasks quarantined, as the supervisor says */
    bool no_reports;      /* the supervisor died: it may have said nothing */
};

/* Numbers of what has a name. */
struct job_names {
    uint32_t dict, sum, count, max, list, pointed;
    uint32_t bank, audit; /* locks */
};

extern struct job job;
extern struct job_names names;

#define CHECK(x) ((x) ? (void)0 : sim_fail("%s:%d: %s", __FILE__, __LINE__, #x))
#define SAME(what, is, must)  \
    ((is) == (must) ? (void)0 \
                    : sim_fail("%s is %.17g, not %.17g", what, (double)(is), (double)(must)))

/* ---- sim_job.c ---- */

/* node_bits draws number `what` of a node: always the same. */
uint64_t node_bits(uint32_t node, uint32_t what);
/* node_top: nodes are 1 .. node_top() - 1. */
uint32_t node_top(void);
bool node_is_inner(uint32_t node);
/* node_is_pointing: a long producer that commits every now and then, with a cursor. */
bool node_is_pointing(uint32_t node);
/* node_is_patient: a task that ends only when nothing but its like is left. There are
 * fewer of them than workers: work must go on next to them, so nobody may sleep who is
 * needed. */
bool node_is_patient(uint32_t node);
/* node_errors: so many runs end by an error before one succeeds. */
uint32_t node_errors(uint32_t node);
/* node_has_key: its task is posted with a key, more than once, and must be run once. */
bool node_has_key(uint32_t node);
bool node_fails(uint32_t node);
uint32_t node_ops(uint32_t node);

/* ---- sim_ops.c ---- */

/* ops_do does what the node does, in its run-th run. */
void ops_do(struct self *self, uint32_t node, uint32_t run);
/* ops_take_both takes two locks in an order that may close a circle. false: it did. */
bool ops_take_both(struct self *self, uint32_t node);
/* ops_died: slot k is in no section any more. */
void ops_died(uint32_t k);

/* ---- sim_want.c ---- */

/* ops_begin: before the first task. */
void ops_begin(struct self *self);
/* ops_check: are dicts and logs as they must be? */
void ops_check(struct self *self);

/* ---- sim_check.c ---- */

/* job_acc: the value of a named accumulator. */
double job_acc(struct self *self, enum accumulator_kind kind, uint32_t name);

#endif
