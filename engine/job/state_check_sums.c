/* The sums of a slot: see memory/sums.h. Those of tasks, of shards and of names are looked at where
 * the things themselves are. */
#include <stdlib.h>
#include <string.h>

#include "job/state_map.h"
#include "memory/chunk.h"
#include "memory/sums.h"
#include "store/accumulator.h"

static uint64_t
hash_entries(uint64_t h, const char *at, uint64_t used)
{
    while (used) {
        uint32_t entry[2];
        memcpy(entry, at, sizeof entry);
        h = accumulator_log_hash(h, entry[0], at + sizeof entry, entry[1]);
        uint64_t bytes = sizeof entry + ((uint64_t)entry[1] + 7) / 8 * 8;
        at += bytes;
        used -= bytes;
    }
    return h;
}

/* The chunks up to the end, which are linked newest first; their number in *n. */
static uint32_t *
log_chunks(const struct check *c, uint32_t end, size_t *n)
{
    size_t count = 0;
    for (uint32_t u = end; u; u = chunk_at(c->a, u - 1)->next)
        count++;
    uint32_t *units = malloc((count + 1) * sizeof *units);
    *n = count;
    for (uint32_t u = end; units && u; u = chunk_at(c->a, u - 1)->next)
        units[--count] = u;
    return units;
}

static const char *
check_log_hash(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    bool commits = s->phase == PHASE_COMMIT;
    uint64_t end = commits ? s->intent.log_end : s->log_end, h = 0;
    size_t n;
    uint32_t *units = log_chunks(c, log_end_unit(end), &n);
    if (!units)
        return check_no_memory;
    for (size_t i = 0; i < n; i++) {
        const struct chunk *chunk = chunk_at(c->a, units[i] - 1);
        h = hash_entries(h, (const char *)chunk + ARENA_GRAIN,
                         i + 1 < n ? chunk->used : log_end_used(end));
    }
    free(units);
    return h == (commits ? s->intent.log_hash : s->log_hash) ? NULL : DAMAGED("a log");
}

/* Of the accumulators' cells, as the commit at hand leaves them. */
static uint64_t
sum_accumulators(const struct slot *s)
{
    struct accumulator_cell cells[SLOT_ACCUMULATORS];
    uint64_t sum = 0;
    memcpy(cells, s->accs, sizeof cells);
    for (uint32_t i = 0; s->phase == PHASE_COMMIT && i < s->intent.naccumulators; i++)
        cells[s->accumulator_log[i].id] =
            (struct accumulator_cell){s->accumulator_log[i].value, 1};
    for (uint32_t id = 0; id < SLOT_ACCUMULATORS; id++)
        sum += cells[id].set ? sums_accumulator(id, cells[id].value) : 0;
    return sum;
}

/* What all commits have left, and what it adds up to, was written by the same commit. */
const char *
check_sums(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    bool commits = s->phase == PHASE_COMMIT;
    uint64_t accs = sum_accumulators(s);
    if ((commits && !s->intent.more) || accs != (commits ? s->intent.accs_sum : s->accs_sum) ||
        sums_of_slot(s, commits ? (int)s->outcome : SUMS_AT_REST, accs) !=
            (commits ? s->intent.sum : s->sum))
        return DAMAGED("the sums of a slot");
    return check_log_hash(c, k);
}
