#include "job/state_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "memory/self.h"
#include "memory/chunk.h"
#include "store/accumulator.h"
#include "store/dict_tx.h"
#include "store/names.h"
#include "job/state_map.h"

const char check_no_memory[] = "cannot be checked: there is not enough memory";

/* Flags of a table word, see chunk.c. */
enum { ENTRY_FREE = 1 };

/* ---- head, table of chunks ---- */

static const char *
check_head(const struct check *c)
{
    const struct arena_header *h = c->a->header;
    if (h->nworkers >= ARENA_SLOTS)
        return DAMAGED("its number of workers");
    if (h->budget_units > c->a->units || (h->finished && h->finished != ARENA_YES) ||
        (h->begun && h->begun != ARENA_YES) || (h->stopped && h->stopped != ARENA_YES))
        return DAMAGED("its header");
    return NULL;
}

/* One CAS makes an entry, at the first word that is 0: behind it all are. */
static const char *
check_table(struct check *c)
{
    const struct arena *a = c->a;
    size_t cap = 0;
    uint32_t u = 0;
    bool hint_fits = a->header->unit_hint == 0;
    for (uint64_t word; u < a->units && (word = a->table[u]) != 0;) {
        uint32_t units = chunk_word_units(word), size_class = chunk_word_class(word);
        uint32_t owner = chunk_word_owner(word), flags = chunk_word_flags(word);
        if (!units || units > a->units - u || size_class >= SLOT_CLASSES || owner > c->n ||
            flags > ENTRY_FREE)
            return DAMAGED("its table of chunks");
        if (!array_reserve(&c->extents, &cap, c->nextents + 1, sizeof *c->extents))
            return check_no_memory;
        /* A free one must be as new: whoever claims it takes it for that. */
        uint64_t at = check_unit_offset(c, u);
        if (flags == ENTRY_FREE && !check_zero(c, at, at + (uint64_t)units * ARENA_UNIT))
            return DAMAGED("a chunk that was given back");
        c->extents[c->nextents++] = (struct extent){
            .unit = u,
            .units = units,
            .owner = (uint16_t)owner,
            .size_class = flags == ENTRY_FREE ? UINT8_MAX : (uint8_t)size_class,
        };
        u += units;
        hint_fits |= u == a->header->unit_hint;
    }
    c->used_units = u;
    if (!hint_fits || !check_zero(c, a->table_at + (uint64_t)u * 8, a->heap_at) ||
        !check_zero(c, check_unit_offset(c, u), a->bytes))
        return DAMAGED("its table of chunks");
    return NULL;
}

/* ---- slots: memory ---- */

/* link_chunk() writes the chunk's head before it links it. */
static const char *
check_list(struct check *c, uint32_t k, uint32_t size_class)
{
    for (uint32_t u = slot_at(c->a, k)->chunks[size_class]; u;) {
        struct extent *e = check_list_entry(c, u);
        if (!e || e->size_class != size_class || e->owner != k || e->linked)
            return DAMAGED("a list of chunks");
        const struct chunk *at = chunk_at(c->a, u - 1);
        if (at->size_class != size_class || at->owner != k ||
            at->bytes != (uint64_t)e->units * ARENA_UNIT)
            return DAMAGED("the head of a chunk");
        e->linked = true;
        u = at->next;
    }
    return NULL;
}

/* The intent names a unit where the log of the table had ended or had a free entry:
 * ours and not linked yet, or linked last, or somebody else's by now. */
static const char *
check_intent(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    if (!s->chunk_intent)
        return NULL;
    uint32_t u = s->chunk_intent - 1;
    if (u >= c->a->units || s->chunk_class >= SLOT_CLASSES)
        return DAMAGED("a claim of memory");
    const struct extent *e = u < c->used_units ? check_extent(c, check_unit_offset(c, u)) : NULL;
    if (u < c->used_units ? !e || e->unit != u : u != c->used_units)
        return DAMAGED("a claim of memory");
    if (!e || e->size_class != s->chunk_class || e->owner != k)
        return NULL;
    if (e->linked)
        return s->chunks[e->size_class] == u + 1 ? NULL : DAMAGED("a claim of memory");
    uint64_t at = check_unit_offset(c, u);
    return check_zero(c, at + ARENA_GRAIN, at + (uint64_t)e->units * ARENA_UNIT)
               ? NULL
               : DAMAGED("a chunk that is being claimed");
}

/* The ring's chunk is claimed and filled before the word names it. */
static const char *
check_ring(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    uint64_t at = ring_offset(s->ring), log2 = ring_log2(s->ring);
    if (at == arena_offset(c->a, s->ring0)) {
        if (log2 != (uint64_t)__builtin_ctz(SLOT_RING))
            return DAMAGED("a ring");
    } else {
        const struct extent *e = check_extent(c, at);
        if (!e || !e->linked || e->size_class != SLAB_RING || e->owner != k || log2 > 40 ||
            at != check_unit_offset(c, e->unit) + ARENA_GRAIN ||
            (sizeof(uint32_t) << log2) > (uint64_t)e->units * ARENA_UNIT - ARENA_GRAIN)
            return DAMAGED("a ring");
    }
    uint64_t size = (uint64_t)1 << log2;
    if (s->head > s->tail || s->tail - s->head > size || s->tail >> 62)
        return DAMAGED("the ends of a ring");
    const uint32_t *hints = arena_at(c->a, at);
    for (uint64_t p = s->head; p < s->tail; p++) {
        uint32_t index = hints[p & (size - 1)];
        if (index && !check_is_task(c, index))
            return DAMAGED("a hint in a ring");
    }
    return NULL;
}

/* self_slot_init() stores `ring` last. */
static const char *
check_unborn(const struct check *c, uint32_t k)
{
    struct slot s = *slot_at(c->a, k);
    if (s.tx.list == arena_offset(c->a, slot_at(c->a, k)->tx.own))
        s.tx.list = 0;
    return check_zero_bytes((const char *)&s, sizeof s) ? NULL : DAMAGED("a slot");
}

static const char *
check_slot_memory(struct check *c, uint32_t k)
{
    const char *wrong = NULL;
    if (!slot_at(c->a, k)->ring)
        return check_unborn(c, k);
    for (uint32_t size_class = 0; !wrong && size_class < SLOT_CLASSES; size_class++)
        wrong = check_list(c, k, size_class);
    return wrong ? wrong : check_intent(c, k);
}

/* ---- slots: numbers that are used as such ---- */

static const char *
check_slot_numbers(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    if ((s->phase != PHASE_IDLE && s->phase != PHASE_ACTIVE && s->phase != PHASE_COMMIT) ||
        (s->phase == PHASE_COMMIT && s->outcome > OUTCOME_DUPLICATE))
        return DAMAGED("the phase of a transaction");
    if (s->cur && (!check_is_task(c, s->cur) ||
                   (task_at(c->a, s->cur)->record &&
                    !check_is_block(c, task_at(c->a, s->cur)->record))))
        return DAMAGED("the task of a slot");
    if (s->phase == PHASE_COMMIT && !s->cur && s->outcome != OUTCOME_DONE)
        return DAMAGED("the phase of a transaction");
    if (s->phase == PHASE_IDLE && s->journal_on) /* commit_apply() clears it before */
        return DAMAGED("a journal");
    if (s->intent.naccumulators > SLOT_ACCUMULATORS)
        return DAMAGED("the accumulators of a slot");
    for (uint32_t i = 0; i < s->intent.naccumulators; i++) {
        if (s->accumulator_log[i].id >= SLOT_ACCUMULATORS)
            return DAMAGED("the accumulators of a slot");
    }
    if (s->waits_for >= c->a->bytes - sizeof(uint32_t) || s->waits_for % sizeof(uint32_t))
        return DAMAGED("the lock that a slot waits for");
    return NULL;
}

/* Entries fill a chunk of the log up to `used`, exactly. */
static bool
log_entries_fit(const char *at, uint64_t used)
{
    while (used) {
        uint32_t entry[2]; /* id, len: see accumulator.c */
        if (used < sizeof entry)
            return false;
        memcpy(entry, at, sizeof entry);
        uint64_t bytes = sizeof entry + ((uint64_t)entry[1] + 7) / 8 * 8;
        if (bytes > used)
            return false;
        at += bytes;
        used -= bytes;
    }
    return true;
}

/* Chunks newer than the end belong to tasks that were rolled back: unread. */
static const char *
check_log(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    bool commits = s->phase == PHASE_COMMIT && s->intent.more;
    uint64_t end = commits ? s->intent.log_end : s->log_end;
    uint32_t u = log_end_unit(end);
    uint64_t used = log_end_used(end);
    if (!u)
        return used ? DAMAGED("a log") : NULL;
    for (; u; used = u ? chunk_at(c->a, u - 1)->used : 0) {
        const struct extent *e = check_list_entry(c, u);
        if (!e || !e->linked || e->size_class != SLAB_LOG || e->owner != k ||
            used > (uint64_t)e->units * ARENA_UNIT - ARENA_GRAIN ||
            !log_entries_fit((const char *)chunk_at(c->a, u - 1) + ARENA_GRAIN, used))
            return DAMAGED("a log");
        u = chunk_at(c->a, u - 1)->next;
    }
    return NULL;
}

static const char *
check_slot(const struct check *c, uint32_t k)
{
    if (!slot_at(c->a, k)->ring)
        return NULL;
    const char *wrong = check_ring(c, k);
    if (!wrong)
        wrong = check_slot_numbers(c, k);
    return wrong ? wrong : check_log(c, k);
}

/* ---- blocks ---- */

/* The word is written whole; class and owner are those of the chunk for good. */
static const char *
check_blocks(const struct check *c)
{
    for (size_t i = 0; i < c->nextents; i++) {
        const struct extent *e = &c->extents[i];
        if (!e->linked || e->size_class < SLAB_BLOCK || e->size_class > SLAB_LARGE)
            continue;
        uint64_t room = (uint64_t)e->units * ARENA_UNIT - ARENA_GRAIN;
        uint64_t size = e->size_class == SLAB_LARGE ? room : slab_item_bytes(e->size_class);
        const char *at = c->a->base + check_unit_offset(c, e->unit) + ARENA_GRAIN;
        for (uint64_t n = room / size; n; n--, at += size) {
            uint64_t word = atom_peek(&((const struct block *)at)->word);
            uint64_t is = block_word(block_generation(word), e->owner, e->size_class, BLOCK_USED);
            if (block_state(word) != BLOCK_FREE && word != is)
                return DAMAGED("a block");
        }
    }
    return NULL;
}

/* ---- what a slot has taken and not linked ---- */

/* What the slot itself, or a dict, says about the block in slot->unlinked_block: the same
 * questions that recover.c asks. */
static bool
is_linked(const struct check *c, uint32_t k, uint32_t unlinked)
{
    const struct slot *s = slot_at(c->a, k);
    struct self self = {.arena = c->a, .slot = slot_at(c->a, k), .me = k};
    uint32_t record = s->phase != PHASE_IDLE && s->cur ? task_at(c->a, s->cur)->record : 0;
    if (unlinked == s->record || unlinked == s->words || unlinked == record ||
        dict_tx_uses(&self, unlinked))
        return true;
    if (record && ((const struct task_record *)block_at(c->a, record)->bytes)->cursor == unlinked)
        return true;
    if (s->phase == PHASE_COMMIT && s->outcome == OUTCOME_CHECKPOINT &&
        unlinked == s->intent.cursor)
        return true;
    if (s->phase == PHASE_COMMIT && s->outcome == OUTCOME_WAIT && unlinked == s->intent.wait_record)
        return true;
    for (size_t i = 0; i < c->ndicts; i++) {
        if (c->dicts[i].at / ARENA_GRAIN == (uint64_t)unlinked + 1)
            return true;
    }
    return false;
}

/* A block that will be freed must have no owner. After all owners were marked. */
static const char *
check_loose(struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    uint32_t unlinked = s->ring ? s->unlinked_block : 0;
    if (!unlinked)
        return NULL;
    if (!check_is_block(c, unlinked))
        return DAMAGED("a block that is being taken");
    if (check_used(c, unlinked, 0) && check_marked(c, unlinked) && !is_linked(c, k, unlinked))
        return DAMAGED("a block that is being taken");
    uint32_t of_task = s->phase != PHASE_IDLE && s->cur ? task_at(c->a, s->cur)->record : 0;
    if (unlinked != s->record && unlinked != of_task)
        return NULL;
    uint32_t old = ((const struct task_record *)block_at(c->a, unlinked)->bytes)->replaces;
    if (!old)
        return NULL;
    if (!check_is_block(c, old) ||
        (check_used(c, old, 0) && check_marked(c, old) &&
         block_at(c->a, old)->owner_tag == block_at(c->a, unlinked)->owner_tag))
        return DAMAGED("a block that is being replaced");
    return NULL;
}

/* ---- a job that is done ---- */

/* state_finish() gives the heap back; only slot 0's lists are still walked. */
static const char *
check_finished(const struct check *c)
{
    for (uint32_t size_class = 0; size_class < SLOT_CLASSES; size_class++) {
        uint32_t u = slot_at(c->a, 0)->chunks[size_class];
        for (uint32_t steps = 0; u; u = chunk_at(c->a, u - 1)->next) {
            if (u > c->a->units || steps++ > c->a->units)
                return DAMAGED("a list of chunks");
        }
    }
    return NULL;
}

/* ---- all ---- */

static const char *
check_each(struct check *c, const char *(*fn)(struct check *c, uint32_t k))
{
    const char *wrong = NULL;
    for (uint32_t k = 0; !wrong && k <= c->n; k++)
        wrong = fn(c, k);
    return wrong;
}

static const char *
slot_numbers(struct check *c, uint32_t k)
{
    return check_slot(c, k);
}

static const char *
slot_tx(struct check *c, uint32_t k)
{
    return slot_at(c->a, k)->ring ? check_tx(c, k) : NULL;
}

/* What self_slot_init() has written, in part or whole, before pool_open() counts the slot. */
static bool
begun_slot(const struct check *c, uint32_t k)
{
    const struct slot *s = slot_at(c->a, k);
    size_t at = arena_offset(c->a, s), ring = arena_offset(c->a, &s->ring),
           list = arena_offset(c->a, &s->tx.list), low = ring < list ? ring : list,
           high = ring < list ? list : ring;
    return check_zero(c, at, low) && check_zero(c, low + sizeof(uint64_t), high) &&
           check_zero(c, high + sizeof(uint64_t), at + sizeof *s) &&
           s->tx.list == arena_offset(c->a, s->tx.own) &&
           (!s->ring || s->ring == self_first_ring(c->a, k));
}

/* Slots above nworkers: first those that were being made, one after the other, then nothing. */
static bool
unused_slots(const struct check *c)
{
    uint32_t k = c->n + 1;
    for (; k < ARENA_SLOTS && slot_at(c->a, k)->tx.list; k++) {
        if (!begun_slot(c, k))
            return false;
    }
    return check_zero(c, c->a->slots_at + k * sizeof(struct slot), c->a->names_at);
}

static const char *
check_all(struct check *c)
{
    struct arena *a = c->a;
    const char *wrong = check_head(c);
    if (wrong)
        return wrong;
    c->n = a->header->nworkers;
    if (a->header->finished)
        return check_finished(c);
    const struct slot *begin = slot_at(a, 0);
    if (!a->header->begun && begin->phase != PHASE_COMMIT && begin->posted)
        return DAMAGED("its header"); /* what begin() has posted is there */
    wrong = check_table(c);
    if (wrong)
        return wrong;
    if (!unused_slots(c))
        return DAMAGED("a slot that nobody has used");
    size_t words = (size_t)c->used_units * (ARENA_UNIT / ARENA_GRAIN / 64);
    c->marks = calloc(words + 1, sizeof *c->marks);
    c->named = calloc(words + 1, sizeof *c->named);
    if (!c->marks || !c->named)
        return check_no_memory;
    wrong = check_each(c, check_slot_memory);
    if (!wrong)
        wrong = check_blocks(c);
    if (!wrong)
        wrong = check_each(c, slot_numbers);
    if (!wrong)
        wrong = check_names(c); /* and what the dicts own */
    if (!wrong)
        wrong = check_tasks(c); /* and what the tasks own */
    if (!wrong)
        wrong = check_each(c, slot_tx); /* what dicts will own */
    if (!wrong)
        wrong = check_shards(c);
    if (!wrong)
        wrong = check_each(c, check_loose);
    if (!wrong)
        wrong = check_lost(c);
    return wrong || !a->sums ? wrong : check_each(c, check_sums);
}

int
state_check(struct arena *a, const char **problem)
{
    struct check c = {.a = a};
    const char *wrong = check_all(&c);
    free(c.extents);
    free(c.marks);
    free(c.named);
    free(c.dicts);
    if (!wrong)
        return 0;
    *problem = wrong;
    return wrong == check_no_memory ? -ENOMEM : -EINVAL;
}
