/* Is the answer of the simulator's job right, and is anything held or lost? */
#include "sim_job.h"

#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "store/dict.h"
#include "store/names.h"
#include "task/suspend.h"
#include "task/task.h"

/* ---- is the answer right? ---- */

double
job_acc(struct self *self, enum accumulator_kind kind, uint32_t name)
{
    double v = 0;
    (void)accumulator_get(self, kind, name_at(self->arena, name)->number, &v);
    return v;
}

static void
count_collected(void *arg, const void *bytes, size_t len)
{
    uint8_t *seen = arg;
    uint32_t node = 0;
    if (len >= sizeof node)
        memcpy(&node, bytes, sizeof node);
    if (!node || node >= node_top())
        sim_fail("the list holds node %u", node);
    else
        seen[node]++;
}

static bool
counts(uint32_t node)
{
    return node != job.poison && !node_fails(node);
}

static void
check_accumulators(struct self *self)
{
    static uint8_t seen[JOB_NODES];
    double sum = 0, count = 0, max = 0, pointed = 0;
    memset(seen, 0, sizeof seen);
    accumulator_each(self, name_at(self->arena, names.list)->number, count_collected, seen);
    for (uint32_t node = 1; node < node_top(); node++) {
        if (seen[node] != counts(node))
            sim_fail("node %u is %u times in the list", node, seen[node]);
        if (!counts(node))
            continue;
        sum += node;
        count++;
        max = node;
        pointed += node_is_pointing(node) ? job.fan : 0;
    }
    SAME("sum", job_acc(self, ACCUMULATOR_SUM, names.sum), sum);
    SAME("count", job_acc(self, ACCUMULATOR_SUM, names.count), count);
    SAME("max", job_acc(self, ACCUMULATOR_MAX, names.max), max);
    SAME("counted by points", job_acc(self, ACCUMULATOR_SUM, names.pointed), pointed);
}

static void
check_counts(struct arena *a)
{
    uint64_t posted = 0, finished = 0, failed = 0, retried = 0, quarantined = 0, duplicates = 0;
    for (uint32_t k = 0; k <= a->header->nworkers; k++) {
        struct slot *s = slot_at(a, k);
        posted += s->posted;
        finished += s->finished;
        failed += s->failed;
        retried += s->retried;
        quarantined += s->quarantined;
        duplicates += s->duplicates;
    }
    uint64_t must_fail = 0, must_retry = 0;
    for (uint32_t node = 1; node < node_top(); node++) {
        must_fail += node_fails(node);
        must_retry += node_errors(node);
    }
    SAME("posted", posted, node_top() - 1 + duplicates);
    SAME("finished", finished, node_top() - 1 + duplicates);
    CHECK(job.once || !duplicates);
    SAME("failed", failed, must_fail);
    SAME("quarantined", quarantined, job.poison != 0);
    if (!job.no_memory && !job.circles)
        SAME("retried", retried, must_retry);
    CHECK(job.reported == (job.poison != 0) || job.no_reports);
}

/* ---- is anything held or lost? ---- */

/* Blocks that somebody refers to. */
static struct {
    uint32_t at[8192];
    uint32_t n;
    uint32_t lost_lists;
    struct arena *a;
} live;

static void
refer(uint32_t block)
{
    if (block && live.n < sizeof live.at / sizeof live.at[0])
        live.at[live.n++] = block;
}

static void
refer_to_bytes(const struct arena *a, size_t offset)
{
    refer(arena_index(a, arena_at(a, offset - sizeof(struct block))));
}

static void
refer_to_record(const struct arena *a, uint32_t record)
{
    refer(record);
    if (record)
        refer(((struct task_record *)block_at(a, record)->bytes)->cursor);
}

static void
refer_to_dict(struct arena *a, const struct name *n)
{
    struct dict *d = arena_at(a, n->object);
    uint64_t keys = 0;
    /* The dict itself is aligned within its block. */
    for (size_t back = 0; back < 2 * ARENA_GRAIN; back += ARENA_GRAIN)
        refer(arena_index(a, d) - (uint32_t)(back / ARENA_GRAIN));
    for (uint32_t i = 0; i < DICT_SHARDS; i++) {
        struct shard *s = &d->shards[i];
        uint64_t *words = arena_at(a, s->index >> 24), size = (uint64_t)1 << (s->index & 0xff);
        uint32_t in_shard = 0, used = 0;
        SAME("a shard's lock", s->lock, 0);
        if (words != d->first[i])
            refer_to_bytes(a, s->index >> 24);
        for (uint64_t w = 0; w < size; w++) {
            refer((uint32_t)words[w]);
            in_shard += (uint32_t)words[w] != 0;
            used += words[w] != 0;
        }
        SAME("a shard's keys", s->live, in_shard);
        CHECK(s->used >= used); /* more: died while it grew */
        keys += in_shard;
    }
    SAME("dict_len", dict_len(d), keys);
}

static void
look_at_block(void *arg, uint32_t index)
{
    (void)arg;
    struct block *b = block_at(live.a, index);
    if ((b->word & 0xff) == BLOCK_FREE)
        return;
    for (uint32_t i = 0; i < live.n; i++) {
        if (live.at[i] == index)
            return;
    }
    if (b->owner_tag == SERVES_LIST)
        live.lost_lists++; /* one a death is the price: see grow_index() */
    else
        sim_fail("block %u (word %llx, owner_tag %llx) is lost", index,
                 (unsigned long long)b->word, (unsigned long long)b->owner_tag);
}

static void
look_at_task(void *arg, uint32_t index)
{
    uint32_t *quarantined = arg;
    struct task *t = task_at(live.a, index);
    enum task_state state = task_state(t->word);
    uint32_t block;
    if (state == TASK_FREE)
        return;
    if (state != TASK_QUARANTINED) {
        sim_fail("task %u is left in state %d", index, state);
        return;
    }
    ++*quarantined;
    refer_to_record(live.a, t->record);
    memcpy(&block, t->args + TASK_INLINE - sizeof block, sizeof block);
    if (t->bytes > TASK_INLINE)
        refer(block);
}

static void
check_slot(struct arena *a, uint32_t k)
{
    struct slot *s = slot_at(a, k);
    SAME("phase", s->phase, PHASE_IDLE);
    SAME("tx.state", s->tx.state, TX_IDLE);
    SAME("unlinked_block", s->unlinked_block, 0);
    SAME("chunk_intent", s->chunk_intent, 0);
    SAME("waits_for", s->waits_for, 0);
    SAME("park", s->park, 0);
    SAME("words", suspend_count(a, k), 0);
    refer(s->words);
    refer_to_record(a, s->record);
    if (s->tx.list != arena_offset(a, s->tx.own))
        refer_to_bytes(a, s->tx.list);
}

static void
is_free(void *arg, uint32_t *word)
{
    (void)arg;
    SAME("a lock", *word, 0);
}

/* Every unit that was taken is in its owner's list, once. */
static void
check_units(struct arena *a, uint32_t from)
{
    for (uint32_t u = from; u < a->units && a->table[u]; u += (uint32_t)(a->table[u] >> 32)) {
        uint64_t word = a->table[u];
        uint32_t times = 0;
        for (uint32_t k = 0; k <= a->header->nworkers; k++) {
            for (uint32_t list = 0; list < SLOT_CLASSES; list++) {
                for (uint32_t c = slot_at(a, k)->chunks[list]; c; c = chunk_at(a, c - 1)->next)
                    times += c == u + 1 && k == (uint16_t)(word >> 16);
            }
        }
        SAME("places of a unit in its owner's lists", times, !(word & 1 << 8)); /* not FREE */
    }
}

static void
check_leftovers(struct arena *a)
{
    uint32_t n = a->header->nworkers, quarantined = 0;
    live.n = live.lost_lists = 0;
    live.a = a;
    check_units(a, 0);
    check_units(a, a->spill_unit);
    for (uint32_t k = 0; k <= n; k++) {
        check_slot(a, k);
        slab_each(a, k, SLAB_TASK, look_at_task, &quarantined);
    }
    SAME("tasks quarantined", quarantined, job.poison != 0);
    SAME("idle_bits", a->header->idle_bits[0], 0);
    SAME("names_lock", a->header->names_lock, 0);
    names_each_lock(a, is_free, NULL);
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        struct name *name = name_at(a, i);
        bool marked = a->header->names_used[i / 64] >> i % 64 & 1;
        SAME("names in use without a mark", name->kind && !marked, 0);
        if (name_is_dict(name->kind))
            refer_to_dict(a, name);
    }
    for (uint32_t k = 0; k <= n; k++) {
        for (uint32_t list = SLAB_BLOCK; list <= SLAB_LARGE; list++)
            slab_each(a, k, list, look_at_block, NULL);
    }
}

void
job_check(struct self *super)
{
    sim_policy.no_memory = 0; /* to look may take some: what has no name yet gets one */
    check_counts(super->arena);
    if (sim_failed())
        return;
    check_accumulators(super);
    check_leftovers(super->arena);
    ops_check(super);
}
