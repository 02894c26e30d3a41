/* step_nested: recovery is stepped in its turn, and dies; others work meanwhile. */
#include "step_run.h"

#include <stdio.h>
#include <string.h>

#include "memory/arena.h"

/* ---- the supervisor dies too ---- */

static struct bench nested_bench;
static struct arena nested_arena;

void
nested_open(void)
{
    nested_bench = (struct bench){.image = image_new(), .checks = &step_total.nested_checks};
}

void
nested_begin(bool spill)
{
    image_arena(&nested_bench.arena, spill);
    image_arena(&nested_arena, spill);
}

void
nested_end(void)
{
    arena_close(&nested_bench.arena);
    arena_close(&nested_arena);
}

static void
run_recover(struct job *j)
{
    struct self dead;
    if (self_open(&dead, j->arena, 1, 1))
        ops_complain("out of memory");
    process_ready();
    (void)crew_recover_by(j->crew, &dead);
}

static void
run_resume(struct job *j)
{
    process_ready();
    (void)crew_resume(j->crew);
}

/* Steps recovery on the image and tries a resume after each change. */
static void
step_recovery(const struct image *from, const struct scenario *s, uint64_t at, bool by_resume)
{
    struct crew c;
    char name[128];
    uint32_t woken = spy->woken;
    int status, r;
    image_put(from, &nested_arena);
    crew_open(&c, &nested_arena, s);
    struct job j = {s, &nested_arena, &c, by_resume ? run_resume : run_recover};
    pid_t pid = process_start(&j);
    for (uint64_t n = 0; (r = process_step(pid, &status)) > 0 && n < STEPS_MAX; n++) {
        step_total.nested_steps++;
        if (!image_changed(nested_bench.image, &nested_arena))
            continue;
        image_take(nested_bench.image, &nested_arena);
        step_total.nested_images++;
        if (process_copies(pid))
            continue;
        snprintf(name, sizeof name, "%s of instruction %lu killed, resumed",
                 by_resume ? "resume" : "recovery", (unsigned long)at);
        (void)try_one(&nested_bench, s, name, try_resumed, n, pid);
        (void)try_one(&nested_bench, s, "recovery: state", try_state, n, pid);
        if (!by_resume) {
            snprintf(name, sizeof name, "recovery of instruction %lu paused", (unsigned long)at);
            (void)try_one(&nested_bench, s, name, try_never_early, n, pid);
        }
    }
    if (r < 0)
        step_failed(s, by_resume ? "resume" : "recovery", "crashed", at, pid);
    process_end(pid);
    spy->woken = woken;
    crew_close(&c);
    step_total.nested_runs++;
}

/* ---- worker 2 goes on while another process is stepped ---- */

static struct {
    pid_t pid;       /* who is stepped, in the nested arena */
    int last;        /* what process_step() said: 1 while it goes on */
    uint32_t stride; /* worker 2 has its turn after so many changes */
    uint64_t steps;
} race;

static void
race_step(void)
{
    int status;
    if (race.last <= 0)
        return;
    race.last = process_step(race.pid, &status);
    crew_progress();
    race.steps++;
    if (race.steps > STEPS_MAX)
        race.last = -1;
    if (spy->asleep)
        spy->asleep = 0; /* a futex may do that at any time */
}

static void
race_sleep(struct crew *c)
{
    if (race.last <= 0) {
        c->at_sleep = NULL; /* from here on nobody will come */
        return;
    }
    for (int i = 0; i < 20; i++)
        race_step();
}

static bool
run_race(struct crew *c)
{
    struct image *image = nested_bench.image;
    uint32_t changes = 0;
    c->at_sleep = race_sleep;
    for (race_step(); race.last > 0; race_step()) {
        step_total.nested_steps++;
        if (!image_changed(image, c->arena))
            continue;
        step_total.nested_images++;
        if (++changes % race.stride == 0)
            (void)crew_work(c, 2, 1);
        image_take(image, c->arena);
    }
    c->at_sleep = NULL;
    if (race.last < 0)
        return crew_fail(c, "the stepped process crashed, or did not end: %s", spy->complaint);
    return true;
}

/* Recovery runs while worker 2 works. */
static bool
race_recovery(struct crew *c)
{
    if (!run_race(c))
        return false;
    c->deaths++;
    return crew_finish(c, 1u << 2);
}

/* Both workers live. */
static bool
race_worker(struct crew *c)
{
    if (!run_race(c))
        return false;
    crew_reopen(c, 1);
    return crew_finish(c, 1u << 1 | 1u << 2);
}

static void
start_race(const struct image *from, const struct scenario *s, uint64_t at, uint32_t stride,
           void (*run)(struct job *j), bool (*fn)(struct crew *c), const char *name)
{
    struct crew c;
    uint32_t woken = spy->woken;
    image_put(from, &nested_arena);
    image_take(nested_bench.image, &nested_arena);
    crew_open(&c, &nested_arena, s);
    struct job j = {s, &nested_arena, &c, run};
    memset(spy->complaint, 0, sizeof spy->complaint);
    race.pid = process_start(&j);
    race.last = 1;
    race.steps = 0;
    race.stride = stride;
    bool fine = crew_guard(&c, fn);
    ++step_total.nested_checks;
    if (!fine)
        step_failed(s, name, c.why, at, 0);
    process_end(race.pid);
    spy->woken = woken;
    crew_close(&c);
    step_total.nested_runs++;
}

void
nested_race(const struct image *from, const struct scenario *s, uint32_t stride,
            void (*run)(struct job *j))
{
    start_race(from, s, 0, stride, run, race_worker, "both work");
}

void
nested_if_due(const struct scenario *s, const struct image *image, uint64_t at, double *left)
{
    static uint64_t n;
    if (!step_option.nested || *left <= 0 || n++ % step_option.nested)
        return;
    double begin = step_seconds();
    step_recovery(image, s, at, false);
    start_race(image, s, at, 1, run_recover, race_recovery, "recovered while the other works");
    if (n / step_option.nested % 4 == 0)
        step_recovery(image, s, at, true);
    *left -= step_seconds() - begin;
}
