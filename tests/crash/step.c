/* step: the scenarios, one after another, and what came of them (step.h). */
#include "step_run.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { FAILURES_SHOWN = 5 };

struct step_total step_total;
struct step_option step_option = {.seconds = 1e9};

double
step_seconds(void)
{
    return (double)clock_ns() / 1e9;
}

/* ---- one scenario ---- */

static struct bench bench;
static uint32_t failures_of_scenario;

void
step_failed(const struct scenario *s, const char *check, const char *why, uint64_t at, pid_t pid)
{
    char place[256];
    step_total.failures++;
    if (++failures_of_scenario > FAILURES_SHOWN)
        return;
    if (pid)
        process_place(pid, place, sizeof place);
    else
        snprintf(place, sizeof place, "the end");
    printf("FAILED %s: %s: %s; instruction %lu, before %s\n", s->name, check, why,
           (unsigned long)at, place);
    fflush(stdout);
    if (step_option.first)
        exit(1);
}

static void
run_act(struct job *j)
{
    struct self *self = &j->crew->self[1];
    if (j->scenario->past)
        j->scenario->past(self);
    process_ready();
    j->scenario->act(self);
}

static bool
rouse(struct crew *c)
{
    if (c->scenario->rouse)
        c->scenario->rouse(&c->self[2]);
    return !spy->asleep;
}

static void
step_worker(struct job *j)
{
    const struct scenario *s = j->scenario;
    double left = step_option.seconds;
    int status, r;
    pid_t pid = process_start(j);
    for (uint64_t n = 0; (r = process_step(pid, &status)) > 0; n++) {
        step_total.steps++;
        if (n > STEPS_MAX) {
            step_failed(s, "live", "the worker does not come to an end", n, pid);
            break;
        }
        /* It sleeps: somebody has to get it up. */
        if (spy->asleep && !crew_guard(j->crew, rouse)) {
            step_failed(s, "live", "the worker sleeps for ever", n, pid);
            break;
        }
        if (!image_changed(bench.image, j->arena))
            continue;
        image_take(bench.image, j->arena);
        step_total.images++;
        if (process_copies(pid))
            continue;
        try_all(&bench, s, n, pid);
        nested_if_due(s, bench.image, n, &left);
    }
    if (r < 0)
        step_failed(s, "live", WIFEXITED(status) ? spy->complaint : "the worker crashed",
                    step_total.steps, WIFEXITED(status) ? 0 : pid);
    process_end(pid);
}

static bool
plan_job(struct crew *c)
{
    c->scenario->plan(c->self);
    return true;
}

/* What the job computes when nobody dies. */
static bool
undisturbed(struct crew *c)
{
    return crew_finish(c, 1u << 2);
}

static bool
undisturbed_both(struct crew *c)
{
    return crew_finish(c, 1u << 1 | 1u << 2);
}

static char first_answer[STEP_TEXT];

static bool
note_answer(struct crew *c)
{
    while (crew_work(c, 2, 1))
        ;
    check_answer(&c->self[0], first_answer);
    return true;
}

static void
run_scenario(const struct scenario *given)
{
    struct scenario s = *given;
    struct arena live;
    struct crew c;
    double begin = step_seconds();
    uint64_t steps = step_total.steps, images = step_total.images, failures = step_total.failures;
    ops_now = &s;
    failures_of_scenario = 0;
    spy->woken = 0;
    image_arena(&live, s.spill);
    image_arena(&bench.arena, s.spill);
    nested_begin(s.spill);

    crew_open(&c, &live, &s);
    if (!crew_guard(&c, plan_job))
        step_failed(&s, "plan", c.why, 0, 0);
    crew_close(&c);
    image_take(bench.image, &live);
    if (!s.answer && !s.fits) {
        (void)try_one(&bench, &s, "nobody dies", note_answer, 0, 0);
        s.answer = first_answer;
    }
    if (s.sleeper)
        spy->woken = 1;
    (void)try_one(&bench, &s, "nobody dies", undisturbed, 0, 0);
    (void)try_one(&bench, &s, "nobody dies", undisturbed_both, 0, 0);
    spy->woken = 0;

    static const uint32_t strides[] = {1, 2, 5, 13};
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++)
        nested_race(bench.image, &s, strides[i], run_act);

    crew_open(&c, &live, &s);
    struct job j = {&s, &live, &c, run_act};
    step_worker(&j);
    crew_close(&c);
    arena_close(&live);
    arena_close(&bench.arena);
    nested_end();
    if (step_option.verbose)
        printf("%-16s %7lu instructions %6lu images %5lu failures %6.2f s\n", s.name,
               (unsigned long)(step_total.steps - steps),
               (unsigned long)(step_total.images - images),
               (unsigned long)(step_total.failures - failures), step_seconds() - begin);
    fflush(stdout);
}

/* ---- all of them ---- */

/* Parent and child take turns: on one CPU that is quicker. */
static void
stay_here(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)sched_getcpu(), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void
usage(void)
{
    fputs("usage: step [-v] [-1] [-n EVERY] [-t SECONDS] [WORD...]\n"
          "  -v          a line for each scenario\n"
          "  -1          the first failure is enough\n"
          "  -n EVERY    one image in EVERY is given to the nested stepper (0: none)\n"
          "  -t SECONDS  that it may take for each scenario\n"
          "  WORD        only scenarios with one in their name; WORD=: with that name\n",
          stderr);
    exit(2);
}

static bool
chosen(const char *name)
{
    for (char **word = step_option.words; *word; word++) {
        size_t len = strlen(*word);
        bool whole = len && (*word)[len - 1] == '=';
        if (whole ? strlen(name) == len - 1 && memcmp(name, *word, len - 1) == 0
                  : strstr(name, *word) != NULL)
            return true;
    }
    return !step_option.words[0];
}

static uint32_t
run_chosen(const struct scenario_set *set)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!chosen(set->all[i].name))
            continue;
        run_scenario(&set->all[i]);
        n++;
    }
    return n;
}

static void
read_options(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "v1n:t:")) != -1) {
        switch (c) {
        case 'v':
            step_option.verbose = true;
            break;
        case '1':
            step_option.first = true;
            break;
        case 'n':
            step_option.nested = (uint32_t)atoi(optarg);
            break;
        case 't':
            step_option.seconds = atof(optarg);
            break;
        default:
            usage();
        }
    }
    step_option.words = argv + optind;
}

int
main(int argc, char **argv)
{
    uint32_t scenarios = 0;
    double begin = step_seconds();
    read_options(argc, argv);
    stay_here();
    spy = mmap(NULL, sizeof *spy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (spy == MAP_FAILED)
        return 2;
    bench = (struct bench){.image = image_new(), .checks = &step_total.checks};
    nested_open();
    if (!process_can_step()) {
        printf("not ok 1 # SKIP nothing can be single-stepped here\n");
        return 0;
    }
    ops_open();
    crew_watch();
    for (uint32_t i = 0; i < OPS_SETS; i++)
        scenarios += run_chosen(ops_sets[i]);
    printf("step: %u scenarios, %lu instructions, %lu images, %lu checks; nested: %lu "
           "recoveries, %lu instructions, %lu images, %lu checks; %lu failures; %.1f s\n",
           scenarios, (unsigned long)step_total.steps, (unsigned long)step_total.images,
           (unsigned long)step_total.checks, (unsigned long)step_total.nested_runs,
           (unsigned long)step_total.nested_steps, (unsigned long)step_total.nested_images,
           (unsigned long)step_total.nested_checks, (unsigned long)step_total.failures,
           step_seconds() - begin);
    return step_total.failures || !scenarios;
}
