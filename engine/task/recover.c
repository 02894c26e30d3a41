#include "task/recover.h"

#include "memory/self.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "task/commit.h"
#include "store/dict_tx.h"
#include "task/idle.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"

/* How many runs of this task ended with their worker, this one included. */
static uint32_t
deaths(const struct task *t, uint64_t word)
{
    uint32_t runs = task_attempt(word);
    return runs > t->errors ? runs - t->errors : 0;
}

/* The task this slot was running, if its claim had succeeded. */
static bool
was_running(const struct actor *x, uint64_t *word)
{
    const struct slot *s = x->slot;
    if (s->phase != PHASE_ACTIVE || !s->cur)
        return false;
    *word = atom_load(&task_at(x->arena, s->cur)->word);
    return task_state(*word) == TASK_RUN && task_worker(*word) == x->me &&
           task_generation(*word) == task_generation(s->expect);
}

static void
give_back(struct actor *x, struct actor *super, uint64_t word, enum recover_how how)
{
    struct slot *s = x->slot;
    uint32_t cur = s->cur, attempt = task_attempt(word);
    if (how == RECOVER_UNCOUNTED && attempt)
        attempt--;
    record_keep(x);
#ifdef PRN_BUG_HINT_BEFORE_STATE
    queue_put(super, super->slot->tail, cur);
#endif
    /* The state before the hint: thieves never look twice at a hint that they
     * saw stale. If the supervisor dies in between, so has everybody, and the
     * queues are rebuilt from the descriptors. */
    atom_store(&task_at(x->arena, cur)->word,
               task_word(word >> 32, attempt, 0, how == RECOVER_WAIT ? TASK_WAIT : TASK_READY));
#ifndef PRN_BUG_HINT_BEFORE_STATE
    if (how != RECOVER_WAIT)
        queue_put(super, super->slot->tail, cur);
#endif
}

static void
settle_task(struct actor *x, struct actor *super, uint32_t attempts, enum recover_how how,
            struct recovered *out)
{
    struct slot *s = x->slot;
    uint64_t word;
    if (s->phase == PHASE_COMMIT)
        commit_apply(x); /* a part leaves the task ACTIVE: roll back the rest */
    if (s->phase != PHASE_ACTIVE)
        return;

    commit_undo(x);
    if (was_running(x, &word)) {
        out->task = s->cur;
        out->word = word;
        if (how != RECOVER_UNCOUNTED && deaths(task_at(x->arena, s->cur), word) >= attempts) {
            out->dead = true;
            record_keep(x);
#ifdef PRN_BUG_NAIVE_DEAD
            s->done++;
            s->dead++;
            atom_store(&task_at(x->arena, s->cur)->word,
                       task_word(word >> 32, task_attempt(word), 0, TASK_DEAD));
            s->journal_len = 0;
            s->journal_on = 0;
            atom_store(&s->phase, PHASE_IDLE);
            return;
#endif
            (void)commit_end(x, OUTCOME_DEAD);
            return;
        }
        give_back(x, super, word, how);
    }
    s->journal_len = 0;
    s->journal_on = 0;
    atom_store(&s->phase, PHASE_IDLE);
}

static bool
is_dict(const struct actor *x, uint32_t block)
{
    size_t from = arena_offset(x->arena, block_at(x->arena, block));
    uint32_t i = 0;
    for (const struct name *n; (n = names_next(x->arena, &i));) {
        if (n->kind == NAMED_DICT && n->object - from <= sizeof(struct block) + CACHE_LINE)
            return true;
    }
    return false;
}

/* The block that was just taken: is it linked where its user finds it? */
static void
settle_loose(struct actor *x)
{
    struct slot *s = x->slot;
    uint32_t loose = atom_load(&s->loose);
    if (!loose)
        return;
    bool linked = record_settle(x, loose) || dict_tx_uses(x, loose) || is_dict(x, loose);
    if (!linked)
        block_free(x, loose, atom_load(&block_at(x->arena, loose)->word));
    atom_store(&s->loose, 0);
}

int
recover(struct actor *x, struct actor *super, uint32_t attempts, enum recover_how how,
        struct recovered *out)
{
    *out = (struct recovered){0};
    int err = queue_reserve(super, 1);
    if (err)
        return err;
    chunk_recover(x);
    settle_loose(x); /* while the transactions still say what they use */
    dict_tx_recover(x);
    lock_recover(x);
    settle_task(x, super, attempts, how, out);
    idle_recover(x);
#ifndef PRN_BUG_NO_WAKE_ALL
    /* Who was to be woken by the dead, or for its task, sleeps (R10). */
    idle_wake_all(x->arena);
#endif
    return 0;
}
