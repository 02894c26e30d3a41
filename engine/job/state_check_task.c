/* The part of state_check that looks at tasks, what they own, and whether they add
 * up. docs/internals/task.md tells which states death leaves behind. */
#include <string.h>

#include "memory/chunk.h"
#include "task/record.h"
#include "task/suspend.h"
#include "memory/slab.h"
#include "job/state_map.h"

enum { LENIENT,
       STRICT };

static uint32_t
args_index(const struct task *t)
{
    uint32_t index = 0;
    if (t->bytes > TASK_INLINE)
        memcpy(&index, t->args + TASK_INLINE - sizeof index, sizeof index);
    return index;
}

static bool
owner_tag(const struct check *c, uint32_t block, uint64_t whom)
{
    return block_at(c->a, block)->owner_tag == whom;
}

static struct task_record *
record_at(const struct check *c, uint32_t index)
{
    return (struct task_record *)block_at(c->a, index)->bytes;
}

/* Is this the slot of a task that ends, so that what it owns may be free already? */
static bool
is_ending(const struct slot *s)
{
    return s->phase == PHASE_COMMIT &&
           (s->outcome == OUTCOME_DONE || s->outcome == OUTCOME_FAILED ||
            s->outcome == OUTCOME_DUPLICATE);
}

static bool
journal_fits(const struct check *c, uint32_t record, uint64_t word)
{
    uint64_t len = journal_bytes(word);
    return check_used(c, record, sizeof(struct task_record)) &&
           len <= block_capacity(c->a, record) - sizeof(struct task_record) &&
           journal_sound(record_at(c, record)->journal, len) &&
           (!c->a->sums || word == (len ? journal_word(record_at(c, record)->journal, len) : 0));
}

static bool
cursor_fits(const struct check *c, uint32_t block, uint64_t whom)
{
    const struct task_cursor *cursor;
    if (!check_used(c, block, sizeof *cursor) || !owner_tag(c, block, whom))
        return false;
    cursor = (const struct task_cursor *)block_at(c->a, block)->bytes;
    return cursor->bytes <= block_capacity(c->a, block) - sizeof *cursor &&
           (!c->a->sums || cursor->check == record_check_cursor(cursor));
}

/* ---- what a task owns ---- */

/* LENIENT: the task is being freed; its blocks may be somebody else's. */
static const char *
check_args(struct check *c, uint32_t index, const struct task *t, int how)
{
    uint32_t block = args_index(t);
    if (t->bytes <= TASK_INLINE)
        return NULL;
    if (how == LENIENT)
        return check_is_block(c, block) ? NULL : DAMAGED("the arguments of a task");
    if (!check_used(c, block, t->bytes) ||
        !owner_tag(c, block, serves_task(index, task_generation(t->word))) ||
        !check_mark(c, block))
        return DAMAGED("the arguments of a task");
    return NULL;
}

/* What a part or a checkpoint that is being applied says is written anew. */
static bool
is_written_anew(const struct check *c, uint64_t word)
{
    if (task_state(word) != TASK_RUN || task_worker(word) > c->n)
        return false;
    const struct slot *s = slot_at(c->a, task_worker(word));
    return s->phase == PHASE_COMMIT &&
           (s->outcome == OUTCOME_PART || s->outcome == OUTCOME_CHECKPOINT);
}

static bool
record_sums_fit(const struct check *c, uint32_t index, const struct task_record *r)
{
    uint64_t word = task_at(c->a, index)->word;
    bool anew = is_written_anew(c, word);
    bool waits = task_state(word) == TASK_WAIT;
    return (anew || r->check == record_check(r)) &&
           (!waits || r->until_check == record_check_until(r));
}

/* While it runs, the journal's length in the record is an old one: the slot's counts. */
static const char *
check_record(struct check *c, uint32_t index, const struct task *t, int how, bool journal)
{
    uint32_t block = t->record;
    uint64_t whom = serves_task(index, task_generation(t->word));
    if (!block)
        return NULL;
    if (!check_is_block(c, block))
        return DAMAGED("the record of a task");
    bool has = check_used(c, block, sizeof(struct task_record)) && owner_tag(c, block, whom);
    if (how == LENIENT && !has)
        return NULL;
    if (!has || !check_mark(c, block) ||
        (journal && !journal_fits(c, block, record_at(c, block)->journal_len)))
        return DAMAGED("the record of a task");
    uint32_t cursor = record_at(c, block)->cursor;
    if (how == LENIENT)
        return !cursor || check_is_block(c, cursor) ? NULL : DAMAGED("the cursor of a task");
    if (cursor && (!cursor_fits(c, cursor, whom) || !check_mark(c, cursor)))
        return DAMAGED("the cursor of a task");
    return !c->a->sums || record_sums_fit(c, index, record_at(c, block))
               ? NULL
               : DAMAGED("the record of a task");
}

static const char *
check_owned(struct check *c, uint32_t index, int how, bool journal)
{
    const struct task *t = task_at(c->a, index);
    const char *wrong = check_args(c, index, t, how);
    return wrong ? wrong : check_record(c, index, t, how, journal);
}

/* ---- a slot's transaction ---- */

/* What a task has posted: appended to the list before it is marked STAGED, all made
 * READY by the commit or all freed, then the list is empty again. Only the slot's
 * own slab has them, so that none is used again while it is in the list. */
static const char *
check_staged(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    uint64_t n = 0;
    if (s->staged && s->phase == PHASE_IDLE)
        return DAMAGED("a list of posted tasks");
    for (uint32_t i = s->staged; i; i = task_at(c->a, i)->next, n++) {
        if (!check_is_task(c, i) || check_extent(c, (uint64_t)i * ARENA_GRAIN)->owner != k ||
            !check_mark(c, i))
            return DAMAGED("a list of posted tasks");
        if (s->phase == PHASE_COMMIT)
            continue;
        enum task_state state = task_state(task_at(c->a, i)->word);
        if (state != TASK_STAGED && state != TASK_FREE)
            return DAMAGED("a list of posted tasks");
        const char *wrong = check_owned(c, i, LENIENT, false);
        if (wrong)
            return wrong;
    }
    if (s->phase != PHASE_COMMIT)
        return NULL;
    /* The new hints go from intent.tail on, for which there was room. */
    uint64_t size = (uint64_t)1 << ring_log2(s->ring);
    bool posts = s->outcome == OUTCOME_DONE || s->outcome == OUTCOME_PART ||
                 s->outcome == OUTCOME_CHECKPOINT;
    n += s->outcome == OUTCOME_RETRY;
    /* The list is emptied before the phase says so: then nobody knows how many. */
    bool emptied = posts && !s->staged;
    if ((s->staged && !posts) || s->intent.tail < s->head || s->intent.tail > s->tail ||
        (!emptied && s->tail - s->intent.tail > n) || s->intent.tail - s->head + n > size)
        return DAMAGED("the ends of a ring");
    return NULL;
}

/* Tasks that wait for slot k's process, each named once. Others have been given back already. */
static const char *
check_words(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    uint32_t n;
    if (!s->words)
        return NULL;
    if (!check_used(c, s->words, sizeof(uint64_t)) || !owner_tag(c, s->words, SERVES_SLOT) ||
        !check_mark(c, s->words))
        return DAMAGED("the tasks that wait in a worker");
    const uint64_t *words = suspend_words(c->a, k, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (!words[i])
            continue;
        if (!check_is_task(c, suspend_word_task(words[i])))
            return DAMAGED("the tasks that wait in a worker");
        if (suspend_waits(c->a, k, words[i]) && !check_name_task(c, suspend_word_task(words[i])))
            return DAMAGED("the tasks that wait in a worker");
    }
    return NULL;
}

/* The spare record, which is the running task's for one instruction. */
static const char *
check_spare(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    if (!s->record)
        return NULL;
    if (!check_used(c, s->record, sizeof(struct task_record)))
        return DAMAGED("the record of a slot");
    bool given = check_runs(c, k) && task_at(c->a, s->cur)->record == s->record;
    if (!given && !check_mark(c, s->record))
        return DAMAGED("the record of a slot");
    if (!check_runs(c, k) || given) /* not yet somebody's: nobody reads it */
        return NULL;
    return journal_fits(c, s->record, record_at(c, s->record)->journal_len) &&
                   !record_at(c, s->record)->cursor
               ? NULL
               : DAMAGED("the record of a slot");
}

static const char *
check_journal(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    bool will_be = s->tx.state == TX_COMMIT && s->tx.journal_len;
    if (will_be && (s->phase != PHASE_ACTIVE || !check_runs(c, k)))
        return DAMAGED("a journal");
    bool goes_on = s->phase == PHASE_ACTIVE || s->outcome == OUTCOME_PART ||
                   s->outcome == OUTCOME_CHECKPOINT;
    if (!goes_on || !check_runs(c, k)) /* nobody reads it any more */
        return NULL;
    uint32_t record = task_at(c->a, s->cur)->record;
    record = record ? record : s->record;
    uint64_t len = will_be ? s->tx.journal_len : s->journal_on ? s->journal_len
                                                               : 0;
    return !len || (record && journal_fits(c, record, len)) ? NULL : DAMAGED("a journal");
}

/* PART and POINT need a record; POINT replaces a cursor by another. */
static const char *
check_point(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    bool point = s->outcome == OUTCOME_CHECKPOINT;
    if (s->phase != PHASE_COMMIT || (!point && s->outcome != OUTCOME_PART))
        return NULL;
    const struct task *t = task_at(c->a, s->cur);
    if (!check_runs(c, k) || (!t->record && !s->record))
        return DAMAGED("a partial commit");
    if (!point)
        return NULL;
    uint32_t now = t->record ? record_at(c, t->record)->cursor : 0;
    uint64_t whom = serves_task(s->cur, task_generation(s->expect));
    if (s->intent.cursor && (!cursor_fits(c, s->intent.cursor, whom) ||
                             (s->intent.cursor != now && !check_mark(c, s->intent.cursor))))
        return DAMAGED("the cursor of a task");
    if (!s->intent.old_cursor)
        return NULL;
    if (!check_is_block(c, s->intent.old_cursor))
        return DAMAGED("the cursor of a task");
    /* It is freed if its word is still that one. */
    bool frees = block_at(c->a, s->intent.old_cursor)->word == s->intent.old_cursor_word &&
                 block_state(s->intent.old_cursor_word) == BLOCK_USED;
    if (frees && (s->intent.old_cursor == s->intent.cursor ||
                  (s->intent.old_cursor != now && !check_mark(c, s->intent.old_cursor))))
        return DAMAGED("the cursor of a task");
    return NULL;
}

static bool
until_fits(const struct check *c, uint32_t record)
{
    const struct task_record *r = record_at(c, record);
    return !c->a->sums || r->until_check == record_check_until(r);
}

/* WAIT may bring a record for a task that has none, or has got it just now. */
static const char *
check_wait(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    if (s->phase != PHASE_COMMIT || s->outcome != OUTCOME_WAIT || !check_runs(c, k))
        return NULL; /* or the task is WAIT already, and nothing of it is read any more */
    const struct task *t = task_at(c->a, s->cur);
    uint32_t record = s->intent.wait_record;
    if (!record)
        return t->record && until_fits(c, t->record) ? NULL : DAMAGED("the record of a task");
    bool given = t->record == record;
    if ((t->record && !given) || !check_used(c, record, sizeof(struct task_record)) ||
        block_at(c->a, record)->owner_tag != serves_task(s->cur, task_generation(s->expect)) ||
        (!given && !check_mark(c, record)))
        return DAMAGED("the record of a task");
    return record_at(c, record)->journal_len || record_at(c, record)->cursor ||
                   !until_fits(c, record)
               ? DAMAGED("the record of a task")
               : NULL;
}

static const char *
check_transaction(struct check *c, uint32_t k)
{
    if (!slot_at(c->a, k)->ring)
        return NULL;
    const char *wrong = check_spare(c, k);
    if (!wrong)
        wrong = check_journal(c, k);
    if (!wrong)
        wrong = check_wait(c, k);
    return wrong ? wrong : check_point(c, k);
}

/* ---- each task ---- */

/* *alive: will it still have to be done once the slots are repaired? */
static const char *
check_running(struct check *c, uint32_t index, bool *alive)
{
    uint64_t word = task_at(c->a, index)->word;
    uint32_t k = task_worker(word);
    bool runs = k <= c->n && slot_at(c->a, k)->cur == index && check_runs(c, k);
    if (!runs && !check_named(c, index))
        return DAMAGED("a task that runs nowhere");
    if (!runs) { /* it waits in its worker: a word names it */
        *alive = true;
        return check_owned(c, index, STRICT, true);
    }
    const struct slot *s = slot_at(c->a, k);
    *alive = !is_ending(s) && !(s->phase == PHASE_COMMIT && s->outcome == OUTCOME_QUARANTINED);
    return check_owned(c, index, is_ending(s) ? LENIENT : STRICT,
                       s->phase == PHASE_ACTIVE && !s->journal_on);
}

static const char *
check_task(struct check *c, uint32_t index, uint32_t owner, bool *alive)
{
    const struct slot *s = slot_at(c->a, owner);
    uint64_t word = task_at(c->a, index)->word;
    switch (task_state(word)) {
    case TASK_FREE:
        return NULL;
    case TASK_STAGED:
        *alive = s->phase == PHASE_COMMIT && check_marked(c, index);
        return *alive ? check_owned(c, index, STRICT, true) : NULL;
    case TASK_READY:
    case TASK_WAIT:
        *alive = true;
        return task_attempt_fits(word) ? check_owned(c, index, STRICT, true)
                                       : DAMAGED("the state of a task");
    case TASK_QUARANTINED:
        return check_owned(c, index, STRICT, true);
    case TASK_RUN:
        return check_running(c, index, alive);
    }
    return DAMAGED("the state of a task");
}

static const char *
check_descriptors(struct check *c, uint64_t *alive, uint64_t *tasks)
{
    uint64_t per_unit = ARENA_UNIT / ARENA_GRAIN;
    for (size_t i = 0; i < c->nextents; i++) {
        struct extent *e = &c->extents[i];
        if (!e->linked || e->size_class != SLAB_TASK)
            continue;
        uint32_t first = arena_index(c->a, chunk_at(c->a, e->unit)) + 1;
        for (uint64_t j = 0; j < e->units * per_unit - 1; j++) {
            bool is = false;
            const char *wrong = check_task(c, first + (uint32_t)j, e->owner, &is);
            if (wrong)
                return wrong;
            *alive += is;
            *tasks += is ? task_sum(c->a, task_at(c->a, first + (uint32_t)j)) : 0;
        }
    }
    return NULL;
}

/* ---- blocks that serve tasks ---- */

/* A block that death has left between two: taken and not named yet, or named no more and not freed
 * yet. */
static bool
is_between(const struct check *c, const struct slot *s, uint32_t block)
{
    uint32_t unlinked = s->unlinked_block;
    if (block == unlinked || (s->phase == PHASE_COMMIT && block == s->intent.old_cursor))
        return true;
    return check_used(c, unlinked, sizeof(struct task_record)) &&
           record_at(c, unlinked)->replaces == block;
}

/* Has a task lost it? Zeros where a name was say that there is none. */
static bool
is_lost(const struct check *c, uint32_t block)
{
    uint64_t tag = block_at(c->a, block)->owner_tag;
    uint32_t index = (uint32_t)(tag >> 32);
    if (check_marked(c, block) || !index || !check_is_task(c, index))
        return false;
    uint64_t word = task_at(c->a, index)->word;
    if (tag != serves_task(index, task_generation(word)))
        return false;
    enum task_state state = task_state(word);
    if (state != TASK_RUN)
        return state == TASK_READY || state == TASK_WAIT;
    const struct slot *s = slot_at(c->a, task_worker(word));
    return !is_ending(s) && !is_between(c, s, block);
}

const char *
check_lost(struct check *c)
{
    for (size_t i = 0; i < c->nextents; i++) {
        const struct extent *e = &c->extents[i];
        if (!e->linked || e->size_class < SLAB_BLOCK || e->size_class > SLAB_LARGE)
            continue;
        uint64_t at = check_unit_offset(c, e->unit) + ARENA_GRAIN;
        uint64_t room = (uint64_t)e->units * ARENA_UNIT - ARENA_GRAIN;
        uint64_t size = e->size_class == SLAB_LARGE ? room : slab_item_bytes(e->size_class);
        for (uint64_t n = room / size; n; n--, at += size) {
            uint32_t block = (uint32_t)(at / ARENA_GRAIN);
            if (block_state(block_at(c->a, block)->word) == BLOCK_USED && is_lost(c, block))
                return DAMAGED("what a task owns");
        }
    }
    return NULL;
}

/* Tasks posted and not done, after all commits: as many as there are, and these. `posted` and
 * `finished` change within a commit only, by absolute values. */
static const char *
check_counts(const struct check *c, uint64_t alive, uint64_t tasks)
{
    uint64_t left = 0;
    for (uint32_t k = 0; k <= c->n; k++) {
        const struct slot *s = slot_at(c->a, k);
        bool commits = s->phase == PHASE_COMMIT;
        bool ends = is_ending(s) || s->outcome == OUTCOME_QUARANTINED;
        tasks -= commits ? s->intent.tasks : s->tasks;
        left += commits ? s->intent.posted : s->posted;
        left -= commits && s->cur && ends ? s->intent.finished : s->finished;
    }
    if (left != alive)
        return DAMAGED("its count of tasks");
    return tasks && c->a->sums ? DAMAGED("its sum of tasks") : NULL;
}

const char *
check_tasks(struct check *c)
{
    const char *wrong = NULL;
    uint64_t alive = 0, tasks = 0;
    for (uint32_t k = 0; !wrong && k <= c->n; k++)
        wrong = check_staged(c, k);
    for (uint32_t k = 0; !wrong && k <= c->n; k++)
        wrong = check_words(c, k);
    if (!wrong)
        wrong = check_descriptors(c, &alive, &tasks);
    if (!wrong)
        wrong = check_counts(c, alive, tasks);
    for (uint32_t k = 0; !wrong && k <= c->n; k++)
        wrong = check_transaction(c, k);
    return wrong;
}
