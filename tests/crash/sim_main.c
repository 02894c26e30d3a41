/* sim: whole jobs in one process, each step chosen by a seed, workers killed at
 * any step. The modules are the engine's own (sim.h tells how).
 *
 *   sim [-q] [-1] [-n COUNT] [-f FIRST]   runs COUNT seeds from FIRST on; -q says less;
 *                    -1: the first failure is enough
 *   sim [-v] SEED                    runs one again; -v tells its story
 *
 * A seed fails if the job ends too early or never, if all sleep while work is
 * left, if the answer is wrong by one, or if anything is still held afterwards.
 * Failing seeds are printed; the exit status is 1 then. */
#include "sim_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/chunk.h"
#include "store/names.h"
#include "task/idle.h"
#include "task/pool.h"
#include "task/section.h"
#include "task/queue.h"
#include "task/task.h"

enum {
    POINTS_MAX = 8 * 1000 * 1000, /* a seed that needs more hangs */
    FAILURES_MAX = 5,             /* then it is enough */
};

static struct arena_header new_head; /* as it was when the arena was new */

static uint64_t seed_now;

/* ---- one seed ---- */

static void
clean_units(struct arena *a, uint32_t from)
{
    uint32_t u = from;
    while (u < a->units && a->table[u])
        u += (uint32_t)(a->table[u] >> 32);
    memset(arena_at(a, arena_unit_offset(a, from)), 0, (size_t)(u - from) * ARENA_UNIT);
    memset(a->table + from, 0, (size_t)(u - from) * sizeof a->table[0]);
}

/* What the last seed has used of the arena is made new. */
static void
clean(struct arena *a)
{
    clean_units(a, 0);
    clean_units(a, a->spill_unit);
    memset(slot_at(a, 0), 0, (SIM_WORKERS + 1) * sizeof(struct slot));
    memset(arena_at(a, a->names_at), 0, ARENA_NAMES * sizeof(struct name));
    *a->header = new_head;
}

static void
draw(void)
{
    static const uint32_t one_in[] = {3, 10, 30, 100, 300, 1000, 3000};
    world.n = 2 + sim_dice(SIM_WORKERS - 1);
    world.kills_left = sim_dice(sim_dice(4) ? 4 : 10);
    world.kill_one_in = one_in[sim_dice(7)];
    world.kill_at_stores = sim_dice(2);
    world.tree_kills_left = sim_dice(5) ? 0 : 1 + sim_dice(3);
    world.tree_kill_late = sim_dice(2);
    world.tree_kill_one_in = one_in[world.tree_kill_late ? sim_dice(5) : 2 + sim_dice(5)];
    world.aim = sim_dice(3) == 0 ? AIM_ANY : (enum aim)sim_dice(AIMS);
    world.recycle_one_in = sim_dice(4) ? 0 : 2 + sim_dice(10);
    world.innocent_one_in = sim_dice(3) ? 0 : 2 + sim_dice(3);
    world.starve_one_in = sim_dice(3) ? 0 : 1 + sim_dice(4);
    idle_spin_ok = sim_dice(5) == 0;
    if (sim_dice(4) == 0) /* the rest comes from the spill */
        world.arena.header->budget_units = sim_dice(60);
    job_draw(world.n);
    /* Patients need all workers but one; a refused slot is not tried again. */
    bool resized = !job_patients() && sim_dice(2);
    world.refuse_one_in = job_patients() || resized ? 0 : sim_dice(4);
    world.pool_left = resized ? 1 + sim_dice(20) : 0;
    world.limit = resized ? 1 + sim_dice(world.n) : world.n;
    world.pool_at = sim_dice(50000);
    world.paused = false;
}

static void
set_up(uint64_t seed)
{
    sim_begin(seed);
    clean(&world.arena);
    world.arena.sums = seed % 2; /* as under --state */
    draw();
    sim_say("seed %llu: %u workers, %u kills (aim %d, one in %u), %s; slice %u, late %u of 1/%u",
            (unsigned long long)seed, world.n, world.kills_left, world.aim, world.kill_one_in,
            job_describe(), sim_policy.slice, sim_policy.late, sim_policy.drain);
    world.nwaiting = 0;
    world.poked = world.done_seen = world.repairing = false;
    world.first_point = sim_points;
    self_slot_init(&world.arena, 0);
    if (pool_open(&world.arena, world.limit))
        abort();
    pool_limit(&world.arena, world.limit);
    section_close(&world.super);
    self_close(&world.super);
    if (self_open(&world.super, &world.arena, 0, world.n + 1))
        abort();
    world.super.lifo = job_lifo();
    job_begin(&world.super);
    if (queue_deal(&world.super, world.limit) || queue_reserve(&world.super, 4 * world.n))
        sim_fail("queue_deal");
    for (uint32_t k = 1; k <= world.n; k++)
        world.ended_seen[k] = true;
    for (uint32_t k = 1; k <= world.limit; k++)
        world_start(k);
    sim_spawn(0, world_supervisor);
}

/* Is anything left when somebody says that all is done? */
static void
look_for_work(void *arg, uint32_t index)
{
    struct arena *a = arg;
    uint64_t word = task_at(a, index)->word;
    switch (task_state(word)) {
    case TASK_READY:
    case TASK_WAIT:
        sim_fail("ended too early: task %u is in state %d", index, task_state(word));
        break;
    case TASK_RUN:
        if (slot_at(a, task_worker(word))->phase != PHASE_COMMIT)
            sim_fail("ended too early: task %u runs", index);
        break;
    default:
        break;
    }
}

static void
check_end(void)
{
    if (world.done_seen || world.arena.header->mode != ARENA_DONE)
        return;
    world.done_seen = true;
    sim_say("all is done");
    for (uint32_t k = 0; k <= world.n; k++)
        slab_each(&world.arena, k, SLAB_TASK, look_for_work, &world.arena);
}

static bool
all_ended(void)
{
    return sim_state(0) == SIM_ENDED; /* the supervisor leaves last */
}

static void
say_task(void *arg, uint32_t index)
{
    struct arena *a = arg;
    uint64_t word = task_at(a, index)->word;
    if (task_state(word) != TASK_FREE)
        sim_say("task %u is in state %d, worker %u, attempt %u", index, task_state(word),
                task_worker(word), task_attempt(word));
}

static void
say_hang(void)
{
    char text[400];
    int at = 0;
    for (uint32_t k = 0; k <= world.n; k++) {
        struct slot *s = slot_at(&world.arena, k);
        at += snprintf(text + at, sizeof text - (size_t)at,
                       " [%u: phase %u park %u ring %llu..%llu posted %llu finished %llu]", k,
                       s->phase, s->park, (unsigned long long)s->head,
                       (unsigned long long)s->tail, (unsigned long long)s->posted,
                       (unsigned long long)s->finished);
        slab_each(&world.arena, k, SLAB_TASK, say_task, &world.arena);
    }
    sim_fail("all sleep and work is left:%s", text);
}

static void
run_seed(uint64_t seed)
{
    seed_now = seed;
    set_up(seed);
    while (!sim_failed() && !all_ended()) {
        if (sim_points - world.first_point > POINTS_MAX) {
            sim_fail("no end after %d steps", POINTS_MAX);
            break;
        }
        world_maybe_kill();
        world_maybe_kill_tree();
        if (world_must_look())
            sim_rouse(0);
        if (!sim_step() && !sim_failed() && !world_must_look() &&
            !job_go_on(&world.super))
            say_hang();
        check_end();
    }
    if (!sim_failed())
        world_check_state();
    if (!sim_failed())
        job_check(&world.super);
}

static void
count(uint64_t seed)
{
    uint64_t points = sim_points - world.first_point;
    total.seeds++;
    if (points > total.longest)
        total.longest = points;
    for (uint32_t k = 1; k <= world.n; k++) {
        total.parks += slot_at(&world.arena, k)->parks;
        total.steals += slot_at(&world.arena, k)->steals;
    }
    if (sim_failed()) {
        total.failed++;
        printf("seed %llu: %s\n  (%u workers, %s)\n", (unsigned long long)seed, sim_failed(),
               world.n, job_describe());
        fflush(stdout);
    }
}

static void
say_total(uint64_t first, bool quiet)
{
    typedef unsigned long long ull;
    printf("sim: %llu seeds from %llu, %llu failed; %llu deaths, %llu of the whole tree; %llu "
           "switch points\n",
           (ull)total.seeds, (ull)first, (ull)total.failed, (ull)total.deaths, (ull)total.trees,
           (ull)sim_points);
    if (quiet)
        return;
    printf("     dead while idle %llu, active %llu, in a commit %llu; %llu tasks rolled back, %llu "
           "workers recycled\n",
           (ull)total.phases[0], (ull)total.phases[1], (ull)total.phases[2],
           (ull)total.rolled_back, (ull)total.recycled);
    printf("     %llu parks, %llu steals; %llu switches, %llu points a seed at most\n",
           (ull)total.parks, (ull)total.steals, (ull)sim_switches, (ull)total.longest);
}

/* ENSURE() and its like: at least say which seed it was. */
static void
crashed(int signal)
{
    char text[80];
    int len = snprintf(text, sizeof text, "seed %llu: signal %d\n", (unsigned long long)seed_now,
                       signal);
    (void)!write(STDOUT_FILENO, text, (size_t)len);
    _exit(1);
}

static void
catch_crashes(void)
{
    static char stack[64 << 10];
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    sigaltstack(&s, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
}

/* The second half of the heap plays the spill: only chunk.c can tell. */
static void
open_arena(void)
{
    struct arena *a = &world.arena;
    if (arena_open(a, ARENA_BYTES_MIN))
        abort();
    a->spill_fd = a->fd;
    a->spill_unit = a->units / 2;
    a->header->spill_hint = a->spill_unit;
    arena_budget(a, 0);
    new_head = *a->header;
}

static int
usage(void)
{
    fprintf(stderr, "usage: sim [-q] [-1] [-n COUNT] [-f FIRST] | sim [-v] SEED\n");
    return 2;
}

int
main(int argc, char **argv)
{
    uint64_t count_of = 500, first = 1;
    uint64_t enough = FAILURES_MAX;
    bool quiet = false;
    int opt;
    while ((opt = getopt(argc, argv, "vq1n:f:")) != -1) {
        if (opt == 'v')
            sim_verbose = true;
        else if (opt == 'q')
            quiet = true;
        else if (opt == '1')
            enough = 1;
        else if (opt == 'n')
            count_of = strtoull(optarg, NULL, 10);
        else if (opt == 'f')
            first = strtoull(optarg, NULL, 10);
        else
            return usage();
    }
    if (optind < argc) {
        first = strtoull(argv[optind], NULL, 10);
        count_of = 1;
    }
    catch_crashes();
    open_arena();
    for (uint64_t seed = first; seed < first + count_of && total.failed < enough; seed++) {
        run_seed(seed);
        count(seed);
    }
    say_total(first, quiet);
    return total.failed != 0;
}
