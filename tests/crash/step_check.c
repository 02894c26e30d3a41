#include "step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "codec/codec.h"
#include "store/dict.h"
#include "base/hash.h"
#include "task/idle.h"
#include "store/names.h"
#include "task/record.h"
#include "task/suspend.h"
#include "task/task.h"

/* ---- what is owed ---- */

struct owed {
    const struct arena *a;
    bool any;
};

/* Was this run's end counted? Then only its descriptor has still to be freed. */
static bool
counted(const struct slot *s, uint32_t index)
{
    return s->phase == PHASE_COMMIT && s->cur == index && s->finished == s->intent.finished &&
           (s->outcome == OUTCOME_DONE || s->outcome == OUTCOME_FAILED ||
            s->outcome == OUTCOME_QUARANTINED || s->outcome == OUTCOME_DUPLICATE);
}

static void
look_owed(void *arg, uint32_t index)
{
    struct owed *o = arg;
    uint64_t word = atom_load(&task_at(o->a, index)->word);
    switch (task_state(word)) {
    case TASK_READY:
    case TASK_WAIT:
        o->any = true;
        break;
    case TASK_RUN:
        o->any |= !counted(slot_at(o->a, task_worker(word)), index);
        break;
    case TASK_STAGED: /* public as soon as its poster's commit is carried out */
        o->any |= slot_at(o->a, task_worker(word))->phase == PHASE_COMMIT;
        break;
    default:
        break;
    }
}

bool
check_owed(const struct arena *a)
{
    struct owed o = {a, false};
    for (uint32_t k = 0; k <= STEP_WORKERS; k++)
        slab_each((struct arena *)a, k, SLAB_TASK, look_owed, &o);
    return o.any;
}

/* ---- the answer ---- */

static void
say(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text + len, STEP_TEXT - len, format, ap);
    va_end(ap);
}

static uint64_t
shard_words(const struct arena *a, const struct shard *s, uint64_t **words)
{
    *words = arena_at(a, s->index >> 24);
    return (uint64_t)1 << (s->index & 0xff);
}

static void
say_bytes(char *text, const unsigned char *bytes, size_t n)
{
    size_t len, head = codec_get_string_head(bytes, n, &len);
    double number;
    if (head && len > 24)
        say(text, "#%zu", len);
    else if (head)
        say(text, "%.*s", (int)len, (const char *)bytes + head);
    else if (codec_get_number(bytes, n, &number))
        say(text, "%g", number);
    else
        say(text, "?");
}

static void
entry_text(const struct dict_entry *r, char *text)
{
    text[0] = '\0';
    say_bytes(text, (const unsigned char *)r->bytes, r->key_len);
    say(text, "=");
    unsigned char value[4096];
    if (r->kind == ENTRY_NUMBER) {
        say(text, "%g", r->number);
    } else if (dict_entry_value_bytes(r) > sizeof value) {
        say(text, "?");
    } else {
        dict_entry_copy_value(r, value);
        say_bytes(text, value, dict_entry_value_bytes(r));
    }
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
say_dict(const struct arena *a, const struct dict *d, char *text)
{
    static char lines[256][STEP_TEXT];
    size_t n = 0;
    for (int i = 0; i < DICT_SHARDS; i++) {
        uint64_t *words, size = shard_words(a, &d->shards[i], &words);
        for (uint64_t w = 0; w < size; w++) {
            if ((uint32_t)words[w] && n < 256)
                entry_text(dict_entry_at(a, (uint32_t)words[w]), lines[n++]);
        }
    }
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++)
        say(text, " %s", lines[i]);
}

static void
add_value(void *arg, const void *bytes, size_t len)
{
    double *sum = arg;
    sum[0]++;
    sum[1] += (double)len + *(const unsigned char *)bytes;
}

void
check_answer(struct self *super, char *text)
{
    const struct arena *a = super->arena;
    static const char *const names[] = {NULL, "sum", "max", "min"};
    uint64_t failed = 0, quarantined = 0;
    double v, all[2] = {0, 0};
    text[0] = '\0';
    for (uint32_t kind = ACCUMULATOR_SUM; kind <= ACCUMULATOR_MIN; kind++) {
        if (accumulator_get(super, (enum accumulator_kind)kind, kind, &v))
            say(text, " %s=%g", names[kind], v);
    }
    accumulator_each(super, 4, add_value, all);
    if (all[0] > 0)
        say(text, " collect=%g/%g", all[0], all[1]);
    for (uint32_t k = 0; k <= STEP_WORKERS; k++) {
        failed += slot_at(a, k)->failed;
        quarantined += slot_at(a, k)->quarantined;
    }
    if (failed)
        say(text, " failed=%lu", (unsigned long)failed);
    if (quarantined)
        say(text, " quarantined=%lu", (unsigned long)quarantined);
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        const struct name *n = name_at(a, i);
        if (n->kind == NAMED_DICT) /* whose keys are whose depends on who was faster */
            say_dict(a, arena_at(a, n->object), text);
    }
    if (text[0])
        memmove(text, text + 1, strlen(text));
}

/* ---- is it whole ---- */

enum { BLOCKS_MAX = 4096 };

struct audit {
    struct arena *a;
    const struct scenario *scenario;
    char *why;
    bool ok;
    uint32_t used[BLOCKS_MAX]; /* blocks in use */
    bool known[BLOCKS_MAX];    /* ... that somebody has */
    uint32_t nused;
    uint32_t quarantined; /* descriptors */
};

#define WRONG(u, ...)                                   \
    do {                                                \
        if ((u)->ok)                                    \
            snprintf((u)->why, STEP_TEXT, __VA_ARGS__); \
        (u)->ok = false;                                \
    } while (0)

static void
audit_slot(struct audit *u, uint32_t k)
{
    const struct slot *s = slot_at(u->a, k);
    if (s->phase != PHASE_IDLE)
        WRONG(u, "slot %u: phase %u at the end", k, s->phase);
    if (s->staged || s->unlinked_block || s->chunk_intent)
        WRONG(u, "slot %u: staged %u, unlinked_block %u, chunk_intent %u", k, s->staged,
              s->unlinked_block,
              s->chunk_intent);
    if (s->tx.state != TX_IDLE)
        WRONG(u, "slot %u: transaction in state %u", k, s->tx.state);
    if (s->waits_for || s->journal_on)
        WRONG(u, "slot %u: waits_for %lu, journal_on %u", k, (unsigned long)s->waits_for,
              s->journal_on);
    if (s->finished > (uint64_t)1 << 32 || s->posted > (uint64_t)1 << 32)
        WRONG(u, "slot %u: counters", k);
    if (suspend_count(u->a, k))
        WRONG(u, "slot %u: a word is left", k);
    if (s->tail - s->head > (uint64_t)1 << (s->ring & 0xff))
        WRONG(u, "slot %u: ring from %lu to %lu", k, (unsigned long)s->head,
              (unsigned long)s->tail);
    if (k && !u->scenario->sleeper &&
        (s->park || (u->a->header->idle_bits[0] >> k & 1)))
        WRONG(u, "slot %u: flag still raised", k);
}

static void
has_block(struct audit *u, uint32_t index, const char *who)
{
    if (!index)
        return;
    for (uint32_t i = 0; i < u->nused; i++) {
        if (u->used[i] != index)
            continue;
        if (u->known[i])
            WRONG(u, "block %u belongs to two: one is %s", index, who);
        u->known[i] = true;
        return;
    }
    WRONG(u, "%s has block %u, which is free", who, index);
}

static void
note_used(void *arg, uint32_t index)
{
    struct audit *u = arg;
    if ((block_at(u->a, index)->word & 0xff) != BLOCK_USED)
        return;
    if (u->nused == BLOCKS_MAX)
        WRONG(u, "too many blocks");
    else
        u->used[u->nused++] = index;
}

static uint32_t
block_of(const struct arena *a, const void *bytes)
{
    return arena_index(a, (const char *)bytes - sizeof(struct block));
}

static void
audit_task(void *arg, uint32_t index)
{
    struct audit *u = arg;
    struct task *t = task_at(u->a, index);
    uint32_t args;
    switch (task_state(t->word)) {
    case TASK_FREE:
        break;
    case TASK_QUARANTINED:
        u->quarantined++;
        has_block(u, t->record, "a quarantined task's record");
        if (t->bytes > TASK_INLINE) {
            memcpy(&args, t->args + TASK_INLINE - sizeof args, sizeof args);
            has_block(u, args, "a quarantined task's arguments");
        }
        break;
    default:
        WRONG(u, "task %u is in state %u at the end", index, task_state(t->word));
    }
}

static void
audit_shard(struct audit *u, const struct dict *d, int i)
{
    const struct shard *s = &d->shards[i];
    uint64_t *words, size = shard_words(u->a, s, &words);
    uint32_t live = 0, used = 0;
    if (s->lock)
        WRONG(u, "shard %d is locked by %x", i, s->lock);
    for (uint64_t w = 0; w < size; w++) {
        uint32_t record = (uint32_t)words[w];
        used += words[w] != 0;
        if (!record)
            continue;
        live++;
        has_block(u, record, "a dict's record");
        const struct dict_entry *r = dict_entry_at(u->a, record);
        struct dict_key key = {r->bytes, r->key_len, hash_bytes(r->bytes, r->key_len)};
        if (dict_shard((struct dict *)d, key.hash) != s)
            WRONG(u, "a key is in the wrong shard");
        else if (dict_find(u->a, (struct shard *)s, &key).word != &words[w])
            WRONG(u, "a key is not found, or there twice");
        if (words[w] != dict_word(u->a, key.hash, record))
            WRONG(u, "a stale index word");
    }
    if (s->live != live)
        WRONG(u, "shard %d: live is %u, there are %u keys", i, s->live, live);
    /* It may be too high: see grow_index(). */
    if (s->used < used || (s->used > used && !u->scenario->lost_lists) || used >= size)
        WRONG(u, "shard %d: used is %u, there are %u of %lu", i, s->used, used,
              (unsigned long)size);
    if (size > DICT_FIRST)
        has_block(u, block_of(u->a, words), "an index");
    else if (words != d->first[i])
        WRONG(u, "shard %d: its first index is elsewhere", i);
}

static void
audit_name(struct audit *u, const struct name *n)
{
    if (n->lock)
        WRONG(u, "lock %.*s is held by %x", (int)n->len, n->text, n->lock);
    if (!name_is_dict(n->kind))
        return;
    const struct dict *d = arena_at(u->a, n->object);
    bool found = false;
    for (uint32_t i = 0; i < u->nused && !found; i++) {
        size_t at = arena_offset(u->a, block_at(u->a, u->used[i]));
        found = n->object > at && n->object - at <= sizeof(struct block) + CACHE_LINE;
        if (found)
            has_block(u, u->used[i], "a dict");
    }
    if (!found)
        WRONG(u, "dict %.*s has no block", (int)n->len, n->text);
    for (int i = 0; i < DICT_SHARDS; i++)
        audit_shard(u, d, i);
}

/* Blocks: used ones belong to somebody, once. */
static void
audit_blocks(struct audit *u, uint32_t deaths)
{
    for (uint32_t k = 0; k <= STEP_WORKERS; k++) {
        for (uint32_t size_class = SLAB_BLOCK; size_class <= SLAB_LARGE; size_class++)
            slab_each(u->a, k, size_class, note_used, u);
    }
    for (uint32_t k = 0; k <= STEP_WORKERS; k++) {
        struct slot *s = slot_at(u->a, k);
        slab_each(u->a, k, SLAB_TASK, audit_task, u);
        has_block(u, s->record, "a slot's record");
        has_block(u, s->words, "a slot's words");
        if (s->tx.list != arena_offset(u->a, s->tx.own))
            has_block(u, block_of(u->a, arena_at(u->a, s->tx.list)), "a list");
    }
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        if (!name_at(u->a, i)->kind)
            continue;
        if (!(u->a->header->names_used[i / 64] >> i % 64 & 1))
            WRONG(u, "name %u is not marked as used", i);
        audit_name(u, name_at(u->a, i));
    }
    uint32_t lost = 0;
    for (uint32_t i = 0; i < u->nused; i++) {
        if (u->known[i])
            continue;
        uint64_t owner_tag = block_at(u->a, u->used[i])->owner_tag;
        if (owner_tag != SERVES_LIST || ++lost > u->scenario->lost_lists * deaths)
            WRONG(u, "block %u is lost: in use, nobody's, owner_tag %lx", u->used[i],
                  (unsigned long)owner_tag);
    }
}

static void
look_blocks(void *arg, uint32_t index)
{
    struct audit *u = arg;
    const struct task *t = task_at(u->a, index);
    uint64_t owner_tag = serves_task(index, task_generation(t->word));
    uint32_t args;
    if (task_state(t->word) == TASK_FREE || t->bytes <= TASK_INLINE)
        return;
    memcpy(&args, t->args + TASK_INLINE - sizeof args, sizeof args);
    const struct block *b = block_at(u->a, args);
    if ((b->word & 0xff) != BLOCK_USED || b->owner_tag != owner_tag)
        WRONG(u, "task %u has lost its arguments", index);
}

bool
check_left(struct arena *a, char *why)
{
    static struct audit u;
    u.a = a;
    u.why = why;
    u.ok = true;
    for (uint32_t k = 0; k <= STEP_WORKERS; k++)
        slab_each(a, k, SLAB_TASK, look_blocks, &u);
    return u.ok;
}

/* In how many slots' lists is this chunk? */
static uint32_t
times_listed(const struct arena *a, uint32_t unit, uint32_t owner, uint32_t size_class)
{
    uint32_t n = 0, guard = 0;
    for (uint32_t u = slot_at(a, owner)->chunks[size_class]; u && guard < 10000;
         u = chunk_at(a, u - 1)->next, guard++)
        n += u - 1 == unit;
    return n;
}

static void
audit_table(struct audit *u, uint32_t first, uint32_t end)
{
    const struct arena *a = u->a;
    uint32_t at = first;
    while (at < end && a->table[at]) {
        uint64_t word = a->table[at];
        uint32_t units = (uint32_t)(word >> 32), owner = (uint16_t)(word >> 16);
        uint32_t size_class = (uint32_t)(word & 0xff) - 1;
        const struct chunk *c = chunk_at(a, at);
        if (!units || size_class >= SLOT_CLASSES || owner > STEP_WORKERS) {
            WRONG(u, "unit %u: table word %lx", at, (unsigned long)word);
            return;
        }
        if (word & 0x100) {
            WRONG(u, "unit %u was given back", at);
        } else {
            if (times_listed(a, at, owner, size_class) != 1)
                WRONG(u, "unit %u is in %u lists", at, times_listed(a, at, owner, size_class));
            if (c->size_class != size_class || c->owner != owner ||
                c->bytes != (uint64_t)units * ARENA_UNIT)
                WRONG(u, "unit %u: its chunk says something else", at);
        }
        for (uint32_t i = 1; i < units; i++) {
            if (a->table[at + i])
                WRONG(u, "unit %u is in the middle of a chunk", at + i);
        }
        at += units;
    }
}

bool
check_whole(struct self *super, const struct scenario *s, uint32_t deaths, char *why)
{
    struct arena *a = super->arena;
    static struct audit u;
    uint64_t quarantined = 0;
    memset(&u, 0, offsetof(struct audit, used));
    memset(u.known, 0, sizeof u.known);
    u.nused = u.quarantined = 0;
    u.a = a;
    u.scenario = s;
    u.why = why;
    u.ok = true;
    for (uint32_t k = 0; k <= STEP_WORKERS; k++) {
        audit_slot(&u, k);
        quarantined += slot_at(a, k)->quarantined;
    }
    audit_table(&u, 0, a->spill_unit);
    if (a->spill_unit < a->units)
        audit_table(&u, a->spill_unit, a->units);
    audit_blocks(&u, deaths);
    if (u.quarantined != quarantined)
        WRONG(&u, "%u tasks are quarantined, %lu are counted", u.quarantined, (unsigned long)quarantined);
    if (a->header->gate)
        WRONG(&u, "the gate is not open: %lx", (unsigned long)a->header->gate);
    if (a->header->names_lock || a->header->output_lock[0])
        WRONG(&u, "a lock of the arena's head is held");
    return u.ok;
}
