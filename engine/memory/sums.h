/* sums: what a state file says of itself, so that damaged bytes are known for what they are.
 *
 * Whether a value is possible can be seen from the rest of the file (state_check.h); whether it
 * is the one that was written cannot. So under --state (arena->sums) sums go with the values:
 *
 *   slot->sum          over what the slot's commits have made true: counters, accumulators,
 *                      the log of collect()
 *   slot->tasks        over the tasks that its commits have posted, less those that they ended:
 *                      over all slots, the sum of the tasks that are there
 *   slot->log_hash     over the log's entries, one after the other
 *   shard->sum         over the records of a shard; of a text, which grows in place, over as many
 *                      bytes as its length says
 *
 * They are new absolute values of the commit, or of the dict's transaction, that makes the rest
 * true: written down before it and applied with it, so that death at any instruction leaves
 * both or neither, and a redo does no harm. Without --state none of them is kept.
 *
 * Each value has a place, and the sum is over mixes of place and value, modulo 2^64: one can be
 * taken out and another put in. Not for security: who wants to deceive may. */
#ifndef PRN_SUMS_H
#define PRN_SUMS_H

#include "base/hash.h"
#include "memory/layout.h"

static inline uint64_t
sums_mix(uint64_t place, uint64_t value)
{
    return hash_mix(hash_mix(place + 1, value), value >> 32);
}

static inline uint64_t
sums_accumulator(uint32_t id, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return sums_mix(id, bits);
}

enum { SUMS_AT_REST = -1 }; /* no outcome: nothing is to be applied */

/* What slot->sum has to be once a commit with this outcome is applied; `accs`: of its
 * accumulators. A slot that has committed nothing has 0. */
static inline uint64_t
sums_of_slot(const struct slot *s, int o, uint64_t accs)
{
    const struct commit_intent *i = &s->intent;
    bool commits = o != SUMS_AT_REST;
    bool ends = commits && s->cur && outcome_ends((enum outcome)o);
    const uint64_t values[] = {
        commits ? i->posted : s->posted,
        ends ? i->finished : s->finished,
        o == OUTCOME_FAILED ? i->count : s->failed,
        o == OUTCOME_RETRY || o == OUTCOME_WAIT ? i->count : s->retried,
        o == OUTCOME_QUARANTINED ? i->count : s->quarantined,
        o == OUTCOME_DUPLICATE ? i->count : s->duplicates,
        commits ? i->tasks : s->tasks,
        commits ? i->log_end : s->log_end,
        commits ? i->log_hash : s->log_hash,
    };
    uint64_t any = accs, sum = SLOT_ACCUMULATORS;
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        any |= values[k];
        sum = sums_mix(sum, values[k]);
    }
    return any ? accs + sum : 0;
}

#endif
