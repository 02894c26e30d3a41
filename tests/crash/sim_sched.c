/* The scheduler of the simulator. A coroutine is a process: when it is killed it
 * simply never runs again. See sim.h. Longer than 500 lines: who runs, what is seen and who sleeps
 * are decided over one table.
 *
 * Delayed stores (x86-TSO): while a coroutine runs, memory is what it sees. What
 * others cannot see yet is taken back when it is switched out and put in place
 * again when it goes on; in between the oldest ones may become visible for all.
 * Atomic operations and fences make all of them visible. So a coroutine may read
 * its own stores in any way, and modules need no other hook than that before a store.
 * Plain stores are never late: what reads them is ordered by something else. */
#include "sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "base/atomics.h"
#include "base/futex.h"
#include "base/nudge.h"

enum {
    STACK = 256 << 10,
    POINT_NS = 20, /* what a step takes */
    HURRY = 4000,  /* points */
};

/* A store that others may not see yet. */
struct store {
    void *at;
    uint32_t bytes;
    uint64_t value; /* while its coroutine does not run */
    uint64_t old;   /* while it runs: what the others see */
};

struct coroutine {
    enum sim_state state;
    bool started;
    void (*fn)(uint32_t k);
    jmp_buf here;
    ucontext_t entry;
    uint32_t *futex; /* ASLEEP: where; NULL: sim_sleep(), or: */
    bool naps;       /* ... until a signal comes */
    uint64_t until;  /* ASLEEP: the time to wake up, 0: none */
    struct store stores[SIM_STORES];
    uint32_t nstores;
};

struct sim_policy sim_policy;
uint64_t sim_points, sim_switches;
bool sim_verbose;

static struct coroutine all[SIM_WORKERS + 1];
static char stacks[SIM_WORKERS + 1][STACK] __attribute__((aligned(64)));
static int current = -1;
static bool stored;   /* ... since its last point */
static int64_t slice; /* points that the current one has left */
static jmp_buf scheduler;
static uint64_t random_state, now;
static char problem[512];

/* ---- chance ---- */

uint64_t
sim_random(void)
{
    random_state += 0x9E3779B97F4A7C15ull;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

uint32_t
sim_dice(uint32_t below)
{
    return (uint32_t)((sim_random() >> 32) * below >> 32);
}

bool
sim_one_in(uint32_t n)
{
    return n && sim_dice(n) == 0;
}

/* ---- failing ---- */

void
sim_say(const char *format, ...)
{
    va_list args;
    if (!sim_verbose)
        return;
    printf("%10llu %2d: ", (unsigned long long)sim_points, current);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void
sim_fail(const char *format, ...)
{
    va_list args;
    if (!problem[0]) {
        va_start(args, format);
        vsnprintf(problem, sizeof problem, format, args);
        va_end(args);
        sim_say("FAILED: %s", problem);
    }
    if (current >= 0)
        _longjmp(scheduler, 1);
}

const char *
sim_failed(void)
{
    return problem[0] ? problem : NULL;
}

/* ---- delayed stores ---- */

static uint64_t
fetch(const void *at, uint32_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return value;
}

/* Coroutine k is switched out: what others cannot see is not there. */
static void
take_back(struct coroutine *c)
{
    for (uint32_t i = c->nstores; i-- > 0;) {
        struct store *s = &c->stores[i];
        s->value = fetch(s->at, s->bytes);
        memcpy(s->at, &s->old, s->bytes);
    }
}

static void
put_in_place(struct coroutine *c)
{
    for (uint32_t i = 0; i < c->nstores; i++) {
        struct store *s = &c->stores[i];
        s->old = fetch(s->at, s->bytes);
        memcpy(s->at, &s->value, s->bytes);
    }
}

static void
forget_oldest(struct coroutine *c, uint32_t n)
{
    c->nstores -= n;
    memmove(c->stores, c->stores + n, c->nstores * sizeof c->stores[0]);
}

/* The oldest n stores of a coroutine that does not run become visible. */
static void
drain(struct coroutine *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(c->stores[i].at, &c->stores[i].value, c->stores[i].bytes);
    forget_oldest(c, n);
}

static void
drain_some(void)
{
    for (uint32_t k = 0; k <= SIM_WORKERS; k++) {
        struct coroutine *c = &all[k];
        if (c->nstores && sim_one_in(sim_policy.drain))
            drain(c, 1 + sim_dice(c->nstores));
    }
}

/* ---- switching ---- */

/* Not inlined: what lives across _setjmp() must not be in registers. */
static __attribute__((noinline)) void
switch_out(void)
{
    struct coroutine *c = &all[current];
    take_back(c);
    if (!_setjmp(c->here))
        _longjmp(scheduler, 1);
}

static void
entry(void)
{
    uint32_t k = (uint32_t)current;
    all[k].fn(k);
    all[k].nstores = 0; /* it exits: all is visible */
    all[k].state = SIM_ENDED;
    _longjmp(scheduler, 1);
}

static __attribute__((noinline)) void
switch_to(uint32_t k)
{
    struct coroutine *c = &all[k];
    if (_setjmp(scheduler)) {
        current = -1;
        return;
    }
    current = (int)k;
    stored = false;
    sim_switches++;
    if (c->started) {
        put_in_place(c);
        _longjmp(c->here, 1);
    }
    c->started = true;
    setcontext(&c->entry);
}

void
sim_point(void)
{
    if (current < 0)
        return;
    sim_points++;
    now += POINT_NS;
    if (stored && sim_may_die((uint32_t)current))
        sim_kill((uint32_t)current);
    stored = false;
    if (--slice <= 0)
        switch_out();
}

void
sim_store(void *word, size_t bytes)
{
    sim_point();
    stored = true;
    if (current < 0 || !sim_policy.late)
        return;
    struct coroutine *c = &all[current];
    if (c->nstores == sim_policy.late)
        forget_oldest(c, 1);
    c->stores[c->nstores++] = (struct store){
        .at = word, .bytes = (uint32_t)bytes, .old = fetch(word, (uint32_t)bytes)};
}

void
sim_fence(void)
{
    sim_point();
    stored = true;
    if (current >= 0)
        all[current].nstores = 0;
}

/* ---- coroutines ---- */

/* Mostly small numbers, now and then a large one; the mean is about `mean`. */
static int64_t
draw_slice(uint32_t mean)
{
    uint32_t n = sim_dice(8) ? mean / 2 + 1 : mean * 5;
    return 1 + sim_dice(n ? n * 2 : 1);
}

static void
draw_weights(void)
{
    static const uint32_t weights[] = {1, 4, 16, 64};
    for (uint32_t k = 0; k <= SIM_WORKERS; k++)
        sim_policy.weight[k] = weights[sim_dice(4)];
}

void
sim_begin(uint64_t seed)
{
    static const uint32_t slices[] = {1, 1, 2, 4, 12, 60, 400};
    memset(all, 0, sizeof all);
    current = -1;
    problem[0] = '\0';
    now = 1000000000;
    random_state = seed * 0xD1342543DE82EF95ull + 1;
    sim_policy = (struct sim_policy){.slice = slices[sim_dice(7)]};
    draw_weights();
    if (sim_dice(3))
        sim_policy.reweigh = 1 + sim_dice(200);
    if (sim_dice(4))
        sim_policy.late = 1 + sim_dice(SIM_STORES);
    sim_policy.drain = 1 + sim_dice(12);
    if (sim_dice(3) == 0)
        sim_policy.spurious = 2 + sim_dice(6);
    if (sim_dice(3))
        sim_policy.jump = 2 + sim_dice(60);
}

void
sim_spawn(uint32_t k, void (*fn)(uint32_t k))
{
    struct coroutine *c = &all[k];
    memset(c, 0, sizeof *c);
    c->fn = fn;
    c->state = SIM_READY;
    getcontext(&c->entry);
    c->entry.uc_stack.ss_sp = stacks[k];
    c->entry.uc_stack.ss_size = STACK;
    makecontext(&c->entry, entry, 0);
}

enum sim_state
sim_state(uint32_t k)
{
    return all[k].state;
}

int
sim_current(void)
{
    return current;
}

void
sim_kill(uint32_t k)
{
    all[k].state = SIM_KILLED;
    if (current == (int)k)
        switch_out();
}

void
sim_reap(uint32_t k)
{
    if (current == (int)k)
        all[k].nstores = 0; /* in place already */
    else
        drain(&all[k], all[k].nstores);
}

static void
wake_due(void)
{
    for (uint32_t k = 0; k <= SIM_WORKERS; k++) {
        if (all[k].state == SIM_ASLEEP && all[k].until && all[k].until <= now)
            all[k].state = SIM_READY;
    }
}

/* All sleep: the time of the first one comes. Nobody else could have woken it: if
 * its word has changed by now, a wake-up was lost. */
static bool
pass_time(void)
{
    struct coroutine *first = NULL;
    for (uint32_t k = 0; k <= SIM_WORKERS; k++) {
        struct coroutine *c = &all[k];
        if (c->state == SIM_ASLEEP && c->until && (!first || c->until < first->until))
            first = c;
    }
    if (!first)
        return false;
    if (first->futex && *first->futex == 0)
        sim_fail("all sleep, %d on a lock that is free: a wake-up was lost",
                 (int)(first - all));
    now = first->until;
    wake_due();
    return true;
}

/* The next one to run, by weight; -1: all sleep. */
static int
choose(void)
{
    uint32_t sum = 0;
    for (uint32_t k = 0; k <= SIM_WORKERS; k++)
        sum += all[k].state == SIM_READY ? sim_policy.weight[k] : 0;
    if (!sum)
        return -1;
    uint32_t at = sim_dice(sum);
    for (uint32_t k = 0;; k++) {
        uint32_t w = all[k].state == SIM_READY ? sim_policy.weight[k] : 0;
        if (at < w)
            return (int)k;
        at -= w;
    }
}

bool
sim_step(void)
{
    wake_due();
    if (sim_policy.late)
        drain_some();
    if (sim_one_in(sim_policy.reweigh))
        draw_weights();
    int k = choose();
    if (k < 0) {
        for (uint32_t i = 0; i <= SIM_WORKERS; i++)
            sim_reap(i);
        return pass_time() && !sim_failed();
    }
    /* Recovery looks through tables: now and then it gets on with it. */
    bool hurry = k == 0 && sim_one_in(4);
    slice = draw_slice(hurry ? HURRY : sim_policy.slice);
    switch_to((uint32_t)k);
    return true;
}

/* ---- sleeping and waking ---- */

static void
fall_asleep(uint32_t *word, uint64_t until)
{
    struct coroutine *c = &all[current];
    c->state = SIM_ASLEEP;
    c->futex = word;
    c->until = until;
    switch_out();
}

void
futex_wait(uint32_t *word, uint32_t while_value, const struct timespec *at_most)
{
    sim_fence(); /* the kernel's lock is one */
    if (*word != while_value || sim_one_in(sim_policy.spurious))
        return;
    uint64_t ns = at_most ? (uint64_t)at_most->tv_sec * 1000000000u + (uint64_t)at_most->tv_nsec
                          : 0;
    fall_asleep(word, at_most ? now + ns + 1 : 0);
}

void
futex_wake(uint32_t *word, int how_many)
{
    sim_fence();
    uint32_t first = sim_dice(SIM_WORKERS + 1);
    for (uint32_t i = 0; i <= SIM_WORKERS && how_many > 0; i++) {
        struct coroutine *c = &all[(first + i) % (SIM_WORKERS + 1)];
        if (c->state == SIM_ASLEEP && c->futex == word) {
            c->state = SIM_READY;
            how_many--;
        }
    }
}

/* ---- signals ---- */

static bool nudged[SIM_WORKERS + 1]; /* on its way, while it is blocked */

/* Slot k's "process" is k + 1. */
bool
nudge(uint32_t pid)
{
    sim_fence();
    uint32_t k = pid - 1;
    if (k > SIM_WORKERS)
        return true;
    nudged[k] = true;
    if (all[k].state == SIM_ASLEEP && all[k].naps)
        all[k].state = SIM_READY;
    return true;
}

static bool
take_nudge(uint32_t k)
{
    bool was = nudged[k];
    nudged[k] = false;
    return was;
}

void
nudge_take(uint64_t at_most_ns)
{
    sim_fence();
    if (!take_nudge((uint32_t)current) && at_most_ns) {
        all[current].naps = true;
        fall_asleep(NULL, now + at_most_ns);
        all[current].naps = false;
        (void)take_nudge((uint32_t)current);
    }
}

bool
sim_nap(void *arg)
{
    (void)arg;
    sim_fence();
    if (!nudged[current] && !sim_one_in(sim_policy.spurious)) {
        all[current].naps = true;
        fall_asleep(NULL, 0);
        all[current].naps = false;
    }
    return take_nudge((uint32_t)current);
}

void
sim_sleep(uint64_t until_ns)
{
    fall_asleep(NULL, until_ns);
}

void
sim_rouse(uint32_t k)
{
    if (all[k].state == SIM_ASLEEP)
        all[k].state = SIM_READY;
}

uint64_t
sim_now_ns(void)
{
    return now;
}

void
sim_pass(uint64_t ns)
{
    now += ns;
}
