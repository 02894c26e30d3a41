#include "task/commit.h"

#include <errno.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "memory/block.h"
#include "memory/sums.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"
#include "task/wait_list.h"

void
commit_begin(struct self *self)
{
    self->staged_tail = 0;
    self->staged_count = 0;
    self->staged_bytes = 0;
    self->staged_since_ns = 0;
    self->skip = 0;
    self->post_hash = 0;
    self->published = 0;
    self->unstaged = 0;
    self->part_ns = PART_NONE_HURRIED;
    self->journal_pos = 0;
    self->journal_warned = false;
    uint32_t cur = self->slot->cur;
    if (cur && unlikely(task_at(self->arena, cur)->record))
        record_adopt(self);
}

/* Makes the staged children ready, each with its hint. In a redo some may have
 * been taken or even finished: their words say so, their hints are harmless. */
static void
apply_posts(struct self *self)
{
    struct slot *s = self->slot;
    uint64_t at = s->intent.tail;
    for (uint32_t i = s->staged; i; at++) {
        struct task *t = task_at(self->arena, i);
        uint32_t next = atom_peek(&t->next);
        uint64_t word = atom_peek(&t->word);
        /* release: pairs with the acquire in task_claim(). */
        if (task_state(word) == TASK_STAGED)
            atom_store(&t->word, task_word(task_generation(word), 0, 0, TASK_READY));
        queue_put(self, at, i);
        i = next;
    }
}

/* Is this the word of the run that commits? Later runs have another one. */
static bool
is_this_run(const struct slot *s, uint64_t word, uint32_t me)
{
    return task_state(word) == TASK_RUN && task_worker(word) == me &&
           task_generation(word) == task_generation(s->expect);
}

/* From RUN to READY, WAIT or QUARANTINED: the task stays, its run is over. */
static void
apply_return(struct self *self, struct task *t, enum task_state to)
{
    struct slot *s = self->slot;
    uint64_t word = atom_load(&t->word);
    if (!is_this_run(s, word, self->me))
        return;
    t->errors = (uint8_t)s->intent.errors;
    if (to != TASK_QUARANTINED)
        record_forget_journal(self, t);
    /* release: `errors` and the record are there for the next to claim it. */
    atom_store(&t->word, task_word(task_generation(word), task_attempt(word), 0, to));
}

static void
apply_own(struct self *self, uint32_t cur)
{
    struct slot *s = self->slot;
    struct task *t = task_at(self->arena, cur);
    uint64_t word = atom_load(&t->word);
    switch ((enum outcome)s->outcome) {
    case OUTCOME_DONE:
        atom_store(&s->finished, s->intent.finished);
        if (is_this_run(s, word, self->me))
            task_free(self, cur, word);
        break;
    case OUTCOME_FAILED:
        atom_set(&s->failed, s->intent.count);
        /* release: `failed` first, or it would be a success; pairs with add_ended() of counts.c.
         * The same for `quarantined` and `duplicates` below. */
        atom_store(&s->finished, s->intent.finished);
        if (is_this_run(s, word, self->me))
            task_free(self, cur, word);
        break;
    case OUTCOME_DUPLICATE:
        atom_set(&s->duplicates, s->intent.count);
        atom_store(&s->finished, s->intent.finished);
        if (is_this_run(s, word, self->me))
            task_free(self, cur, word);
        break;
    case OUTCOME_QUARANTINED:
        atom_set(&s->quarantined, s->intent.count);
        atom_store(&s->finished, s->intent.finished);
        apply_return(self, t, TASK_QUARANTINED);
        break;
    case OUTCOME_RETRY:
        atom_set(&s->retried, s->intent.count);
        apply_return(self, t, TASK_READY);
        queue_put(self, s->intent.tail, cur);
        break;
    case OUTCOME_WAIT:
        atom_set(&s->retried, s->intent.count);
        /* In the list before it is WAIT: then it may be taken from there, and a supervisor that
         * has not come so far is asked again. */
        if (is_this_run(s, word, self->me)) {
            record_link_wait(self);
            wait_list_push(self, cur);
        }
        apply_return(self, t, TASK_WAIT);
        break;
    case OUTCOME_PART:
        record_publish(self);
        break;
    case OUTCOME_CHECKPOINT:
        record_checkpoint(self);
        if (is_this_run(s, word, self->me)) {
            t->errors = 0;
            t->forgiven = 0;
            atom_store(&t->word, task_word(task_generation(word), 1, self->me, TASK_RUN));
        }
        break;
    }
}

#ifdef PRN_BENCH_SHARED_COUNTER
/* Only to measure what it costs that all workers write one word (bench/): the counter is
 * wrong after a death. */
static void
count_open(const struct slot *s, struct arena_header *h)
{
    uint64_t more = s->intent.posted - s->posted, fewer = s->intent.finished - s->finished;
    (void)atom_add(&h->open_tasks, more - fewer);
}
#endif

static void
apply_sums(struct slot *s)
{
    s->log_hash = s->intent.log_hash;
    s->accs_sum = s->intent.accs_sum;
    s->tasks = s->intent.tasks;
    s->sum = s->intent.sum;
}

void
commit_apply(struct self *self)
{
    struct slot *s = self->slot;
    if (s->intent.more) {
        accumulator_apply(s);
        if (unlikely(self->pending.sums))
            apply_sums(s);
    }
#ifdef PRN_BENCH_SHARED_COUNTER
    count_open(s, self->arena->header);
#endif
    /* Before the children can be taken: who sums all `finished`, then all `posted`
     * never finds them equal too early (docs/internals/termination.md). */
    atom_store(&s->posted, s->intent.posted);
    if (s->staged)
        apply_posts(self);
    if (s->cur)
        apply_own(self, s->cur);
    else if (!self->me)
        atom_store(&self->arena->header->begun, ARENA_YES); /* this was begin() */
    atom_store(&s->staged, 0);
    if (s->outcome == OUTCOME_PART || s->outcome == OUTCOME_CHECKPOINT) {
        atom_store(&s->phase, PHASE_ACTIVE);
        return;
    }
    if (s->journal_on) {
        s->journal_len = 0;
        s->journal_on = 0;
    }
    atom_store(&s->phase, PHASE_IDLE);
}

/* Writes down the sums of the commit at hand, as its last step (sums.h). `ends`: so does the
 * task. Not inlined: then jobs without sums pay nothing for it. */
__attribute__((cold, noinline)) static void
sum_up(struct self *self, enum outcome outcome, bool ends)
{
    struct slot *s = self->slot;
    bool over = ends && s->cur && outcome_ends(outcome);
    s->intent.posted = s->posted + self->staged_count;
    s->intent.finished = s->finished + (ends && s->cur);
    s->intent.tasks = s->tasks - (over ? task_sum(self->arena, task_at(self->arena, s->cur)) : 0);
    for (uint32_t i = s->staged; i; i = task_at(self->arena, i)->next)
        s->intent.tasks += task_sum(self->arena, task_at(self->arena, i));
    accumulator_sum(self);
    s->intent.sum = sums_of_slot(s, outcome, s->intent.accs_sum);
}

/* Writes the new values and stores the commit point. `ends`: so does the task. */
ALWAYS_INLINE void
seal(struct self *self, enum outcome outcome, bool ends)
{
    struct slot *s = self->slot;
    s->outcome = outcome;
    s->intent.posted = s->posted + self->staged_count;
    s->intent.finished = s->finished + (ends && s->cur);
    s->intent.tail = s->tail;
    /* release: all of the above and the children are written. From here on it
     * is true; pairs with the supervisor's acquire after waitpid. */
    atom_store(&s->phase, PHASE_COMMIT);
}

static void
reset_staged(struct self *self)
{
    self->staged_tail = 0;
    self->staged_count = 0;
    self->staged_bytes = 0;
    self->staged_since_ns = 0;
}

void
commit_undo(struct self *self)
{
    struct slot *s = self->slot;
    for (uint32_t i = atom_load(&s->staged), next; i; i = next) {
        next = atom_peek(&task_at(self->arena, i)->next);
        task_unstage(self, i);
    }
    atom_store(&s->staged, 0);
    accumulator_drop(self);
    reset_staged(self);
}

static uint64_t
count_of(const struct slot *s, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_FAILED:
        return s->failed;
    case OUTCOME_QUARANTINED:
        return s->quarantined;
    case OUTCOME_DUPLICATE:
        return s->duplicates;
    default:
        return s->retried;
    }
}

uint32_t
commit_end(struct self *self, enum outcome outcome)
{
    struct slot *s = self->slot;
    uint32_t ready = self->staged_count;
    if (likely(outcome == OUTCOME_DONE)) {
        s->intent.more = 0;
        if (accumulator_dirty(&self->pending))
            accumulator_stage(self);
    } else {
        commit_undo(self);
        struct task *t = task_at(self->arena, s->cur);
        uint32_t errors = t->errors;
        accumulator_nothing(s);
        bool counts = outcome != OUTCOME_QUARANTINED && errors < UINT8_MAX;
        s->intent.errors = errors + counts;
        s->intent.count = count_of(s, outcome) + 1;
        ready = outcome == OUTCOME_RETRY;
    }
    if (unlikely(self->pending.sums))
        sum_up(self, outcome, true);
    seal(self, outcome, true);
    commit_apply(self);
    reset_staged(self);
    return ready;
}

void
commit_wait(struct self *self, uint64_t until_ns)
{
    (void)commit_end(self, record_stage_wait(self, until_ns) ? OUTCOME_RETRY : OUTCOME_WAIT);
}

int
commit_part(struct self *self)
{
    struct slot *s = self->slot;
    int err = record_need(self);
    if (err)
        return err;
    accumulator_nothing(s); /* accumulators wait for the end */
    s->intent.published = self->published + self->staged_count + self->unstaged;
    /* Only posts that are published before the task ends are ever compared: the others cost
     * no hash. */
    s->intent.hash = task_hash_staged(self);
    if (self->pending.sums)
        sum_up(self, OUTCOME_PART, false);
    seal(self, OUTCOME_PART, false);
    commit_apply(self);
    self->published = s->intent.published;
    self->post_hash = s->intent.hash;
    self->unstaged = 0;
    reset_staged(self);
    return 0;
}

/* Takes a block for the cursor and names it, and the one it replaces, in the slot. */
static int
stage_cursor(struct self *self, const void *cursor, size_t bytes)
{
    struct slot *s = self->slot;
    uint32_t block = 0, old = record_current(self)->cursor;
    if (bytes) {
        int err = block_new(self, bytes + sizeof(struct task_cursor),
                            serves_task(s->cur, task_generation(s->expect)), &block);
        if (err)
            return err;
        struct task_cursor *c = (struct task_cursor *)block_at(self->arena, block)->bytes;
        c->bytes = (uint32_t)bytes;
        memcpy(c->text, cursor, bytes);
        c->check = self->arena->sums ? record_check_cursor(c) : 0;
    }
    s->intent.cursor = block;
    s->intent.old_cursor = old;
    s->intent.old_cursor_word = old ? atom_peek(&block_at(self->arena, old)->word) : 0;
    return 0;
}

int
commit_checkpoint(struct self *self, const void *cursor, size_t bytes)
{
    if (self->skip)
        return -EINVAL;
    int err = record_need(self);
    if (!err)
        err = stage_cursor(self, cursor, bytes);
    if (err)
        return err;
    accumulator_stage(self);
    if (self->pending.sums)
        sum_up(self, OUTCOME_CHECKPOINT, false);
    seal(self, OUTCOME_CHECKPOINT, false);
    commit_apply(self);
    block_published(self);
    reset_staged(self);
    self->published = 0;
    self->unstaged = 0;
    self->part_ns = PART_NONE;
    self->post_hash = 0;
    self->journal_pos = 0;
    return 0;
}
