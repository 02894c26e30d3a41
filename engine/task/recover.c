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
#include "task/suspend.h"
#include "task/task.h"

/* How often this task has crashed its worker, now included. Beyond what can be counted: always. */
static uint32_t
crashes(const struct task *t, uint64_t word)
{
    uint32_t runs = task_attempt(word);
    return runs < TASK_ATTEMPT_MAX ? task_crashes(t, runs) : TASK_ATTEMPT_MAX;
}

/* The task this slot was running, if its claim had succeeded. */
static bool
was_running(const struct self *self, uint64_t *word)
{
    const struct slot *s = self->slot;
    if (s->phase != PHASE_ACTIVE || !s->cur)
        return false;
    *word = atom_load(&task_at(self->arena, s->cur)->word);
    return task_state(*word) == TASK_RUN && task_worker(*word) == self->me &&
           task_generation(*word) == task_generation(s->expect);
}

static void
give_back(struct self *self, struct self *super, uint64_t word, enum recover_how how)
{
    struct slot *s = self->slot;
    uint32_t cur = s->cur, attempt = task_attempt(word);
    if (how == RECOVER_UNCOUNTED && attempt)
        attempt--;
    record_keep(self);
    if (how == RECOVER_WAIT) /* it may have died while it wrote a time */
        record_forget_wait(self, task_at(self->arena, cur));
    /* The state before the hint: thieves never look twice at a hint that they
     * saw stale. If the supervisor dies in between, so has everybody, and the
     * queues are rebuilt from the descriptors. */
    atom_store(&task_at(self->arena, cur)->word,
               task_word(task_generation(word), attempt, 0,
                         how == RECOVER_WAIT ? TASK_WAIT : TASK_READY));
    if (how != RECOVER_WAIT)
        queue_put(super, super->slot->tail, cur);
}

static void
settle_task(struct self *self, struct self *super, uint32_t max_crashes, enum recover_how how,
            struct recovered *out)
{
    struct slot *s = self->slot;
    uint64_t word;
    if (s->phase == PHASE_COMMIT)
        commit_apply(self); /* a part leaves the task ACTIVE: roll back the rest */
    if (s->phase == PHASE_IDLE && how != RECOVER_UNCOUNTED) {
        uint32_t only = suspend_only(self->arena, self->me);
        if (only)
            suspend_adopt(self, only);
    }
    if (s->phase != PHASE_ACTIVE)
        return;

    commit_undo(self);
    if (was_running(self, &word)) {
        record_mend(self);
        out->task = s->cur;
        out->word = word;
        if (how == RECOVER_FAILED) {
            out->failed = true;
            return;
        }
        if (how != RECOVER_UNCOUNTED &&
            crashes(task_at(self->arena, s->cur), word) >= max_crashes) {
            out->quarantined = true;
            record_keep(self);
            (void)commit_end(self, OUTCOME_QUARANTINED);
            return;
        }
        give_back(self, super, word, how);
    }
    s->journal_len = 0;
    s->journal_on = 0;
    atom_store(&s->phase, PHASE_IDLE);
}

static bool
is_dict(const struct self *self, uint32_t block)
{
    size_t from = arena_offset(self->arena, block_at(self->arena, block));
    uint32_t i = 0;
    for (const struct name *n; (n = names_next(self->arena, &i));) {
        if (name_is_dict(n->kind) && n->object - from <= sizeof(struct block) + CACHE_LINE)
            return true;
    }
    return false;
}

/* The block that was just taken: is it linked where its user finds it? */
static void
settle_loose(struct self *self)
{
    struct slot *s = self->slot;
    uint32_t unlinked = atom_load(&s->unlinked_block);
    if (!unlinked)
        return;
    bool linked = record_settle(self, unlinked) || dict_tx_uses(self, unlinked) ||
                  suspend_settle(self, unlinked) || is_dict(self, unlinked);
    if (!linked)
        block_free(self, unlinked, atom_load(&block_at(self->arena, unlinked)->word));
    atom_store(&s->unlinked_block, 0);
}

static void
break_one(void *arg, uint32_t *word)
{
    lock_break(arg, word);
}

void
recover_locks(struct self *self)
{
    struct arena *a = self->arena;
    lock_break(self, &a->header->names_lock);
    lock_break(self, a->header->output_lock);
    lock_break(self, a->header->output_lock + 1);
    lock_break(self, &a->header->order_lock);
    names_each_lock(a, break_one, self);
    lock_end_wait(self);
}

uint32_t
recover_suspect(const struct arena *a, uint32_t k)
{
    const struct slot *s = slot_at(a, k);
    bool ends = s->phase == PHASE_COMMIT && s->outcome != OUTCOME_PART &&
                s->outcome != OUTCOME_CHECKPOINT;
    return s->phase == PHASE_IDLE || ends ? suspend_only(a, k) : s->cur;
}

int
recover(struct self *self, struct self *super, uint32_t max_crashes, enum recover_how how,
        struct recovered *out)
{
    *out = (struct recovered){0};
    int err = queue_reserve(super, 1 + suspend_count(self->arena, self->me));
    if (err)
        return err;
    chunk_recover(self);
    settle_loose(self); /* while the transactions still say what they use */
    dict_tx_recover(self);
    recover_locks(self);
    settle_task(self, super, max_crashes, how, out);
    suspend_recover(self, super, how != RECOVER_UNCOUNTED, out->failed ? out->task : 0);
    idle_recover(self);
    /* Who was to be woken by the dead, or for its task, sleeps (R10). */
    idle_wake_all(self->arena);
    return 0;
}

/* ---- after the death of everything ---- */

static int
recover_slot(struct self *super, uint32_t k)
{
    struct self dead;
    struct recovered r;
    int err = self_open(&dead, super->arena, k, 1);
    if (err)
        return err;
    /* Never quarantined: this run does not count. */
    err = recover(&dead, super, UINT32_MAX, RECOVER_UNCOUNTED, &r);
    self_close(&dead);
    return err;
}

/* Nobody sleeps, nobody waits, nothing is on its way to the list of the waiting. */
static void
reset_slot(struct arena *a, uint32_t k)
{
    struct slot *s = slot_at(a, k);
    atom_store(&s->waiting, 0);
    atom_store(&s->head, s->tail);
    s->stale_to = s->steal_at = 0; /* said of a ring in the --order of then */
    s->pid = 0;
    s->exit_reason = 0;
}

struct search {
    struct self *super;
    void (*waits)(void *arg, uint32_t task);
    void *arg;
    int err;
};

static void
queue_again(void *arg, uint32_t index)
{
    struct search *f = arg;
    switch (task_state(atom_load(&task_at(f->super->arena, index)->word))) {
    case TASK_READY:
        if (!f->err)
            f->err = queue_push(f->super, index);
        break;
    case TASK_WAIT:
        f->waits(f->arg, index);
        break;
    default:
        break;
    }
}

int
resume(struct self *super, void (*waits)(void *arg, uint32_t task), void *arg)
{
    struct arena *a = super->arena;
    uint32_t n = a->header->nworkers;
    /* Slot 0 may have died while its ring grew: before that one grows again. */
    chunk_recover(super);
    for (uint32_t k = 0; k <= n; k++) {
        int err = recover_slot(super, k);
        if (err)
            return err;
    }
    /* Only now: until its commit was applied, a slot's new hints had their places. */
    for (uint32_t k = 0; k <= n; k++)
        reset_slot(a, k);
    atom_store(&a->header->gate, 0); /* whoever it was for is gone */
    struct search f = {super, waits, arg, 0};
    for (uint32_t k = 0; k <= n; k++)
        slab_each(a, k, SLAB_TASK, queue_again, &f);
    return f.err;
}
