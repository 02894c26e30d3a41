/* A state file with damage of any kind: whatever state_check() lets pass can be
 * resumed and worked off, and then all is done.
 *
 * A file as the death of everything leaves it is made once: tasks waiting, running,
 * committing, with arguments inline, in blocks and in a chunk of their own; records
 * with journals and cursors; a dict with a change that is under way; names, locks,
 * logs. The input is a list of patches: where (a place that is in use, or any), how
 * many bytes, which. Then what --resume does, and a worker's loop without Lua. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "codec/codec.h"
#include "task/commit.h"
#include "store/dict_tx.h"
#include "base/hash.h"
#include "task/idle.h"
#include "task/record.h"
#include "store/lock.h"
#include "store/names.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/recover.h"
#include "job/state_check.h"
#include "task/task.h"

#define INSIST(x)    \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

enum { WORKERS = 3,
       RANGES = 64,
       RUNS_MAX = 20000 }; /* tasks that a drain may take */

struct range {
    size_t at, bytes;
};

static char *image[RANGES]; /* what the ranges hold in a sound file */
static struct range ranges[RANGES];
static size_t nranges;
static struct arena arena; /* mapped once; a process of its own would map it anew */
static uint32_t dict_name, lock_name;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* ---- a sound file ---- */

static void
post_some(struct self *self, uint32_t n)
{
    static char bytes[60000];
    for (uint32_t i = 0; i < n; i++) {
        size_t len = i % 7 == 3 ? 200 + i : i % 31 == 5 ? sizeof bytes
                                                        : i % 19;
        INSIST(post(self, 1 + i % 4, bytes, len) == 0);
    }
}

static struct dict_op
op_of(struct self *self, enum dict_op_kind kind, char *key, size_t len, const char *value)
{
    struct dict *d = arena_at(self->arena, name_at(self->arena, dict_name)->object);
    struct dict_op op = {.kind = kind, .dict = d, .key = {key, len, hash_bytes(key, len)}};
    op.value.present = true;
    op.value.is_number = !value;
    op.value.number = 1;
    op.value.bytes = value;
    op.value.len = value ? strlen(value) : 0;
    return op;
}

static int64_t
note(void *arg, const struct dict_result *results, size_t n)
{
    (void)results;
    (void)n;
    return journal_write(arg, JOURNAL_OP, 1, "123456789012345678901234", 24);
}

static int
change(struct self *self, enum dict_op_kind kind, uint32_t number, const char *value)
{
    char key[16];
    struct dict_result result;
    size_t bad;
    int len = snprintf(key, sizeof key, "key%u", number);
    struct dict_op op = op_of(self, kind, key, (size_t)len, value);
    bool notes = self->slot->cur && self->slot->phase == PHASE_ACTIVE;
    return dict_tx_run(self, &op, 1, &result, &bad, notes ? note : NULL, self);
}

static void
begin_job(struct arena *a, struct self *self)
{
    uint32_t index;
    a->header->nworkers = WORKERS;
    for (uint32_t k = 0; k <= WORKERS; k++)
        self_slot_init(a, k);
    for (uint32_t k = 0; k <= WORKERS; k++)
        INSIST(self_open(&self[k], a, k, WORKERS + 1) == 0);
    INSIST(names_get(self, NAMED_DICT, "", 0, &dict_name) == 0);
    INSIST(names_get(self, NAMED_LOCK, "lock", 4, &lock_name) == 0);
    INSIST(names_get(self, NAMED_SUM, "sum", 3, &index) == 0);
    INSIST(names_get(self, NAMED_FUNCTION, "fn", 2, &index) == 0);
    for (uint32_t i = 0; i < 700; i++)
        INSIST(change(self, DICT_SET, i, i % 3 ? NULL : "some text") == 0);
    for (uint32_t i = 0; i < 700; i += 5)
        INSIST(change(self, DICT_DELETE, i, NULL) == 0);
    commit_begin(self);
    post_some(self, 40);
    (void)commit_end(self, OUTCOME_DONE);
    INSIST(queue_deal(self, WORKERS) == 0);
}

/* Some tasks done; each worker dies in another place. */
static void
work_and_die(struct self *self)
{
    for (uint32_t k = 1; k <= WORKERS; k++) {
        for (int i = 0; i < 4; i++) {
            INSIST(queue_look(&self[k]));
            commit_begin(&self[k]);
            INSIST(accumulator_collect(&self[k], 5, "value", 5) == 0);
            accumulator_add(&self[k], ACCUMULATOR_SUM, 0, 1);
            post_some(&self[k], 12);
            (void)commit_end(&self[k], i == 2 ? OUTCOME_RETRY : OUTCOME_DONE);
        }
        INSIST(queue_look(&self[k]));
        commit_begin(&self[k]);
        INSIST(commit_checkpoint(&self[k], "cursor", 6) == 0);
        post_some(&self[k], 5);
        INSIST(commit_part(&self[k]) == 0);
        INSIST(change(&self[k], DICT_INCR, 1, NULL) == 0);
        post_some(&self[k], 5);
        accumulator_add(&self[k], ACCUMULATOR_MAX, 3, k);
    }
    commit_wait(&self[1], 12345);
    INSIST(queue_look(&self[1]));
    commit_begin(&self[1]);
    post_some(&self[1], 3);
    /* 2: committed, nothing of it applied. */
    accumulator_stage(&self[2]);
    self[2].slot->outcome = OUTCOME_DONE;
    self[2].slot->intent.posted = self[2].slot->posted + self[2].staged_count;
    self[2].slot->intent.finished = self[2].slot->finished + 1;
    self[2].slot->intent.tail = self[2].slot->tail;
    self[2].slot->phase = PHASE_COMMIT;
    /* 3: a change of the dict is committed and not applied. */
    INSIST(change(&self[3], DICT_SET, 1000, "new") == 0);
    struct tx *tx = &self[3].slot->tx;
    struct shard *s = arena_at(self->arena, tx->own[0].shard);
    *(uint64_t *)arena_at(self->arena, tx->own[0].at) = 0;
    s->live--;
    s->used--;
    tx->own[0].planned = 0;
    tx->state = TX_COMMIT;
    s->lock = 3 + 1;
    name_at(self->arena, lock_name)->lock = 1 + 1;
}

static void
add_range(size_t at, size_t bytes)
{
    INSIST(nranges < RANGES);
    ranges[nranges++] = (struct range){at, bytes};
}

/* All that is not 0: what is put back before each input. */
static void
find_ranges(const struct arena *a)
{
    add_range(0, sizeof *a->header);
    for (uint32_t k = 0; k <= WORKERS; k++)
        add_range(a->slots_at + k * sizeof(struct slot), sizeof(struct slot));
    for (uint32_t i = 0; i < ARENA_NAMES; i++) {
        if (name_at(a, i)->kind)
            add_range(arena_offset(a, name_at(a, i)), sizeof(struct name));
    }
    uint32_t u = 0;
    while (a->table[u])
        u += (uint32_t)(a->table[u] >> 32);
    add_range(a->table_at, (u + 8) * sizeof *a->table);
    for (u = 0; a->table[u]; u += (uint32_t)(a->table[u] >> 32))
        add_range(arena_unit_offset(a, u), (a->table[u] >> 32) * ARENA_UNIT);
}

static void
make_image(void)
{
    struct arena *a = &arena;
    struct self self[WORKERS + 1];
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    INSIST(file >= 0 && ftruncate(file, (off_t)ARENA_BYTES_MIN) == 0);
    INSIST(arena_open_file(a, file, ARENA_BYTES_MIN) == 0);
    a->sums = false; /* they would find nearly all of it, and leave nothing to the other checks */
    a->header->bytes = a->bytes;
    a->header->magic = ARENA_MAGIC;
    a->header->budget_units = a->units;
    begin_job(a, self);
    work_and_die(self);
    find_ranges(a);
    for (size_t i = 0; i < nranges; i++) {
        image[i] = malloc(ranges[i].bytes);
        INSIST(image[i]);
        memcpy(image[i], a->base + ranges[i].at, ranges[i].bytes);
    }
    for (uint32_t k = 0; k <= WORKERS; k++)
        self_close(&self[k]);
}

/* ---- damage ---- */

/* Everything as it was: the sound bytes, and behind them what was never used. */
static void
restore(void)
{
    size_t end = 0, table = arena.table_at;
    for (size_t i = 0; i < nranges; i++) {
        memcpy(arena.base + ranges[i].at, image[i], ranges[i].bytes);
        if (ranges[i].at == arena.table_at)
            table += ranges[i].bytes;
        end = ranges[i].at + ranges[i].bytes;
    }
    int flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    INSIST(!fallocate(arena.fd, flags, (off_t)table, (off_t)(arena.heap_at - table)));
    INSIST(!fallocate(arena.fd, flags, (off_t)end, (off_t)(arena.bytes - end)));
    arena.table_ready = 0;
}

/* A patch: range (1), offset (3), length 1..16 (1), bytes. The length's high bits say
 * how: bytes as they are, added to the word there, or the word of another place. */
static size_t
patch(struct arena *a, const uint8_t *in, size_t len)
{
    if (len < 6)
        return len;
    const struct range *r = &ranges[in[0] % nranges];
    size_t at = (in[1] | (size_t)in[2] << 8 | (size_t)in[3] << 16);
    size_t n = in[4] % 16 + 1, how = in[4] >> 4;
    if (n > len - 5)
        n = len - 5;
    if (how & 8)
        at *= 8;
    at %= r->bytes;
    if (n > r->bytes - at)
        n = r->bytes - at;
    char *to = a->base + r->at + at;
    uint32_t word;
    if (how & 4 && at % 4 == 0 && n >= 4) {
        memcpy(&word, to, 4);
        word += (uint32_t)(int8_t)in[5];
        memcpy(to, &word, 4);
    } else if (how & 2 && n >= 4) {
        const struct range *q = &ranges[in[5] % nranges];
        size_t from = (in[6 - (len < 7)] | (size_t)in[5] << 8) * 4 % (q->bytes - 3);
        memmove(to, a->base + q->at + from, 4);
    } else {
        memcpy(to, in + 5, n);
    }
    return 5 + n;
}

/* ---- the job goes on ---- */

static void
look_at(void *arg, const void *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    INSIST(copy);
    memcpy(copy, bytes, len);
    *(uint32_t *)arg += len ? (unsigned char)copy[len / 2] : 0;
    free(copy);
}

static void
look_at_record(void *arg, const struct dict_entry *r)
{
    look_at(arg, r->bytes, r->key_len + (r->kind == ENTRY_NUMBER ? 0 : r->value_len));
}

static void
waits(void *arg, uint32_t task)
{
    struct self *super = arg;
    struct task *t = task_at(super->arena, task);
    INSIST(queue_push(super, task) == 0);
    t->word = task_word(t->word >> 32, task_attempt(t->word), 0, TASK_READY);
}

/* What a task does: reads all it has, posts, writes. */
static void
run_one(struct self *self, uint32_t run)
{
    uint32_t sum = 0;
    struct task *t = task_at(self->arena, self->slot->cur);
    commit_begin(self);
    look_at(&sum, task_args(self->arena, t), t->bytes);
    struct task_record *r = task_record_of(self->arena, t);
    if (r && r->cursor) {
        struct task_cursor *c = (struct task_cursor *)block_at(self->arena, r->cursor)->bytes;
        look_at(&sum, c->text, c->bytes);
    }
    for (const struct journal_entry *e; (e = journal_peek(self)) != NULL;) {
        look_at(&sum, e->payload, e->bytes);
        journal_pass(self, e);
    }
    self->skip = 0;
    (void)change(self, run % 3 ? DICT_INCR : DICT_SET, run % 1100, run % 3 ? NULL : "other text");
    (void)change(self, DICT_DELETE, run % 700, NULL);
    accumulator_add(self, ACCUMULATOR_SUM, 0, sum);
    (void)accumulator_collect(self, 5, &sum, sizeof sum);
    if (run % 16 == 1) {
        char big[3000] = {0};
        (void)post(self, 1, big, run % sizeof big);
    }
    (void)commit_end(self, run % 32 == 5 ? OUTCOME_RETRY : OUTCOME_DONE);
}

static void
job_continues(struct arena *a)
{
    struct self super, x;
    uint32_t sum = 0, runs = 0;
    if (!slot_at(a, 0)->ring)
        self_slot_init(a, 0);
    INSIST(self_open(&super, a, 0, 1) == 0);
    super.journaling = false;
    if (resume(&super, waits, &super) == 0) {
        a->header->mode = ARENA_RUN;
        if (!slot_at(a, 1)->ring)
            self_slot_init(a, 1);
        if (!a->header->nworkers)
            a->header->nworkers = 1;
        INSIST(self_open(&x, a, 1, a->header->nworkers + 1) == 0);
        x.journaling = true;
        x.partial = false;
        while (runs < RUNS_MAX && (queue_take(&x) || queue_look(&x)))
            run_one(&x, ++runs);
        INSIST(runs < RUNS_MAX);
        INSIST(idle_all_done(a));
        for (uint32_t id = 0; id < 8; id++)
            accumulator_each(&x, id, look_at, &sum);
        for (uint32_t i = 0; i < ARENA_NAMES; i++) {
            struct name *n = name_at(a, i);
            INSIST(n->kind != NAMED_LOCK || !n->lock);
            for (uint32_t s = 0; name_is_dict(n->kind) && s < DICT_SHARDS; s++)
                (void)dict_tx_snapshot(&x, arena_at(a, n->object), s, look_at_record, &sum);
        }
        self_close(&x);
    }
    self_close(&super);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *problem = NULL;
    if (!arena.base)
        make_image();
    restore();
    for (size_t used = 0; used < len;)
        used += patch(&arena, bytes + used, len - used);
    int err = state_check(&arena, &problem);
    INSIST(err == 0 || problem);
    INSIST(len || err == 0); /* the sound file is */
    if (!err && !arena.header->finished)
        job_continues(&arena);
    return 0;
}
