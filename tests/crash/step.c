#define _GNU_SOURCE
#include "step.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/codec.h"
#include "store/dict.h"
#include "base/hash.h"
#include "task/idle.h"
#include "job/state_check.h"
#include "task/task.h"

enum {
    FAILURES_SHOWN = 5,
    STEPS_MAX = 1000 * 1000, /* of one process: more is a hang */
    COPY_FIRST = 16,         /* of one instruction's changes in a row these are looked at ... */
    COPY_EVERY = 64,         /* ... and then one in so many */
};

static struct {
    uint64_t steps, images, checks, failures;
    uint64_t nested_steps, nested_images, nested_checks, nested_runs;
} total;

static struct {
    char **words;    /* scenarios whose name has one of these in it */
    uint32_t nested; /* one image in so many is given to the nested stepper; 0: none */
    double seconds;  /* that nested stepping may take, for each scenario */
    bool verbose;
    bool first; /* the first failure is enough */
} option = {.seconds = 1e9};

static double
now_s(void)
{
    return (double)clock_ns() / 1e9;
}

/* ---- the stepped process ---- */

/* What it does, and in which arena. */
struct job {
    const struct scenario *scenario;
    struct arena *arena;
    struct crew *crew;
    void (*run)(struct job *j);
};

/* After its self is there: from here on each instruction counts. */
static void
ready(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
}

static pid_t
start(struct job *j)
{
    fflush(NULL);
    spy->asleep = 0;
    pid_t pid = fork();
    if (pid < 0) {
        perror("step: fork");
        exit(2);
    }
    if (!pid) {
        crew_stepped(j->arena);
        ops_complaint[0] = '\0';
        j->run(j);
        memcpy(spy->complaint, ops_complaint, sizeof spy->complaint);
        _exit(ops_complaint[0] ? 3 : 0);
    }
    int status;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    return pid;
}

/* One instruction. 1: done; 0: it has ended; -1: it must not have ended so. */
static int
step(pid_t pid, int *status)
{
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
        return -1;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(*status))
        return WEXITSTATUS(*status) ? -1 : 0;
    return WIFSTOPPED(*status) && WSTOPSIG(*status) == SIGTRAP ? 1 : -1;
}

/* Has this instruction changed the arena many times in a row? It copies bytes, and
 * the bytes of a copy under way are as good as each other. */
static bool
copies(pid_t pid)
{
#if defined(__x86_64__)
    static long last;
    static uint32_t in_a_row;
    long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
    in_a_row = at == last ? in_a_row + 1 : 0;
    last = at;
    return in_a_row > COPY_FIRST && in_a_row % COPY_EVERY;
#else
    (void)pid;
    return false;
#endif
}

static void
end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
}

/* Where the stepped process is. */
static void
say_place(pid_t pid, char *text, size_t n)
{
    char command[128];
    snprintf(text, n, "?");
#if defined(__x86_64__)
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, pid, 0, &r))
        return;
    snprintf(text, n, "%llx", r.rip);
    snprintf(command, sizeof command, "addr2line -s -f -e /proc/%d/exe %llx 2>/dev/null | "
                                      "tr '\\n' ' '",
             (int)getpid(), r.rip);
    FILE *f = popen(command, "r");
    if (!f)
        return;
    if (!fgets(text, (int)n, f))
        snprintf(text, n, "%llx", r.rip);
    pclose(f);
#else
    (void)pid;
    (void)command;
#endif
}

static uint32_t failures_of_scenario;

static void
failed(const struct scenario *s, const char *check, const char *why, uint64_t at, pid_t pid)
{
    char place[256];
    total.failures++;
    if (++failures_of_scenario > FAILURES_SHOWN)
        return;
    if (pid)
        say_place(pid, place, sizeof place);
    else
        snprintf(place, sizeof place, "the end");
    printf("FAILED %s: %s: %s; instruction %lu, before %s\n", s->name, check, why,
           (unsigned long)at, place);
    fflush(stdout);
    if (option.first)
        exit(1);
}

/* ---- what is tried on an image ---- */

static bool
finish_by_other(struct crew *c)
{
    return crew_recover(c) && crew_finish(c, 1u << 2);
}

static bool
finish_by_successor(struct crew *c)
{
    if (!crew_recover(c))
        return false;
    crew_reopen(c, 1);
    /* Alone, unless the other one is in the middle of a task. */
    return crew_finish(c, 1u << 1 | (c->self[2].slot->phase == PHASE_ACTIVE ? 1u << 2 : 0));
}

/* Worker 2 goes on for a while before anybody knows of the death. */
static bool
others_first(struct crew *c, uint32_t n)
{
    c->dead = true;
    bool enough = crew_work(c, 2, n) < n;
    if (c->dead && !crew_recover(c))
        return false;
    crew_reopen(c, 1);
    if (!crew_finish(c, 1u << 2 | 1u << 1))
        return false;
    return !enough || n == 0;
}

static uint32_t others_n;
static bool others_were_idle; /* fewer tasks than asked for: no need to ask for more */

static bool
finish_after_others(struct crew *c)
{
    bool fine = others_first(c, others_n);
    others_were_idle = !fine && !c->why[0];
    return fine || others_were_idle;
}

static bool
recover_twice(struct crew *c)
{
    if (!crew_recover(c) || !crew_recover(c))
        return false;
    crew_reopen(c, 1);
    return crew_finish(c, 1u << 1 | 1u << 2);
}

static bool
is_over(struct crew *c)
{
    return idle_all_done(c->arena) || atom_load(&c->arena->header->mode) == ARENA_DONE;
}

/* Nobody may ever find that all is done while a task is owed. */
static bool
never_early(struct crew *c)
{
    c->paused = true;
    for (int i = 0; i < 20; i++) {
        if (is_over(c) && check_owed(c->arena))
            return crew_fail(c, "early: counted as done after %d further tasks", i);
        if (!crew_work(c, 2, 1))
            break;
    }
    return true;
}

static bool
may_be_seen(const char *seen, const char *value)
{
    char between[STEP_TEXT + 2];
    snprintf(between, sizeof between, "|%s|", value);
    return strstr(seen, between) != NULL;
}

/* Readers take no lock: what they find is a value that was there at some time. */
static bool
readers_see(struct crew *c)
{
    struct self *self = &c->self[2];
    unsigned char text[8];
    size_t head = codec_put_string_head(text, 1), len;
    text[head] = 'k';
    struct dict_key k = {text, head + 1, hash_bytes(text, head + 1)};
    struct dict_value v;
    char value[STEP_TEXT] = "";
    if (dict_get(self, ops_dict(self), &k, &v))
        return crew_fail(c, "dict_get fails");
    if (v.present && v.is_number)
        snprintf(value, sizeof value, "%g", v.number);
    else if (v.present && (head = codec_get_string_head(v.bytes, v.len, &len)))
        snprintf(value, sizeof value, "%.*s", (int)len, (const char *)v.bytes + head);
    else if (v.present)
        snprintf(value, sizeof value, "?");
    if (!may_be_seen(c->scenario->seen, value))
        return crew_fail(c, "a reader sees k=%s", value);
    return true;
}

static bool
finish_resumed(struct crew *c)
{
    if (!crew_resume(c))
        return false;
    crew_reopen(c, 1);
    crew_reopen(c, 2);
    return crew_finish(c, 1u << 1 | 1u << 2);
}

/* What --resume looks at before it believes a file. */
static bool
state_is_sound(struct crew *c)
{
    const char *problem;
    if (c->scenario->spill)
        return true; /* with --state there is no spill */
    int err = state_check(c->arena, &problem);
    return err ? crew_fail(c, "state_check: %s", problem) : true;
}

/* The scratch arena of one depth of stepping, and what may be tried there. */
struct bench {
    struct arena arena;
    struct image *image;
    uint64_t *checks;
};

static bool
try_one(struct bench *b, const struct scenario *s, const char *name,
        bool (*fn)(struct crew *c), uint64_t at, pid_t pid)
{
    struct crew c;
    uint32_t woken = spy->woken;
    image_put(b->image, &b->arena);
    crew_open(&c, &b->arena, s);
    bool fine = crew_guard(&c, fn);
    crew_close(&c);
    spy->woken = woken;
    ++*b->checks;
    if (!fine)
        failed(s, name, c.why, at, pid);
    return fine;
}

static void
try_all(struct bench *b, const struct scenario *s, uint64_t at, pid_t pid)
{
    (void)try_one(b, s, "killed, the other goes on", finish_by_other, at, pid);
    (void)try_one(b, s, "killed, a successor goes on", finish_by_successor, at, pid);
    for (others_n = 1, others_were_idle = false; others_n <= 3 && !others_were_idle; others_n++)
        (void)try_one(b, s, "killed, others first", finish_after_others, at, pid);
    (void)try_one(b, s, "recovered twice", recover_twice, at, pid);
    (void)try_one(b, s, "paused", never_early, at, pid);
    (void)try_one(b, s, "the whole tree killed", finish_resumed, at, pid);
    (void)try_one(b, s, "state", state_is_sound, at, pid);
    if (s->seen)
        (void)try_one(b, s, "reader", readers_see, at, pid);
}

/* ---- nested: the supervisor dies too ---- */

static struct bench nested_bench;
static struct arena nested_arena;

static void
run_recover(struct job *j)
{
    struct self dead;
    if (self_open(&dead, j->arena, 1, 1))
        ops_complain("out of memory");
    ready();
    (void)crew_recover_by(j->crew, &dead);
}

static void
run_resume(struct job *j)
{
    ready();
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
    pid_t pid = start(&j);
    for (uint64_t n = 0; (r = step(pid, &status)) > 0 && n < STEPS_MAX; n++) {
        total.nested_steps++;
        if (!image_changed(nested_bench.image, &nested_arena))
            continue;
        image_take(nested_bench.image, &nested_arena);
        total.nested_images++;
        if (copies(pid))
            continue;
        snprintf(name, sizeof name, "%s of instruction %lu killed, resumed",
                 by_resume ? "resume" : "recovery", (unsigned long)at);
        (void)try_one(&nested_bench, s, name, finish_resumed, n, pid);
        (void)try_one(&nested_bench, s, "recovery: state", state_is_sound, n, pid);
        if (!by_resume) {
            snprintf(name, sizeof name, "recovery of instruction %lu paused", (unsigned long)at);
            (void)try_one(&nested_bench, s, name, never_early, n, pid);
        }
    }
    if (r < 0)
        failed(s, by_resume ? "resume" : "recovery", "crashed", at, pid);
    end(pid);
    spy->woken = woken;
    crew_close(&c);
    total.nested_runs++;
}

/* ---- worker 2 goes on while another process is stepped ---- */

static struct {
    pid_t pid;       /* who is stepped, in the nested arena */
    int last;        /* what step() said: 1 while it goes on */
    uint32_t stride; /* worker 2 has its turn after so many changes */
    uint64_t steps;
} race;

static void
race_step(void)
{
    int status;
    if (race.last <= 0)
        return;
    race.last = step(race.pid, &status);
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
        total.nested_steps++;
        if (!image_changed(image, c->arena))
            continue;
        total.nested_images++;
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
    race.pid = start(&j);
    race.last = 1;
    race.steps = 0;
    race.stride = stride;
    bool fine = crew_guard(&c, fn);
    ++total.nested_checks;
    if (!fine)
        failed(s, name, c.why, at, 0);
    end(race.pid);
    spy->woken = woken;
    crew_close(&c);
    total.nested_runs++;
}

/* ---- one scenario ---- */

static struct bench bench;

static void
run_act(struct job *j)
{
    struct self *self = &j->crew->self[1];
    if (j->scenario->past)
        j->scenario->past(self);
    ready();
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
nested_if_due(const struct scenario *s, const struct image *image, uint64_t at, double *left)
{
    static uint64_t n;
    if (!option.nested || *left <= 0 || n++ % option.nested)
        return;
    double begin = now_s();
    step_recovery(image, s, at, false);
    start_race(image, s, at, 1, run_recover, race_recovery, "recovered while the other works");
    if (n / option.nested % 4 == 0)
        step_recovery(image, s, at, true);
    *left -= now_s() - begin;
}

static void
step_worker(struct job *j)
{
    const struct scenario *s = j->scenario;
    double left = option.seconds;
    int status, r;
    pid_t pid = start(j);
    for (uint64_t n = 0; (r = step(pid, &status)) > 0; n++) {
        total.steps++;
        if (n > STEPS_MAX) {
            failed(s, "live", "the worker does not come to an end", n, pid);
            break;
        }
        /* It sleeps: somebody has to get it up. */
        if (spy->asleep && !crew_guard(j->crew, rouse)) {
            failed(s, "live", "the worker sleeps for ever", n, pid);
            break;
        }
        if (!image_changed(bench.image, j->arena))
            continue;
        image_take(bench.image, j->arena);
        total.images++;
        if (copies(pid))
            continue;
        try_all(&bench, s, n, pid);
        nested_if_due(s, bench.image, n, &left);
    }
    if (r < 0)
        failed(s, "live", WIFEXITED(status) ? spy->complaint : "the worker crashed", total.steps,
               WIFEXITED(status) ? 0 : pid);
    end(pid);
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
    double begin = now_s();
    uint64_t steps = total.steps, images = total.images, failures = total.failures;
    ops_now = &s;
    failures_of_scenario = 0;
    spy->woken = 0;
    image_arena(&live, s.spill);
    image_arena(&bench.arena, s.spill);
    image_arena(&nested_bench.arena, s.spill);
    image_arena(&nested_arena, s.spill);

    crew_open(&c, &live, &s);
    if (!crew_guard(&c, plan_job))
        failed(&s, "plan", c.why, 0, 0);
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
        start_race(bench.image, &s, 0, strides[i], run_act, race_worker, "both work");

    crew_open(&c, &live, &s);
    struct job j = {&s, &live, &c, run_act};
    step_worker(&j);
    crew_close(&c);
    arena_close(&live);
    arena_close(&bench.arena);
    arena_close(&nested_bench.arena);
    arena_close(&nested_arena);
    if (option.verbose)
        printf("%-16s %7lu instructions %6lu images %5lu failures %6.2f s\n", s.name,
               (unsigned long)(total.steps - steps), (unsigned long)(total.images - images),
               (unsigned long)(total.failures - failures), now_s() - begin);
    fflush(stdout);
}

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
    for (char **word = option.words; *word; word++) {
        size_t len = strlen(*word);
        bool whole = len && (*word)[len - 1] == '=';
        if (whole ? strlen(name) == len - 1 && memcmp(name, *word, len - 1) == 0
                  : strstr(name, *word) != NULL)
            return true;
    }
    return !option.words[0];
}

static void
look_around(struct job *j)
{
    (void)j;
    ready();
}

/* Containers may forbid it; elsewhere than here a stepped compare-and-swap of two
 * instructions would never succeed. */
static bool
can_step(void)
{
#if defined(__x86_64__)
    int status;
    struct job j = {.run = look_around};
    pid_t pid = start(&j);
    bool can = pid && step(pid, &status) == 1;
    end(pid);
    return can;
#else
    return false;
#endif
}

int
main(int argc, char **argv)
{
    int c;
    uint32_t scenarios = 0;
    double begin = now_s();
    while ((c = getopt(argc, argv, "v1n:t:")) != -1) {
        switch (c) {
        case 'v':
            option.verbose = true;
            break;
        case '1':
            option.first = true;
            break;
        case 'n':
            option.nested = (uint32_t)atoi(optarg);
            break;
        case 't':
            option.seconds = atof(optarg);
            break;
        default:
            usage();
        }
    }
    option.words = argv + optind;
    stay_here();
    spy = mmap(NULL, sizeof *spy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (spy == MAP_FAILED)
        return 2;
    bench = (struct bench){.image = image_new(), .checks = &total.checks};
    nested_bench = (struct bench){.image = image_new(), .checks = &total.nested_checks};
    if (!can_step()) {
        printf("not ok 1 # SKIP nothing can be single-stepped here\n");
        return 0;
    }
    ops_open();
    crew_watch();
    for (uint32_t i = 0; i < ops_count; i++) {
        if (chosen(ops_all[i].name)) {
            run_scenario(&ops_all[i]);
            scenarios++;
        }
    }
    printf("step: %u scenarios, %lu instructions, %lu images, %lu checks; nested: %lu "
           "recoveries, %lu instructions, %lu images, %lu checks; %lu failures; %.1f s\n",
           scenarios, (unsigned long)total.steps, (unsigned long)total.images,
           (unsigned long)total.checks, (unsigned long)total.nested_runs,
           (unsigned long)total.nested_steps, (unsigned long)total.nested_images,
           (unsigned long)total.nested_checks, (unsigned long)total.failures, now_s() - begin);
    return total.failures || !scenarios;
}
