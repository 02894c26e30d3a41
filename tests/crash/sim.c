/* sim: whole jobs in one process, each step chosen by a seed, workers killed at
 * any step. The rooms are the engine's own (sim.h tells how); workers and
 * supervisor here do what worker.c and super.c do, without Lua and fork.
 *
 *   sim [-q] [-1] [-n COUNT] [-f FIRST]   runs COUNT seeds from FIRST on; -q says less;
 *                    -1: the first failure is enough
 *   sim [-v] SEED                    runs one again; -v tells its story
 *
 * A seed fails if the job ends too early or never, if all sleep while work is
 * left, if the answer is wrong by one, or if anything is still held afterwards.
 * Failing seeds are printed; the exit status is 1 then. */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/section.h"
#include "memory/self.h"
#include "memory/block.h"
#include "memory/chunk.h"
#include "task/pool.h"
#include "task/gate.h"
#include "task/idle.h"
#include "store/names.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/resume.h"
#include "task/task.h"

enum {
    POINTS_MAX = 8 * 1000 * 1000, /* a seed that needs more hangs */
    FAILURES_MAX = 5,             /* then it is enough */
    WAITING_MAX = 1024,
    TICK_NS = 1000 * 1000,
    ALONE_MAX_NS = 10 * TICK_NS, /* it may wait for others: then they start again */
};

/* When are workers killed? */
enum aim {
    AIM_ANY = 0,
    AIM_COMMIT, /* while phase is COMMIT */
    AIM_DICT,   /* while tx is open, committed or applied */
    AIM_MEMORY, /* while it takes memory */
    AIM_IDLE,   /* while it looks for work, sleeps, or was woken up */
    AIM_ACTIVE, /* between claim and commit */
    AIM_LOCK,   /* while it waits for a lock */
    AIMS,
};

static struct {
    struct arena arena;
    struct self super;
    struct self workers[SIM_WORKERS + 1]; /* by slot */
    uint32_t n;
    uint32_t kills_left, kill_one_in;
    bool kill_at_stores; /* else at any step */
    uint32_t tree_kills_left, tree_kill_one_in;
    bool tree_kill_late; /* only while the supervisor repairs something */
    bool repairing;
    enum aim aim;
    uint32_t recycle_one_in; /* tasks; 0: never */
    uint32_t refuse_one_in;  /* forks, while there are other workers; 0: never */
    uint64_t first_point;
    bool ended_seen[SIM_WORKERS + 1]; /* reaped */
    bool poked;
    struct waiting {
        uint32_t task;
        uint64_t word, until_ns;
        bool alone; /* it then runs while no other starts */
    } waiting[WAITING_MAX];
    uint32_t nwaiting;
    uint64_t alone_until;
    uint32_t starve_one_in, innocent_one_in; /* deaths; 0: never */
    bool done_seen;
    uint32_t limit;     /* slots 1..limit shall have a worker */
    uint32_t crew_left; /* changes of it, and pauses, still to come */
    uint64_t crew_at;   /* when the next one does */
    bool paused;
} world;

static struct arena_header new_head; /* as it was when the arena was new */

static struct {
    uint64_t seeds, failed, deaths, rolled_back, recycled, longest;
    uint64_t phases[3], parks, steals, trees;
} total;

static uint64_t seed_now;

/* ---- a worker ---- */

static void
poke(void)
{
    sim_fence(); /* a system call */
    world.poked = true;
    sim_rouse(0);
}

static void
worker(uint32_t k)
{
    struct self *self = &world.workers[k];
    uint32_t *mode = &world.arena.header->mode;
    uint64_t *gate = &world.arena.header->gate;
    while (atom_load(mode) == ARENA_RUN) {
        bool claimed = atom_load(gate) ? idle_look(self) : queue_take(self) || queue_steal(self);
        if (!claimed && !idle_wait(self)) {
            if (gate_surplus(self)) {
                atom_store(&self->slot->exit_reason, REASON_SURPLUS);
                return;
            }
            continue;
        }
        if (job_run(self))
            poke();
        if (sim_one_in(world.recycle_one_in)) {
            atom_store(&self->slot->exit_reason, REASON_RECYCLE);
            return;
        }
    }
    atom_store(&self->slot->exit_reason, REASON_DONE);
}

static void
start(uint32_t k)
{
    struct self *self = &world.workers[k];
    section_close(self);
    self_close(self);
    sim_reap(0); /* fork */
    slot_at(&world.arena, k)->exit_reason = REASON_NONE;
    if (self_open(self, &world.arena, k, arena_workers(&world.arena) + 1))
        abort();
    self->lifo = job_lifo();
    self->journaling = true;
    world.ended_seen[k] = false;
    sim_spawn(k, worker);
}

/* ---- the supervisor ---- */

static bool
job_over(void)
{
    return atom_load(&world.arena.header->mode) != ARENA_RUN;
}

static void
add_waiting(struct waiting w)
{
    if (world.nwaiting == WAITING_MAX)
        sim_fail("too many tasks wait");
    world.waiting[world.nwaiting++] = w;
}

static void
note_waiting(uint32_t task)
{
    struct task *t = task_at(&world.arena, task);
    uint64_t word = atom_load(&t->word);
    struct task_record *r = task_record_of(&world.arena, t);
    if (task_state(word) == TASK_WAIT)
        add_waiting((struct waiting){task, word, r ? r->until_ns : 0, false});
}

static void
collect_waiting(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        struct slot *s = slot_at(&world.arena, k);
        uint32_t tail = atom_load(&s->wait_tail), head = s->wait_head;
        for (; head != tail; head++)
            note_waiting(s->wait_ring[head % SLOT_WAITS]);
        atom_store(&s->wait_head, head);
    }
}

/* From WAIT to READY. Room for the hint is there. */
static void
make_ready(const struct waiting *w)
{
    uint64_t word = w->word;
    if (!atom_cas(&task_at(&world.arena, w->task)->word, &word,
                  task_word(word >> 32, task_attempt(word), 0, TASK_READY)))
        return;
    if (w->alone) {
        idle_run_alone(&world.arena, w->task);
        world.alone_until = sim_now_ns() + ALONE_MAX_NS;
    }
    queue_put(&world.super, world.super.slot->tail, w->task);
    idle_wake(&world.super, 1);
}

/* When it may run: a task that shall run alone, when no other one does. */
static uint64_t
due_ns(const struct waiting *w, uint64_t now)
{
    if (w->alone && w->until_ns <= now && !idle_alone_over(&world.arena))
        return now + TICK_NS;
    return w->until_ns;
}

static void
sooner(uint64_t *next, uint64_t due)
{
    if (!*next || due < *next)
        *next = due;
}

/* Returns when there is something to do again; 0: when somebody says so. */
static uint64_t
wake_all_due(void)
{
    uint64_t now = sim_now_ns(), next = 0;
    for (uint32_t i = 0; i < world.nwaiting;) {
        uint64_t due = due_ns(&world.waiting[i], now);
        bool room = due > now || queue_reserve(&world.super, 1) == 0;
        if (due <= now && room) {
            struct waiting w = world.waiting[i];
            world.waiting[i] = world.waiting[--world.nwaiting];
            make_ready(&w);
            continue;
        }
        sooner(&next, room ? due : now + TICK_NS);
        i++;
    }
    if (!idle_alone_over(&world.arena)) {
        if (sim_now_ns() >= world.alone_until)
            idle_end_alone(&world.arena);
        else
            sooner(&next, sim_now_ns() + TICK_NS);
    }
    return next;
}

/* No process can be started: the others have to do without. */
static bool
is_refused(uint32_t k)
{
    bool others = false;
    for (uint32_t i = 1; i <= world.n; i++)
        others |= i != k && (sim_state(i) == SIM_READY || sim_state(i) == SIM_ASLEEP);
    return others && sim_one_in(world.refuse_one_in);
}

/* Repairs a dead worker's slot and starts its successor. */
static void
bury(uint32_t k)
{
    struct self dead;
    struct recovered r;
    uint32_t cur = slot_at(&world.arena, k)->cur;
    enum recover_how how = sim_one_in(world.innocent_one_in) ? RECOVER_UNCOUNTED
                           : sim_one_in(world.starve_one_in) ? RECOVER_WAIT
                                                             : RECOVER_COUNTED;
    job_died(k);
    total.deaths++;
    total.phases[slot_at(&world.arena, k)->phase]++;
    sim_say("recovers slot %u, phase %u", k, slot_at(&world.arena, k)->phase);
    world.repairing = true;
    for (;;) {
        if (self_open(&dead, &world.arena, k, 1))
            abort();
        int err = recover(&dead, &world.super, cur ? job_attempts(&world.arena, cur) : 255,
                          how, &r);
        self_close(&dead);
        if (!err)
            break;
        idle_end_alone(&world.arena); /* it may be this one: the others make room */
        sim_sleep(sim_now_ns() + TICK_NS);
    }
    world.repairing = false;
    total.rolled_back += r.task && !r.dead;
    if (r.task && !r.dead && how == RECOVER_WAIT) {
        uint64_t word = atom_load(&task_at(&world.arena, r.task)->word);
        add_waiting((struct waiting){r.task, word, sim_now_ns() + sim_dice(3) * 50000, true});
    }
    if (r.dead)
        job_reported(&world.arena, r.task);
    if (!job_over() && k <= world.limit && !is_refused(k))
        start(k);
    sim_say("recovered slot %u", k);
}

static void
reap(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        enum sim_state s = sim_state(k);
        bool gone = s == SIM_KILLED || s == SIM_ENDED;
        if (world.ended_seen[k] || !gone)
            continue;
        world.ended_seen[k] = true;
        sim_reap(k);
        uint32_t bye = slot_at(&world.arena, k)->exit_reason;
        if (s == SIM_ENDED && (bye == REASON_RECYCLE || bye == REASON_SURPLUS)) {
            total.recycled++;
            idle_wake_all(&world.arena);
            if (!job_over() && k <= world.limit)
                start(k);
        } else if (bye == REASON_NONE) {
            bury(k);
        }
    }
}

static bool
somebody_lives(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        if (!world.ended_seen[k])
            return true;
    }
    return false;
}

static bool
something_to_do(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        enum sim_state s = sim_state(k);
        if (!world.ended_seen[k] && (s == SIM_KILLED || s == SIM_ENDED))
            return true;
    }
    return world.poked;
}

/* As super.c does it. */
static void
set_crew(uint32_t n)
{
    if (pool_resize(&world.arena, n))
        abort();
    world.limit = n;
    sim_say("wants %u workers", n);
    for (uint32_t k = 1; k <= n; k++) {
        if (world.ended_seen[k])
            start(k);
    }
}

static void
settle_crew(void)
{
    uint32_t k = world.limit + 1;
    while (k <= world.n && world.ended_seen[k])
        k++;
    if (k > world.n)
        pool_settled(&world.arena);
}

/* prunner ctl: other numbers of workers, pauses, at any time. Returns when to come
 * again. */
static uint64_t
change_crew(uint64_t due)
{
    if (job_over() || (!world.crew_left && !world.paused))
        return due;
    if (sim_now_ns() >= world.crew_at) {
        world.crew_at = sim_now_ns() + 1 + sim_dice(50000);
        world.crew_left -= world.crew_left != 0;
        if (world.paused) {
            gate_open(&world.arena, GATE_PAUSED);
            idle_wake_all(&world.arena);
        } else if (sim_dice(3) == 0) {
            gate_close(&world.arena, GATE_PAUSED);
        } else {
            set_crew(1 + sim_dice(world.n));
        }
        world.paused = atom_load(&world.arena.header->gate) & GATE_PAUSED;
    }
    return due && due < world.crew_at ? due : world.crew_at;
}

static void
supervisor(uint32_t me)
{
    (void)me;
    while (somebody_lives()) {
        collect_waiting();
        settle_crew();
        uint64_t due = change_crew(wake_all_due());
        if (!something_to_do())
            sim_sleep(due);
        world.poked = false;
        reap();
    }
}

/* ---- killing ---- */

static bool
is_aimed_at(uint32_t k)
{
    struct slot *s = slot_at(&world.arena, k);
    switch (world.aim) {
    case AIM_COMMIT:
        return s->phase == PHASE_COMMIT;
    case AIM_DICT:
        return s->tx.state != 0;
    case AIM_MEMORY:
        return s->chunk_intent || s->unlinked_block;
    case AIM_IDLE:
        return s->phase == PHASE_IDLE;
    case AIM_ACTIVE:
        return s->phase == PHASE_ACTIVE;
    case AIM_LOCK:
        return s->waits_for != 0;
    default:
        return true;
    }
}

static void
kill_one(uint32_t k)
{
    world.kills_left--;
    sim_say("kills %u", k);
    sim_kill(k);
}

bool
sim_may_die(uint32_t k)
{
    if (!world.kill_at_stores || !world.kills_left || !k || !is_aimed_at(k) ||
        !sim_one_in(world.kill_one_in))
        return false;
    world.kills_left--;
    sim_say("dies");
    return true;
}

static void
maybe_kill(void)
{
    if (!world.kills_left || !sim_one_in(world.kill_one_in))
        return;
    uint32_t k = 1 + sim_dice(world.n);
    enum sim_state s = sim_state(k);
    /* Who sleeps never comes to a store. */
    if ((s == SIM_READY && !world.kill_at_stores) || s == SIM_ASLEEP) {
        if (is_aimed_at(k))
            kill_one(k);
    }
}

/* ---- the whole tree dies ---- */

static void
waits_still(void *arg, uint32_t task)
{
    (void)arg;
    note_waiting(task);
}

/* A new supervisor, given the arena as it was left. */
static void
heir(uint32_t k)
{
    sim_say("resumes");
    self_close(&world.super);
    if (self_open(&world.super, &world.arena, 0, world.n + 1))
        abort();
    world.super.lifo = job_lifo();
    world.repairing = true;
    do
        world.nwaiting = 0;
    while (resume(&world.super, waits_still, NULL));
    world.repairing = false;
    struct arena_header *h = world.arena.header;
    atom_store(&h->mode, ARENA_RUN);
    memset(h->idle_bits, 0, sizeof h->idle_bits);
    world.paused = false;
    if (pool_open(&world.arena, world.limit))
        abort();
    for (uint32_t i = 1; i <= world.limit; i++)
        start(i);
    sim_say("resumed");
    supervisor(k);
}

static void
maybe_kill_tree(void)
{
    if (!world.tree_kills_left || (world.tree_kill_late && !world.repairing) ||
        !sim_one_in(world.tree_kill_one_in))
        return;
    sim_say("kills all");
    world.tree_kills_left--;
    total.trees++;
    for (uint32_t k = 0; k <= world.n; k++) {
        sim_kill(k);
        sim_reap(k);
        job_died(k);
        world.ended_seen[k] = true;
    }
    job_forget_reports();
    world.poked = world.done_seen = world.repairing = false;
    sim_spawn(0, heir);
}

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
    bool steered = !job_patients() && sim_dice(2);
    world.refuse_one_in = job_patients() || steered ? 0 : sim_dice(4);
    world.crew_left = steered ? 1 + sim_dice(20) : 0;
    world.limit = steered ? 1 + sim_dice(world.n) : world.n;
    world.crew_at = sim_dice(50000);
    world.paused = false;
}

static void
set_up(uint64_t seed)
{
    sim_begin(seed);
    clean(&world.arena);
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
        start(k);
    sim_spawn(0, supervisor);
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
                       " [%u: phase %u park %u ring %llu..%llu posted %llu done %llu]", k,
                       s->phase, s->park, (unsigned long long)s->head,
                       (unsigned long long)s->tail, (unsigned long long)s->posted,
                       (unsigned long long)s->done);
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
        maybe_kill();
        maybe_kill_tree();
        if (something_to_do())
            sim_rouse(0);
        if (!sim_step() && !sim_failed() && !something_to_do() &&
            !job_go_on(&world.super))
            say_hang();
        check_end();
    }
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
