/* metrics: counters and events of a worker, as those who look see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory/self.h"
#include "base/clock.h"
#include "task/task.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"

static int asked;
static bool reads; /* whoever is asked to read the ring does so */

static void
full(void)
{
    asked++;
    struct metrics_slot *s = &metrics.header->slot[1];
    if (reads)
        s->event_head = s->event_tail;
}

static struct self self;
static struct arena arena;

static int
setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, ARENA_BYTES_MIN), 0);
    self_slot_init(&arena, 1);
    assert_int_equal(self_open(&self, &arena, 1, 2), 0);
    assert_int_equal(metrics_open(full), 0);
    metrics_start_job(1, "job.lua");
    metrics_act(1);
    asked = 0;
    return 0;
}

/* One run of a task of function fn, as run.c does it. Returns whether it was timed. */
static bool
run_one(uint32_t fn, const char *error)
{
    static struct task t;
    t.fn = fn;
    t.id = 77;
    t.word = task_word(1, 1, 1, TASK_RUN);
    uint64_t from = metrics_start(&self, fn, t.id);
    if (metrics_due(from) || error)
        metrics_describe(&self, &t, from, error);
    metrics_end(fn, error ? METRICS_FAILED : METRICS_DONE);
    return from != 0;
}

static void
test_counts(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    uint64_t before = s->fns[5].finished;
    metrics_posted(5);
    metrics_posted(5);
    run_one(5, NULL);
    run_one(5, "job.lua:1: no\nmore");
    assert_int_equal(s->fns[5].posted, 2);
    assert_int_equal(s->fns[5].finished - before, 2);
    assert_int_equal(s->fns[5].failed, 1);
    assert_true(s->used[0] >> 5 & 1);
    /* The failure is in the ring whatever is recorded, with the error's first line. */
    const struct metrics_event *e = &s->events[(s->event_tail - 1) % metrics.header->ring];
    assert_int_equal(e->outcome, METRICS_FAILED);
    assert_int_equal(e->id, 77);
    assert_memory_equal(e->text + e->args_len, "job.lua:1: no", e->error_len);
    assert_int_equal(e->error_len, 13);
    /* A function beyond the table has no figures of its own. */
    run_one(METRICS_FNS + 3, NULL);
    assert_int_equal(s->fns[0].finished, 1);
}

/* Tasks of nearly no time: after the first ones a few stand for all. */
static void
test_sampled(void **state)
{
    (void)state;
    enum { TASKS = 3000000 };
    struct metrics_slot *s = &metrics.header->slot[1];
    uint64_t timed = 0, before = s->fns[6].timed;
    for (int i = 0; i < TASKS; i++)
        timed += run_one(6, NULL);
    assert_int_equal(s->fns[6].finished, TASKS);
    assert_true(timed >= metrics.header->ring / 2);
    assert_true(timed < TASKS / 10);
    /* They stand for nearly all. */
    assert_true(s->fns[6].timed - before > TASKS * 0.9);
    assert_true(s->fns[6].timed - before <= TASKS);
}

/* What lasts long among those that are not timed is marked by the supervisor. */
static void
test_marked(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    static struct task t = {.fn = 7, .id = 9};
    uint64_t from;
    while ((from = metrics_start(&self, 7, 9)))
        metrics_end(7, METRICS_DONE);
    s->seen_run = s->mark = s->runs;
    s->seen_ns = clock_ns() - 30000000;
    assert_true(metrics_due(from));
    metrics_describe(&self, &t, from, NULL);
    assert_true(metrics.event.rough);
    metrics_end(7, METRICS_DONE);
    assert_true(s->fns[7].longest_ns >= 30000000);
}

/* The supervisor sees the run for the first time when its end has been timed already. */
static void
test_seen_late(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    static struct task t = {.fn = 7, .id = 9};
    while (metrics_start(&self, 7, 9))
        metrics_end(7, METRICS_DONE);
    s->seen_run = s->runs;
    s->seen_ns = clock_ns() + 1000000000;
    metrics_describe(&self, &t, 0, "no");
    assert_int_equal(metrics.event.to_ns - metrics.event.from_ns, 0);
    metrics_end(7, METRICS_FAILED);
}

static void
test_ring_full(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    s->event_head = s->event_tail;
    uint64_t lost = s->events_lost;
    for (uint32_t i = 0; i < metrics.header->ring + 10; i++)
        run_one(8, "no");
    assert_int_equal(s->events_lost - lost, 10);
    assert_true(asked > 0 && asked < 10);
}

/* METRICS_ALL: every task is timed and noted; who finds the ring full waits. */
static void
test_all(void **state)
{
    (void)state;
    enum { TASKS = 3 * METRICS_RING };
    struct metrics_slot *s = &metrics.header->slot[1];
    uint64_t lost = s->events_lost, tail = s->event_tail, timed = 0;
    metrics_act(1);
    metrics.record = METRICS_TASKS | METRICS_ALL;
    reads = true;
    for (int i = 0; i < TASKS; i++)
        timed += run_one(8, NULL);
    reads = false;
    metrics.record = 0;
    assert_int_equal(timed, TASKS);
    assert_int_equal(s->event_tail - tail, TASKS);
    assert_int_equal(s->events_lost, lost);
}

/* Of each kind the first failure is kept whole, as long as there is room. */
static void
test_kept(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    struct task t = {.fn = 3, .id = 50};
    char error[] = "job.lua:1: a";
    metrics_keep(&t, error, NULL);
    assert_int_equal(s->nkept, 0); /* nobody wants it */
    metrics.record = METRICS_WHOLES;
    metrics_keep(&t, error, "stack traceback:\n\tx");
    metrics_keep(&t, error, NULL);
    assert_int_equal(s->nkept, 1);
    assert_memory_equal(s->kept[0].text, "job.lua:1: a\nstack traceback:\n\tx", s->kept[0].len);
    assert_int_equal(s->kept[0].id, 50);
    for (; error[sizeof error - 2] < 'z'; error[sizeof error - 2]++)
        metrics_keep(&t, error, NULL);
    assert_int_equal(s->nkept, METRICS_KEPT);
    metrics.record = 0;
}

static void
test_quantiles(void **state)
{
    (void)state;
    uint64_t times[METRICS_TIMES] = {0};
    assert_int_equal(metrics_quantile(times, 0.5), 0);
    struct metrics_fn *f = &metrics.header->slot[1].fns[9];
    assert_int_equal(f->finished, 0);
    times[0] = 90;  /* 128 to 160 ns */
    times[40] = 10; /* 131 to 164 us */
    assert_in_range(metrics_quantile(times, 0.5), 128, 160);
    assert_in_range(metrics_quantile(times, 0.95), 131072, 163840);
    assert_in_range(metrics_quantile(times, 1), 131072, 163840);
}

static void
test_posts_dropped(void **state)
{
    (void)state;
    struct metrics_slot *s = &metrics.header->slot[1];
    uint64_t before = s->fns[10].posted;
    atom_store(&self.slot->phase, PHASE_ACTIVE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(task_stage(&self, 10, "", 0), 0);
        metrics_posted(10);
    }
    assert_int_equal(s->fns[10].posted - before, 3);
    metrics_dropped(&arena, 1);
    assert_int_equal(s->fns[10].posted, before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_sampled),
        cmocka_unit_test(test_marked),
        cmocka_unit_test(test_seen_late),
        cmocka_unit_test(test_ring_full),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_posts_dropped),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
