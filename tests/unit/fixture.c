#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "task/section.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "task/commit.h"
#include "task/queue.h"
#include "task/task.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_STEP 1
#include <x86intrin.h>
#else
#define CAN_STEP 0
#endif

struct self *
fixture_reopen(struct fixture *f, uint32_t slot)
{
    struct self *self = &f->selves[slot];
    section_close(self);
    self_close(self);
    assert_int_equal(self_open(self, &f->arena, slot, FIXTURE_WORKERS + 1), 0);
    return self;
}

int
fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || arena_open(&f->arena, ARENA_BYTES_MIN))
        return -1;
    f->arena.header->nworkers = FIXTURE_WORKERS;
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++) {
        self_slot_init(&f->arena, k);
        if (self_open(&f->selves[k], &f->arena, k, FIXTURE_WORKERS + 1))
            return -1;
    }
    *state = f;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *f = *state;
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++) {
        section_close(&f->selves[k]);
        self_close(&f->selves[k]);
    }
    arena_close(&f->arena);
    free(f);
    return 0;
}

void
fixture_full(struct fixture *f)
{
    f->arena.header->unit_hint = f->arena.units;
}

void
fixture_room(struct fixture *f)
{
    f->arena.header->unit_hint = 0;
}

void
fixture_publish(struct fixture *f, uint32_t slot, uint32_t from, uint32_t n)
{
    struct self *self = &f->selves[slot];
    self->slot->cur = 0;
    commit_begin(self);
    assert_int_equal(queue_reserve(self, n + 1), 0);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(task_stage(self, from + i, "abc", 3), 0);
    (void)commit_end(self, OUTCOME_DONE);
}

struct counting {
    struct arena *a;
    uint32_t state, n;
};

static void
count_task(void *arg, uint32_t index)
{
    struct counting *c = arg;
    c->n += (uint32_t)task_state(task_at(c->a, index)->word) == c->state;
}

static void
count_block(void *arg, uint32_t index)
{
    struct counting *c = arg;
    c->n += (block_at(c->a, index)->word & 0xff) == BLOCK_USED;
}

uint32_t
fixture_count(struct fixture *f, uint32_t state)
{
    struct counting c = {&f->arena, state, 0};
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++)
        slab_each(&f->arena, k, SLAB_TASK, count_task, &c);
    return c.n;
}

uint32_t
fixture_blocks(struct fixture *f)
{
    struct counting c = {&f->arena, 0, 0};
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++)
        for (uint32_t size_class = SLAB_BLOCK; size_class <= SLAB_LARGE; size_class++)
            slab_each(&f->arena, k, size_class, count_block, &c);
    return c.n;
}

/* ---- death at each instruction ---- */

#if CAN_STEP
enum {
    TRAP_FLAG = 0x100,
    WATCHED_UNITS = 24, /* of the heap; more must not be used */
    BLOCK = 512,        /* what is compared and remembered at once */
};

/* The parts that can change: head and slots; the table; the first of the heap. */
struct part {
    char *at;
    size_t bytes;
};

/* One block of memory as it was after some instruction. */
struct change {
    char *at;
    uint32_t step;
    char bytes[BLOCK];
};

static struct part parts[3];
static char *model[3]; /* what the parts held after the last instruction */
static struct change *changes;
static size_t nchanges, changes_cap;
static uint32_t step;

static void
find_parts(struct fixture *f)
{
    const struct arena *a = &f->arena;
    size_t slots = a->slots_at + (FIXTURE_WORKERS + 1) * sizeof(struct slot);
    parts[0] = (struct part){a->base, (slots + BLOCK - 1) / BLOCK * BLOCK};
    parts[1] = (struct part){(char *)a->table, BLOCK};
    parts[2] = (struct part){a->base + a->heap_at, (size_t)WATCHED_UNITS * ARENA_UNIT};
}

static void
note_change(char *at)
{
    if (nchanges == changes_cap)
        abort(); /* no malloc in a signal handler */
    changes[nchanges].at = at;
    changes[nchanges].step = step;
    memcpy(changes[nchanges++].bytes, at, BLOCK);
}

/* After each instruction, those of libc too. */
static void
stepped(int sig)
{
    (void)sig;
    step++;
    for (int i = 0; i < 3; i++) {
        if (memcmp(model[i], parts[i].at, parts[i].bytes) == 0)
            continue;
        for (size_t o = 0; o < parts[i].bytes; o += BLOCK) {
            if (memcmp(model[i] + o, parts[i].at + o, BLOCK)) {
                note_change(parts[i].at + o);
                memcpy(model[i] + o, parts[i].at + o, BLOCK);
            }
        }
    }
}

static void
run_stepwise(void (*fn)(void *arg), void *arg)
{
    struct sigaction action = {.sa_handler = stepped}, old;
    nchanges = step = 0;
    sigaction(SIGTRAP, &action, &old);
    __writeeflags(__readeflags() | TRAP_FLAG);
    fn(arg);
    __writeeflags(__readeflags() & ~(unsigned long long)TRAP_FLAG);
    sigaction(SIGTRAP, &old, NULL);
}

/* Brings a state back and everybody to life in it. */
static void
restore(struct fixture *f)
{
    uint32_t used = 0;
    while (used < f->arena.units && f->arena.table[used])
        used += (uint32_t)(f->arena.table[used] >> 32);
    assert_in_range(used, 0, WATCHED_UNITS);
    for (int i = 0; i < 3; i++)
        memcpy(parts[i].at, model[i], parts[i].bytes);
    for (uint32_t k = 0; k <= FIXTURE_WORKERS; k++)
        (void)fixture_reopen(f, k);
}

static char *
in_model(const char *at)
{
    int i = 0;
    while (at < parts[i].at || at >= parts[i].at + parts[i].bytes)
        i++;
    return model[i] + (at - parts[i].at);
}

uint32_t
fixture_deaths(struct fixture *f, void (*fn)(void *arg), void *arg,
               void (*after)(struct fixture *f, void *arg), void *after_arg)
{
    char *first[3];
    uint32_t states = 0;
    changes_cap = 1 << 16;
    changes = malloc(changes_cap * sizeof *changes);
    assert_non_null(changes);
    find_parts(f);
    for (int i = 0; i < 3; i++) {
        model[i] = malloc(parts[i].bytes);
        first[i] = malloc(parts[i].bytes);
        assert_true(model[i] && first[i]);
        memcpy(model[i], parts[i].at, parts[i].bytes);
        memcpy(first[i], parts[i].at, parts[i].bytes);
    }
    run_stepwise(fn, arg);
    for (int i = 0; i < 3; i++) {
        free(model[i]);
        model[i] = first[i];
    }
    for (size_t c = 0;;) {
        restore(f);
        after(f, after_arg);
        states++;
        if (c == nchanges)
            break;
        for (uint32_t at = changes[c].step; c < nchanges && changes[c].step == at; c++)
            memcpy(in_model(changes[c].at), changes[c].bytes, BLOCK);
    }
    for (int i = 0; i < 3; i++)
        free(model[i]);
    free(changes);
    return states;
}
#else
uint32_t
fixture_deaths(struct fixture *f, void (*fn)(void *arg), void *arg,
               void (*after)(struct fixture *f, void *arg), void *after_arg)
{
    (void)f, (void)fn, (void)arg, (void)after, (void)after_arg;
    return 0;
}
#endif
