#include "task/suspend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "memory/block.h"
#include "memory/self.h"
#include "store/accumulator.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"

/* ---- words ---- */

uint64_t *
suspend_words(const struct arena *a, uint32_t k, uint32_t *n)
{
    uint32_t block = slot_at(a, k)->words;
    *n = block ? (uint32_t)(block_capacity(a, block) / sizeof(uint64_t)) : 0;
    return block ? (uint64_t *)block_at(a, block)->bytes : NULL;
}

bool
suspend_waits(const struct arena *a, uint32_t k, uint64_t word)
{
    uint64_t now = atom_load(&task_at(a, suspend_word_task(word))->word);
    return task_state(now) == TASK_RUN && task_worker(now) == k &&
           task_generation(now) == (uint32_t)word;
}

int
suspend_open(struct self *self, uint32_t most)
{
    struct slot *s = self->slot;
    size_t bytes = most * sizeof(uint64_t);
    uint32_t old = s->words, index;
    self->suspended = self->free_word = 0;
    if (old && block_capacity(self->arena, old) >= bytes)
        return 0;
    int err = block_new(self, bytes, SERVES_SLOT, &index);
    if (err)
        return err;
    memset(block_at(self->arena, index)->bytes, 0, block_capacity(self->arena, index));
    atom_store(&s->words, index);
    block_published(self);
    if (old) /* died before: nobody uses it again, until the job ends */
        block_free(self, old, atom_peek(&block_at(self->arena, old)->word));
    return 0;
}

/* Words are given back in any order: the next free one is near the last. */
static uint32_t
pick_word(struct self *self, const uint64_t *words, uint32_t n)
{
    uint32_t i = self->free_word;
    while (words[i])
        i = i + 1 < n ? i + 1 : 0;
    self->free_word = i + 1 < n ? i + 1 : 0;
    return i;
}

void
suspend_each(const struct arena *a, uint32_t k, void (*fn)(void *arg, uint32_t task), void *arg)
{
    uint32_t n;
    const uint64_t *words = suspend_words(a, k, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t word = atom_load(&words[i]);
        if (word && suspend_waits(a, k, word))
            fn(arg, suspend_word_task(word));
    }
}

uint32_t
suspend_count(const struct arena *a, uint32_t k)
{
    uint32_t n, named = 0;
    const uint64_t *words = suspend_words(a, k, &n);
    for (uint32_t i = 0; i < n; i++)
        named += atom_load(&words[i]) != 0;
    return named;
}

struct only {
    uint32_t task, n;
};

static void
count_only(void *arg, uint32_t task)
{
    struct only *o = arg;
    o->task = task;
    o->n++;
}

uint32_t
suspend_only(const struct arena *a, uint32_t k)
{
    struct only o = {0, 0};
    suspend_each(a, k, count_only, &o);
    return o.n == 1 ? o.task : 0;
}

/* ---- what is staged, in private memory ---- */

enum item_kind { ITEM_POST,
                 ITEM_ADD,
                 ITEM_COLLECT };

/* `bytes` of it follow, padded to 8. */
struct item {
    uint32_t kind;
    uint32_t id;    /* function; accumulator */
    uint32_t more;  /* POST: parent_fn; ADD: enum accumulator_kind */
    uint32_t bytes; /* arguments; a double; the collected value */
};

struct items {
    char *at;
    size_t len, cap;
    bool failed;
};

static size_t
item_bytes(size_t bytes)
{
    return sizeof(struct item) + (bytes + 7) / 8 * 8;
}

static void
put(struct items *to, struct item head, const void *bytes)
{
    size_t need = item_bytes(head.bytes);
    if (to->failed || !array_reserve(&to->at, &to->cap, to->len + need, 1)) {
        to->failed = true;
        return;
    }
    memcpy(to->at + to->len, &head, sizeof head);
    memcpy(to->at + to->len + sizeof head, bytes, head.bytes);
    to->len += need;
}

static void
put_collected(void *arg, uint32_t id, const void *bytes, size_t len)
{
    put(arg, (struct item){ITEM_COLLECT, id, 0, (uint32_t)len}, bytes);
}

static void
put_posts(struct self *self, struct items *to, struct suspended *out)
{
    uint32_t n = 0;
    out->hashed = 0;
    for (uint32_t i = self->slot->staged; i;) {
        const struct task *t = task_at(self->arena, i);
        put(to, (struct item){ITEM_POST, t->fn, t->parent_fn, t->bytes},
            task_args(self->arena, t));
        n++;
        if (self->unstaged && i == self->hashed)
            out->hashed = n;
        i = t->next;
    }
}

static void
put_adds(const struct self *self, struct items *to)
{
    const struct accumulator_pending *p = &self->pending;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t id = p->ids[i];
        put(to, (struct item){ITEM_ADD, id, p->kinds[id], sizeof(double)}, &p->values[id]);
    }
}

int
suspend_prepare(struct self *self, struct suspended *out)
{
    struct items to = {0};
    put_posts(self, &to, out);
    put_adds(self, &to);
    accumulator_each_pending(self, put_collected, &to);
    if (to.failed) {
        free(to.at);
        return -ENOMEM;
    }
    out->staged = to.at;
    out->staged_bytes = to.len;
    return 0;
}

/* As post() would, but for what it has done already: hash, count, publish. */
static int
post_again(struct self *self, const struct item *head, const void *bytes)
{
    uint32_t line = self->post_line;
    int err = queue_reserve(self, self->staged_count + 2);
    if (err)
        return err;
    self->post_line = head->more >> 16 & TASK_LINE_MAX;
    self->post_unordered = head->more & TASK_UNORDERED;
    err = task_stage_again(self, head->id, bytes, head->bytes);
    self->post_line = line;
    self->post_unordered = false;
    return err;
}

static int
stage_item(struct self *self, const struct item *head, const void *bytes)
{
    double v;
    switch ((enum item_kind)head->kind) {
    case ITEM_POST: return post_again(self, head, bytes);
    case ITEM_COLLECT: return accumulator_collect(self, head->id, bytes, head->bytes);
    case ITEM_ADD: break;
    }
    memcpy(&v, bytes, sizeof v);
    accumulator_add(self, (enum accumulator_kind)head->more, head->id, v);
    return 0;
}

static int
stage_again(struct self *self, const struct suspended *in)
{
    int err = 0;
    uint32_t posts = 0;
    for (size_t at = 0; !err && at < in->staged_bytes;) {
        const struct item *head = (const struct item *)(in->staged + at);
        err = stage_item(self, head, head + 1);
        posts += head->kind == ITEM_POST;
        if (in->hashed && head->kind == ITEM_POST && posts == in->hashed)
            self->hashed = self->staged_tail;
        at += item_bytes(head->bytes);
    }
    if (err)
        commit_undo(self);
    return err;
}

/* ---- the two switches ---- */

static void
keep_private(const struct self *self, struct suspended *out)
{
    const struct slot *s = self->slot;
    out->task = s->cur;
    out->expect = s->expect;
    out->journal_on = s->journal_on != 0;
    out->partial = self->partial;
    out->journal_warned = self->journal_warned;
    out->diverged = self->diverged;
    out->unstaged = self->unstaged;
    out->published = self->published;
    out->skip = self->skip;
    out->part_ns = self->part_ns;
    out->staged_since_ns = self->staged_since_ns;
    out->post_hash = self->post_hash;
    out->journal_pos = self->journal_pos;
}

void
suspend_cancel(struct suspended *s)
{
    free(s->staged);
    s->staged = NULL;
    s->staged_bytes = 0;
}

void
suspend_task(struct self *self, struct suspended *out)
{
    struct slot *s = self->slot;
    uint32_t n;
    uint64_t *words = suspend_words(self->arena, self->me, &n);
    keep_private(self, out);
    commit_undo(self);
    record_keep(self);
    out->word = pick_word(self, words, n);
    /* release: the record has the journal; read by the supervisor after waitpid. */
    atom_store(&words[out->word], serves_task(s->cur, task_generation(s->expect)));
    atom_store(&s->journal_on, 0);
    atom_store(&s->phase, PHASE_IDLE);
    self->suspended++;
}

/* In shared memory; the same for a dead slot. */
static void
run_again(struct self *self, uint32_t task, uint64_t expect, bool journal_on, uint64_t *word)
{
    struct slot *s = self->slot;
    s->cur = task;
    s->expect = expect;
    atom_store(&s->phase, PHASE_ACTIVE);
    if (journal_on) {
        const struct task_record *r = task_record_of(self->arena, task_at(self->arena, task));
        s->journal_len = r ? r->journal_len : 0;
        /* release: never on with an old length, for whoever comes after our death. */
        atom_store(&s->journal_on, 1);
    }
    atom_store(word, 0);
}

int
suspend_resume(struct self *self, struct suspended *in)
{
    uint32_t n;
    uint64_t *words = suspend_words(self->arena, self->me, &n);
    run_again(self, in->task, in->expect, in->journal_on, &words[in->word]);
    self->suspended--;
    self->free_word = in->word;
    self->partial = in->partial;
    self->journal_warned = in->journal_warned;
    self->diverged = in->diverged;
    self->unstaged = in->unstaged;
    self->hashed = 0;
    self->published = in->published;
    self->skip = in->skip;
    self->part_ns = in->part_ns;
    self->post_hash = in->post_hash;
    self->journal_pos = in->journal_pos;
    int err = stage_again(self, in);
    self->staged_since_ns = in->staged_since_ns;
    suspend_cancel(in);
    return err;
}

/* ---- after a death ---- */

void
suspend_adopt(struct self *self, uint32_t task)
{
    uint32_t n, i = 0;
    uint64_t *words = suspend_words(self->arena, self->me, &n);
    uint64_t now = atom_load(&task_at(self->arena, task)->word);
    while (words[i] != serves_task(task, task_generation(now)))
        i++;
    run_again(self, task, now, true, &words[i]);
}

/* A task that waits for self's process: READY, with a hint in the ring of `to`. Made READY already,
 * but its hint may be missing: once more. */
static void
give_back(const struct self *self, struct self *to, uint64_t name, bool forgive)
{
    struct task *t = task_at(self->arena, suspend_word_task(name));
    uint64_t word = atom_load(&t->word);
    if (task_generation(word) != (uint32_t)name)
        return;
    if (suspend_waits(self->arena, self->me, name)) {
        uint32_t attempt = task_attempt(word);
        if (forgive)
            task_forgive(t, attempt);
        else if (attempt)
            attempt--;
        atom_store(&t->word, task_word(task_generation(word), attempt, 0, TASK_READY));
    } else if (task_state(word) != TASK_READY) {
        return;
    }
    queue_put(to, to->slot->tail, suspend_word_task(name));
}

void
suspend_recover(struct self *self, struct self *super, bool forgive, uint32_t keep)
{
    uint32_t n;
    uint64_t *words = suspend_words(self->arena, self->me, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t name = atom_load(&words[i]);
        if (name && suspend_word_task(name) != keep)
            give_back(self, super, name, forgive);
        if (name)
            atom_store(&words[i], 0);
    }
}

void
suspend_give_back(struct self *self, struct suspended *s)
{
    uint32_t n;
    uint64_t *words = suspend_words(self->arena, self->me, &n);
    give_back(self, self, words[s->word], false);
    atom_store(&words[s->word], 0);
    self->suspended--;
    self->free_word = s->word;
    suspend_cancel(s);
}

bool
suspend_settle(const struct self *self, uint32_t unlinked_block)
{
    return self->slot->words == unlinked_block;
}
