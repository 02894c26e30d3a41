#include "fixture_dict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task/section.h"
#include "memory/block.h"
#include "shard_count.h"
#include "codec/codec.h"
#include "task/commit.h"
#include "base/hash.h"
#include "store/names.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/recover.h"
#include "memory/slab.h"

void
stage_open(struct stage *s, size_t bytes)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(arena_open(&s->arena, bytes), 0);
    s->arena.header->nworkers = STAGE_ACTORS - 1;
    for (uint32_t k = 0; k < STAGE_ACTORS; k++) {
        self_slot_init(&s->arena, k);
        assert_int_equal(self_open(&s->self[k], &s->arena, k, STAGE_ACTORS), 0);
    }
    uint32_t index;
    assert_int_equal(names_get(&s->self[0], NAMED_DICT, "d", 1, &index), 0);
    s->d = arena_at(&s->arena, name_at(&s->arena, index)->object);
    for (int i = 0; i < STAGE_LOCKS; i++) {
        assert_int_equal(names_get(&s->self[0], NAMED_LOCK, &"abc"[i], 1, &index), 0);
        s->lock[i] = &name_at(&s->arena, index)->lock;
    }
}

void
stage_close(struct stage *s)
{
    for (uint32_t k = 0; k < STAGE_ACTORS; k++) {
        section_close(&s->self[k]);
        self_close(&s->self[k]);
    }
    arena_close(&s->arena);
}

void
stage_again(struct stage *s, uint32_t who)
{
    section_close(&s->self[who]);
    self_close(&s->self[who]);
    assert_int_equal(self_open(&s->self[who], &s->arena, who, STAGE_ACTORS), 0);
}

void
stage_post(struct stage *s)
{
    commit_begin(&s->self[0]);
    assert_int_equal(post(&s->self[0], 1, "", 0), 0);
    (void)commit_end(&s->self[0], OUTCOME_DONE);
}

bool
stage_claim(struct stage *s, uint32_t who)
{
    if (!queue_look(&s->self[who]))
        return false;
    commit_begin(&s->self[who]);
    s->self[who].journaling = true;
    return true;
}

void
stage_done(struct stage *s, uint32_t who)
{
    (void)commit_end(&s->self[who], OUTCOME_DONE);
}

void
stage_died(struct stage *s, uint32_t who)
{
    struct recovered what;
    stage_again(s, who);
    assert_int_equal(recover(&s->self[who], &s->self[0], 200, true, &what), 0);
    assert_false(what.quarantined);
    stage_again(s, who);
}

struct stage stage;

int
stage_setup_bytes(size_t bytes)
{
    alarm(50); /* a loop without end is a failure, too */
    stage_open(&stage, bytes);
    return 0;
}

int
stage_setup(void **state)
{
    (void)state;
    return stage_setup_bytes(ARENA_BYTES_MIN);
}

int
stage_teardown(void **state)
{
    (void)state;
    stage_check(&stage);
    for (int i = 0; i < STAGE_LOCKS; i++)
        assert_int_equal(*stage.lock[i], 0);
    assert_int_equal(stage.arena.header->names_lock, 0);
    stage_close(&stage);
    return 0;
}

static struct stage_key *
next_key(void)
{
    static struct stage_key keys[8];
    static unsigned n;
    return &keys[n++ % 8];
}

static const struct dict_key *
ready(struct stage_key *key, size_t len)
{
    key->k = (struct dict_key){key->bytes, len, hash_bytes(key->bytes, len)};
    return &key->k;
}

const struct dict_key *
key_text(const char *text)
{
    struct stage_key *key = next_key();
    size_t len = strlen(text), head = codec_put_string_head(key->bytes, len);
    assert_true(head + len <= sizeof key->bytes);
    memcpy(key->bytes + head, text, len);
    return ready(key, head + len);
}

const struct dict_key *
key_number(double n)
{
    struct stage_key *key = next_key();
    return ready(key, codec_put_number(key->bytes, n));
}

const struct dict_key *
key_boolean(bool b)
{
    struct stage_key *key = next_key();
    return ready(key, codec_put_boolean(key->bytes, b));
}

void
key_into(struct stage_key *out, const struct dict_key *k)
{
    memcpy(out->bytes, k->bytes, k->len);
    ready(out, k->len);
}

struct dict_value
value_number(double n)
{
    return (struct dict_value){.present = true, .is_number = true, .number = n};
}

struct dict_value
value_text(const char *text)
{
    static unsigned char texts[8][1024];
    static unsigned n;
    unsigned char *to = texts[n++ % 8];
    size_t len = strlen(text), head = codec_put_string_head(to, len);
    assert_true(head + len <= sizeof texts[0]);
    memcpy(to + head, text, len);
    return (struct dict_value){.present = true, .bytes = to, .len = head + len};
}

struct dict_value
value_none(void)
{
    return (struct dict_value){.present = false};
}

bool
value_is_text(const struct dict_value *v, const char *text)
{
    const unsigned char *bytes;
    size_t len;
    return v->present && !v->is_number && codec_get_string(v->bytes, v->len, &bytes, &len) &&
           len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static int
run(struct stage *s, uint32_t who, struct dict_op *op, struct dict_result *r)
{
    size_t bad = 99, body;
    op->dict = s->d;
    if (op->kind == DICT_APPEND)
        op->head = codec_get_string_head(op->value.bytes, op->value.len, &body);
    int err = dict_tx_run(&s->self[who], op, 1, r, &bad, NULL, NULL);
    assert_true(err != -EINVAL || bad == 0);
    return err;
}

int
op_run(struct stage *s, uint32_t who, enum dict_op_kind kind, const struct dict_key *k,
       struct dict_value v, struct dict_result *r)
{
    struct dict_op op = {.kind = kind, .key = *k, .value = v};
    return run(s, who, &op, r);
}

int
op_cas(struct stage *s, uint32_t who, const struct dict_key *k, struct dict_value old,
       struct dict_value v, struct dict_result *r)
{
    struct dict_op op = {.kind = DICT_CAS, .key = *k, .value = v, .old = old};
    return run(s, who, &op, r);
}

void
op_set(struct stage *s, const struct dict_key *k, struct dict_value v)
{
    struct dict_result r;
    assert_int_equal(op_run(s, 1, DICT_SET, k, v, &r), 0);
    assert_true(r.changed);
}

double
op_incr(struct stage *s, const struct dict_key *k, double by)
{
    struct dict_result r;
    assert_int_equal(op_run(s, 1, DICT_INCR, k, value_number(by), &r), 0);
    return r.number;
}

bool
op_delete(struct stage *s, const struct dict_key *k)
{
    struct dict_result r;
    assert_int_equal(op_run(s, 1, DICT_DELETE, k, value_none(), &r), 0);
    return r.changed;
}

struct dict_value
op_get(struct stage *s, const struct dict_key *k)
{
    struct dict_value v;
    assert_int_equal(dict_get(&s->self[0], s->d, k, &v), 0);
    return v;
}

void
stage_check(struct stage *s)
{
    for (int i = 0; i < DICT_SHARDS; i++) {
        struct shard *h = &s->d->shards[i];
        struct shard_count is = shard_count(&s->arena, h);
        assert_int_equal(h->lock, 0);
        assert_int_equal(h->live, is.live);
        assert_true(h->used >= is.used && h->used < is.words);
    }
    for (uint32_t k = 0; k < STAGE_ACTORS; k++) {
        assert_int_equal(s->self[k].slot->tx.state, TX_IDLE);
        assert_int_equal(s->self[k].slot->unlinked_block, 0);
        assert_int_equal(s->self[k].slot->waits_for, 0);
    }
}

struct count {
    struct arena *arena;
    uint64_t owner_tag, n;
};

static void
count_block(void *arg, uint32_t index)
{
    struct count *c = arg;
    const struct block *b = block_at(c->arena, index);
    c->n += (b->word & 0xff) == BLOCK_USED && b->owner_tag == c->owner_tag;
}

uint64_t
stage_blocks(struct stage *s, uint64_t owner_tag)
{
    struct count c = {&s->arena, owner_tag, 0};
    for (uint32_t k = 0; k < STAGE_ACTORS; k++) {
        for (uint32_t size_class = SLAB_BLOCK; size_class <= SLAB_LARGE; size_class++)
            slab_each(&s->arena, k, size_class, count_block, &c);
    }
    return c.n;
}

/* ---- death at any instruction ---- */

/* The parts of the arena that matter, copied away and back. */
enum { SAVE_MAX = 4 << 20,
       SAVES = 6 };
static char saves[SAVES][SAVE_MAX]; /* a stack */
static int nsaves;

struct part {
    size_t from, to;
};

static struct part
lock_part(const struct stage *s, int i)
{
    size_t at = arena_offset(&s->arena, s->lock[i]);
    return (struct part){at, at + sizeof *s->lock[i]};
}

/* Calls fn with each part; returns the bytes they have. */
static size_t
parts(struct stage *s, void (*fn)(void *shared, void *own, size_t n), char *own)
{
    struct arena *a = &s->arena;
    struct part part[] = {
        {0, sizeof(struct arena_header)},
        {a->slots_at, a->slots_at + STAGE_ACTORS * sizeof(struct slot)},
        {a->table_at, a->table_at + 256 * sizeof(uint64_t)},
        {a->heap_at, arena_unit_offset(a, a->header->unit_hint + 8)},
        /* Of the table of names only the locks change. */
        lock_part(s, 0),
        lock_part(s, 1),
        lock_part(s, 2),
    };
    _Static_assert(STAGE_LOCKS == 3, "each has a part");
    size_t n = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        size_t bytes = part[i].to - part[i].from;
        if (fn)
            fn((char *)arena_at(a, part[i].from), own + n, bytes);
        n += bytes;
    }
    assert_true(n <= SAVE_MAX);
    return n;
}

static void
part_out(void *shared, void *own, size_t n)
{
    memcpy(own, shared, n);
}

static void
part_in(void *shared, void *own, size_t n)
{
    memcpy(shared, own, n);
}

static bool differs;

static void
part_same(void *shared, void *own, size_t n)
{
    differs |= memcmp(shared, own, n) != 0;
}

char *
stage_save(struct stage *s)
{
    assert_true(nsaves < SAVES);
    char *copy = saves[nsaves++];
    parts(s, part_out, copy);
    return copy;
}

void
stage_forget(void)
{
    nsaves--;
}

void
stage_put_back(struct stage *s, char *copy)
{
    parts(s, part_in, copy);
}

static bool
changed_since(struct stage *s, char *copy)
{
    differs = false;
    parts(s, part_same, copy);
    return differs;
}

int
stage_step(struct stage *s, void (*fn)(void *), void *arg, void (*at_change)(void *),
           void *change_arg)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            _exit(77);
        raise(SIGSTOP);
        fn(arg);
        raise(SIGSTOP);
    }
    int status, n = 0, steps = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        return -1;
    char *last = stage_save(s);
    for (;;) {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL)) {
            kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            nsaves--;
            return -1;
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status) || WSTOPSIG(status) == SIGSTOP)
            break;
        steps++;
        if (!changed_since(s, last))
            continue;
        parts(s, part_out, last);
        n++;
        at_change(change_arg);
        stage_put_back(s, last);
    }
    stage_forget();
    if (getenv("TIMES"))
        print_message("# %d instructions, %d changes, %zu bytes\n", steps, n, parts(s, NULL, NULL));
    assert_true(WIFSTOPPED(status)); /* at its end */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return n;
}
