/* tree: the job that the stress and kill tests of tasks run: a tree of tasks
 * whose answer is known.
 *
 *   node k posts 2k and 2k + 1 until `first_leaf`; the first leaves also post
 *   `fan` further leaves each (long producers, which commit in parts)
 *
 * Arguments are inline, in blocks, or in a chunk of their own, as the node's
 * number says. Some nodes end by an error in their first run, after having posted
 * and added: all of that must be gone. Each node adds itself to a sum, a count, a
 * maximum and a log, so "each task exactly once" can be read from shared memory. */
#ifndef TREE_H
#define TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "memory/block.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/task.h"

enum { TREE_PRODUCERS = 3,
       TREE_FN = 7 };
enum { TREE_SUM = 3,
       TREE_COUNT = 4,
       TREE_MAX = 255,
       TREE_LOG = 9 };

struct tree {
    uint32_t first_leaf;
    uint32_t fan;                /* leaves that each of the producers posts */
    bool plain;                  /* inline arguments only, no errors */
    void (*work)(uint32_t node); /* done by each node; may be NULL */
};

static inline uint32_t
tree_top(const struct tree *t)
{
    return 2 * t->first_leaf + TREE_PRODUCERS * t->fan;
}

/* How many bytes of arguments a node has. */
static inline size_t
tree_arg_bytes(const struct tree *t, uint32_t node)
{
    if (t->plain)
        return sizeof node;
    if (node % 401 == 7)
        return 40000; /* a chunk of its own */
    if (node % 5 == 1)
        return 20 + node % 3000;
    return sizeof node + node % (TASK_INLINE - sizeof node + 1);
}

static inline bool
tree_fails_once(const struct tree *t, uint32_t node)
{
    return !t->plain && node % 13 == 5;
}

static inline void
tree_die(const char *what, long value)
{
    fprintf(stderr, "# tree: %s: %ld\n", what, value);
    abort();
}

static inline void
tree_post(struct self *self, const struct tree *t, uint32_t node)
{
    char bytes[40000];
    size_t len = tree_arg_bytes(t, node);
    memset(bytes, (int)(node * 31) & 0xff, len);
    memcpy(bytes, &node, sizeof node);
    int err = post(self, TREE_FN, bytes, len);
    if (err)
        tree_die("post", err);
}

/* Reads the arguments of the running task and looks at each byte. */
static inline uint32_t
tree_args(struct self *self, const struct tree *t)
{
    const struct task *task = task_at(self->arena, self->slot->cur);
    const char *args = task_args(self->arena, task);
    uint32_t node;
    memcpy(&node, args, sizeof node);
    if (task->fn != TREE_FN || node == 0 || node >= tree_top(t))
        tree_die("what kind of task is this", (long)node);
    if (task->bytes != tree_arg_bytes(t, node))
        tree_die("bytes of arguments", (long)task->bytes);
    for (size_t i = sizeof node; i < task->bytes; i++) {
        if ((unsigned char)args[i] != (unsigned char)(node * 31))
            tree_die("argument overwritten", (long)node);
    }
    return node;
}

static inline void
tree_posts(struct self *self, const struct tree *t, uint32_t node)
{
    if (node < t->first_leaf) {
        tree_post(self, t, 2 * node);
        tree_post(self, t, 2 * node + 1);
    } else if (node - t->first_leaf < TREE_PRODUCERS) {
        uint32_t from = 2 * t->first_leaf + (node - t->first_leaf) * t->fan;
        for (uint32_t i = 0; i < t->fan; i++)
            tree_post(self, t, from + i);
    }
}

/* Runs the task that self has claimed, to the end of its commit. */
static inline uint32_t
tree_run(struct self *self, const struct tree *t)
{
    commit_begin(self);
    uint32_t node = tree_args(self, t);
    uint8_t errors = task_at(self->arena, self->slot->cur)->errors;
    accumulator_add(self, ACCUMULATOR_SUM, TREE_SUM, node);
    accumulator_add(self, ACCUMULATOR_SUM, TREE_COUNT, 1);
    accumulator_add(self, ACCUMULATOR_MAX, TREE_MAX, node);
    int err = accumulator_collect(self, TREE_LOG, &node, sizeof node);
    if (err)
        tree_die("collect", err);
    tree_posts(self, t, node);
    if (t->work)
        t->work(node);
    if (self->skip)
        tree_die("posts not repeated", (long)self->skip);
    bool fails = tree_fails_once(t, node) && !errors;
    uint32_t ready = commit_end(self, fails ? OUTCOME_RETRY : OUTCOME_DONE);
    idle_wake(self, ready);
    return node;
}

/* A worker's loop: until all is done. */
static inline void
tree_work(struct self *self, const struct tree *t)
{
    while (atom_load(&self->arena->header->mode) == ARENA_RUN) {
        if (queue_take(self) || queue_steal(self) || idle_wait(self))
            (void)tree_run(self, t);
    }
}

/* Opens an arena with the root posted by begin() and dealt to the workers. */
static inline void
tree_plant(struct arena *a, struct self *super, const struct tree *t, uint32_t workers)
{
    int err = arena_open(a, (size_t)1 << 30);
    if (err)
        tree_die("arena_open", err);
    a->header->nworkers = workers;
    for (uint32_t k = 0; k <= workers; k++)
        self_slot_init(a, k);
    err = self_open(super, a, 0, workers + 1);
    if (err)
        tree_die("self_open", err);
    commit_begin(super);
    tree_post(super, t, 1);
    (void)commit_end(super, OUTCOME_DONE);
    err = queue_deal(super, workers);
    if (err)
        tree_die("queue_deal", err);
}

/* What is left in an arena when all is done. */
struct tree_left {
    struct arena *a;
    const struct tree *t;
    uint32_t *seen;  /* by node */
    uint32_t tasks;  /* not FREE */
    uint32_t blocks; /* USED */
    uint32_t wrong;
};

static inline void
tree_count_task(void *arg, uint32_t index)
{
    struct tree_left *l = arg;
    l->tasks += task_state(atom_load(&task_at(l->a, index)->word)) != TASK_FREE;
}

static inline void
tree_count_block(void *arg, uint32_t index)
{
    struct tree_left *l = arg;
    l->blocks += (atom_load(&block_at(l->a, index)->word) & 0xff) != BLOCK_FREE;
}

static inline void
tree_count_log(void *arg, const void *bytes, size_t len)
{
    struct tree_left *l = arg;
    uint32_t node = 0;
    if (len == sizeof node)
        memcpy(&node, bytes, sizeof node);
    if (node == 0 || node >= tree_top(l->t))
        l->wrong++;
    else
        l->seen[node]++;
}

static inline bool
tree_same(const char *what, double is, double wanted)
{
    if (is == wanted)
        return true;
    printf("# %s: %.0f instead of %.0f\n", what, is, wanted);
    return false;
}

static inline double
tree_acc(struct self *super, enum accumulator_kind kind, uint32_t id)
{
    double v = -1;
    (void)accumulator_get(super, kind, id, &v);
    return v;
}

/* Was each task done exactly once, and is nothing left over? */
static inline bool
tree_check(struct arena *a, struct self *super, const struct tree *t)
{
    uint32_t top = tree_top(t), spare = 0, unlinked_block = 0;
    uint64_t posted = 0, finished = 0;
    double n = top - 1;
    struct tree_left l = {.a = a, .t = t, .seen = calloc(top, sizeof *l.seen)};
    for (uint32_t k = 0; k <= a->header->nworkers; k++) {
        struct slot *s = slot_at(a, k);
        slab_each(a, k, SLAB_TASK, tree_count_task, &l);
        for (uint32_t c = SLAB_BLOCK; c <= SLAB_LARGE; c++)
            slab_each(a, k, c, tree_count_block, &l);
        posted += s->posted;
        finished += s->finished;
        spare += s->record != 0;
        unlinked_block += s->unlinked_block != 0 || s->chunk_intent != 0 || s->staged != 0;
    }
    accumulator_each(super, TREE_LOG, tree_count_log, &l);
    bool ok = l.seen != NULL;
    for (uint32_t k = 1; ok && k < top; k++) {
        if (l.seen[k] != 1) {
            printf("# task %u was done %u times\n", k, l.seen[k]);
            ok = false;
        }
    }
    ok = tree_same("posted", (double)posted, n) && ok;
    ok = tree_same("finished", (double)finished, n) && ok;
    ok = tree_same("sum", tree_acc(super, ACCUMULATOR_SUM, TREE_SUM), n * (n + 1) / 2) && ok;
    ok = tree_same("count", tree_acc(super, ACCUMULATOR_SUM, TREE_COUNT), n) && ok;
    ok = tree_same("max", tree_acc(super, ACCUMULATOR_MAX, TREE_MAX), n) && ok;
    ok = tree_same("wrong entries in the log", l.wrong, 0) && ok;
    ok = tree_same("tasks not free", l.tasks, 0) && ok;
    ok = tree_same("blocks in use beside the spare records", (double)l.blocks - spare, 0) && ok;
    ok = tree_same("intents left over", unlinked_block, 0) && ok;
    ok = tree_same("all done", idle_all_done(a), 1) && ok;
    free(l.seen);
    return ok;
}

#endif
