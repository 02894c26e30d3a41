#include "task/task.h"

#include <errno.h>
#include <string.h>

#include "memory/self.h"
#include "memory/block.h"
#include "base/hash.h"

/* Argument bytes that do not fit stand in a block; its index is in args. */
static uint32_t
args_block(const struct task *t)
{
    uint32_t index;
    if (t->bytes <= TASK_INLINE)
        return 0;
    memcpy(&index, t->args + TASK_INLINE - sizeof index, sizeof index);
    return index;
}

const void *
task_args(const struct arena *a, const struct task *t)
{
    uint32_t block = args_block(t);
    return block ? (const void *)block_at(a, block)->bytes : t->args;
}

struct task_record *
task_record_of(const struct arena *a, const struct task *t)
{
    uint32_t record = atom_peek(&t->record);
    return record ? (struct task_record *)block_at(a, record)->bytes : NULL;
}

/* Into the list before it is marked (docs/internals/task.md, "Posting"): recovery finds
 * every descriptor that is STAGED. */
static void
append_staged(struct self *self, uint32_t index)
{
    if (self->staged_tail)
        atom_store(&task_at(self->arena, self->staged_tail)->next, index);
    else
        atom_store(&self->slot->staged, index);
    self->staged_tail = index;
    self->staged_count++;
}

ALWAYS_INLINE void
join(void *to, const void *args, size_t bytes, const void *more, size_t more_bytes)
{
    memcpy(to, args, bytes);
    if (more_bytes)
        memcpy((char *)to + bytes, more, more_bytes);
}

ALWAYS_INLINE int
stage(struct self *self, uint32_t fn, const void *args, size_t first_bytes, const void *more,
      size_t more_bytes)
{
    struct slot *s = self->slot;
    size_t bytes = first_bytes + more_bytes;
    uint32_t index;
    int err = slab_pick(self, SLAB_TASK, &index);
    if (unlikely(err))
        return err;

    struct task *t = task_at(self->arena, index);
    uint32_t gen = task_generation(atom_peek(&t->word)); /* free and ours */
    uint32_t block = 0;
    if (unlikely(bytes > TASK_INLINE)) {
        err = block_new(self, bytes, serves_task(index, (uint32_t)gen), &block);
        if (err) {
            slab_hint(self, SLAB_TASK, index);
            return err;
        }
        join(block_at(self->arena, block)->bytes, args, first_bytes, more, more_bytes);
        memcpy(t->args + TASK_INLINE - sizeof block, &block, sizeof block);
    } else {
        join(t->args, args, first_bytes, more, more_bytes);
    }
    t->bytes = (uint32_t)bytes;
    t->next = 0;
    t->record = 0;
    t->errors = 0;
    t->forgiven = 0;
    t->fn = (uint16_t)fn;
    t->parent = 0;
    t->parent_fn = self->post_line << 16 | (self->post_unordered ? TASK_UNORDERED : 0);
    if (s->cur) {
        struct task *parent = task_at(self->arena, s->cur);
        t->parent = parent->id;
        t->parent_fn |= parent->fn & 0xffff;
    }
    t->id = (s->posted + self->staged_count + 1) * ARENA_SLOTS + self->me;
    append_staged(self, index);
    /* release: who sees STAGED sees the arguments; pairs with recovery only. */
    atom_store(&t->word, task_word(gen, 0, self->me, TASK_STAGED));
    if (unlikely(block))
        block_published(self);
    self->staged_bytes += bytes;
    return 0;
}

int
task_stage(struct self *self, uint32_t fn, const void *args, size_t bytes)
{
    return stage(self, fn, args, bytes, NULL, 0);
}

/* Not task_stage(): with a second caller that one is not inlined: 24 instructions a task. */
__attribute__((cold, noinline)) int
task_stage_again(struct self *self, uint32_t fn, const void *args, size_t bytes)
{
    return stage(self, fn, args, bytes, NULL, 0);
}

int
task_stage_joined(struct self *self, uint32_t fn, const void *args, size_t bytes, const void *more,
                  size_t more_bytes)
{
    return stage(self, fn, args, bytes, more, more_bytes);
}

bool
task_claim(struct self *self, uint32_t index)
{
    struct slot *s = self->slot;
    struct task *t = task_at(self->arena, index);
    /* acquire: pairs with the release that made it READY; its fields are true. */
    uint64_t word = atom_load(&t->word);
    if (task_state(word) != TASK_READY)
        return false;

    uint32_t attempt = task_attempt(word);
    if (attempt < TASK_ATTEMPT_MAX)
        attempt++;
    s->cur = index;
    s->expect = word;
    /* The intent is written down before the CAS that makes it true (R3).
     * release: pairs with the supervisor's acquire after waitpid. */
    atom_store(&s->phase, PHASE_ACTIVE);
    if (likely(atom_cas(&t->word, &word,
                        task_word(task_generation(word), attempt, self->me, TASK_RUN)))) {
        s->claims++;
        return true;
    }
    atom_store(&s->phase, PHASE_IDLE);
    s->lost++;
    return false;
}

void
task_forgive(struct task *t, uint32_t attempt)
{
    uint32_t n = task_forgiven(t);
    if ((uint32_t)t->forgiven >> 8 != attempt && n < UINT8_MAX)
        atom_set(&t->forgiven, (uint16_t)(attempt << 8 | (n + 1)));
}

/* A block is freed only if it still names this task and generation. */
static void
free_block_of(struct self *self, uint32_t block, uint32_t index, uint32_t gen)
{
    struct block *b = block_at(self->arena, block);
    uint64_t word = atom_load(&b->word);
    if (atom_peek(&b->owner_tag) == serves_task(index, gen))
        block_free(self, block, word);
}

/* 0: none, or the record was freed by the one that began this, and may be somebody else's. */
static uint32_t
cursor_of(struct self *self, uint32_t record, uint32_t index, uint32_t gen)
{
    struct block *b = block_at(self->arena, record);
    bool in_use = block_state(atom_load(&b->word)) == BLOCK_USED;
    return in_use && atom_peek(&b->owner_tag) == serves_task(index, gen)
               ? ((struct task_record *)b->bytes)->cursor
               : 0;
}

static void
free_blocks(struct self *self, uint32_t index, uint32_t gen)
{
    struct task *t = task_at(self->arena, index);
    uint32_t args = args_block(t), record = atom_peek(&t->record);
    if (unlikely(args))
        free_block_of(self, args, index, gen);
    if (unlikely(record)) {
        uint32_t cursor = cursor_of(self, record, index, gen);
        if (cursor)
            free_block_of(self, cursor, index, gen);
        free_block_of(self, record, index, gen);
    }
}

void
task_unstage(struct self *self, uint32_t index)
{
    struct task *t = task_at(self->arena, index);
    uint64_t word = atom_load(&t->word);
    free_blocks(self, index, task_generation(word));
    if (task_state(word) == TASK_STAGED)
        atom_store(&t->word, task_word(task_generation(word) + 1, 0, 0, TASK_FREE));
    slab_hint(self, SLAB_TASK, index);
}

void
task_free(struct self *self, uint32_t index, uint64_t word)
{
    struct task *t = task_at(self->arena, index);
    if (atom_load(&t->word) != word)
        return;
    bool ours = t->id % ARENA_SLOTS == self->me; /* before others may write it */
    free_blocks(self, index, task_generation(word));
    /* release: pairs with is_free() in slab.c: our reads of the task are over. */
    atom_store(&t->word, task_word(task_generation(word) + 1, 0, 0, TASK_FREE));
    if (ours)
        slab_hint(self, SLAB_TASK, index);
}

uint64_t
task_sum(const struct arena *a, const struct task *t)
{
    uint64_t h = hash_mix(hash_mix(1, t->id), t->parent);
    h = hash_mix(h, (uint64_t)t->fn << 32 | t->parent_fn);
    return hash_more(hash_mix(h, t->bytes), task_args(a, t), t->bytes);
}

uint64_t
task_hash(uint64_t h, uint32_t fn, const void *args, size_t bytes, bool unordered)
{
    h = hash_mix(h, (uint64_t)fn << 32 | (uint32_t)bytes);
    return unordered ? hash_unordered(h, args, bytes) : hash_more(h, args, bytes);
}

uint64_t
task_hash_staged(const struct self *self)
{
    uint64_t h = self->post_hash;
    uint32_t covered = self->unstaged ? self->hashed : 0;
    for (uint32_t i = covered ? task_at(self->arena, covered)->next : self->slot->staged; i;) {
        const struct task *t = task_at(self->arena, i);
        h = task_hash(h, t->fn, task_args(self->arena, t), t->bytes, t->parent_fn & TASK_UNORDERED);
        i = t->next;
    }
    return h;
}
