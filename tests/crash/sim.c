/* sim: who lives in the simulated job: workers and a supervisor, who do what run.c and
 * engine/supervisor do, without Lua and fork; and how they are killed. The seeds: sim_main.c. */
#include "sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "job/state_check.h"
#include "store/names.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/pool.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/section.h"
#include "task/task.h"
#include "task/wait_list.h"

enum {
    TICK_NS = 1000 * 1000,
    ALONE_MAX_NS = 10 * TICK_NS, /* it may wait for others: then they start again */
};

struct world world;
struct sim_total total;

/* ---- a worker ---- */

void
sim_poke(void)
{
    sim_fence(); /* a system call */
    world.poked = true;
    sim_rouse(0);
}

static void
worker(uint32_t k)
{
    struct self *self = &world.workers[k];
    bool naps = sim_dice(2);
    if (naps)
        atom_store(&self->slot->waker_pid, k + 1);
    job_open(self);
    uint32_t *mode = &world.arena.header->mode;
    uint64_t *gate = &world.arena.header->gate;
    while (atom_load(mode) == ARENA_RUN) {
        bool claimed = atom_load(gate) ? idle_look(self) : queue_take(self) || queue_steal(self);
        if (!claimed && !(naps ? idle_wait_with(self, sim_nap, NULL) : idle_wait(self))) {
            if (gate_surplus(self)) {
                atom_store(&self->slot->exit_reason, REASON_SURPLUS);
                return;
            }
            continue;
        }
        if (job_run(self))
            sim_poke();
        if (sim_one_in(world.recycle_one_in)) {
            atom_store(&self->slot->exit_reason, REASON_RECYCLE);
            return;
        }
    }
    atom_store(&self->slot->exit_reason, REASON_DONE);
}

void
world_start(uint32_t k)
{
    struct self *self = &world.workers[k];
    section_close(self);
    self_close(self);
    sim_reap(0); /* fork */
    uint32_t nslots = arena_workers(&world.arena) + 1;
    *self = world.super; /* what the supervisor's process has, the new one has, too ... */
    slot_at(&world.arena, k)->exit_reason = REASON_NONE;
    if (self_open(self, &world.arena, k, nslots)) /* ... until here */
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
    if (task_state(word) != TASK_WAIT)
        sim_fail("task %u is to wait and does not", task);
    add_waiting((struct waiting){task, word, r ? r->until_ns : 0, false});
}

static void
collect_waiting(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        struct slot *s = slot_at(&world.arena, k);
        uint32_t first = wait_list_first(&world.arena, s);
        if (!first || !wait_list_take(s, first))
            continue;
        for (uint32_t t = first; t; t = wait_list_next(&world.arena, t))
            note_waiting(t);
    }
}

/* From WAIT to READY. Room for the hint is there. */
static void
make_ready(const struct waiting *w)
{
    uint64_t word = w->word;
    if (!atom_cas(&task_at(&world.arena, w->task)->word, &word,
                  task_word(word >> 32, task_attempt(word), 0, TASK_READY)))
        sim_fail("task %u waits no more", w->task);
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
    uint32_t cur = recover_suspect(&world.arena, k);
    enum recover_how how = sim_one_in(world.innocent_one_in) ? RECOVER_UNCOUNTED
                           : sim_one_in(world.starve_one_in) ? RECOVER_WAIT
                                                             : RECOVER_COUNTED;
    job_died(k);
    total.deaths++;
    total.phases[phase_number(slot_at(&world.arena, k)->phase)]++;
    sim_say("recovers slot %u, phase %u", k, slot_at(&world.arena, k)->phase);
    world.repairing = true;
    for (;;) {
        if (self_open(&dead, &world.arena, k, 1))
            abort();
        int err = recover(&dead, &world.super, cur ? job_max_crashes(&world.arena, cur) : 255,
                          how, &r);
        self_close(&dead);
        if (!err)
            break;
        idle_end_alone(&world.arena); /* it may be this one: the others make room */
        sim_sleep(sim_now_ns() + TICK_NS);
    }
    world.repairing = false;
    total.rolled_back += r.task && !r.quarantined;
    if (r.task && !r.quarantined && how == RECOVER_WAIT) {
        uint64_t word = atom_load(&task_at(&world.arena, r.task)->word);
        add_waiting((struct waiting){r.task, word, sim_now_ns() + sim_dice(3) * 50000, true});
    }
    if (r.quarantined)
        job_reported(&world.arena, r.task);
    if (!job_over() && k <= world.limit && !is_refused(k))
        world_start(k);
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
        uint32_t reason = slot_at(&world.arena, k)->exit_reason;
        if (s == SIM_ENDED && (reason == REASON_RECYCLE || reason == REASON_SURPLUS)) {
            total.recycled++;
            idle_wake_all(&world.arena);
            if (!job_over() && k <= world.limit)
                world_start(k);
        } else if (reason == REASON_NONE) {
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

bool
world_must_look(void)
{
    for (uint32_t k = 1; k <= world.n; k++) {
        enum sim_state s = sim_state(k);
        if (!world.ended_seen[k] && (s == SIM_KILLED || s == SIM_ENDED))
            return true;
    }
    return world.poked;
}

/* As spawn_resize() does it. */
static void
set_pool(uint32_t n)
{
    if (pool_open(&world.arena, n))
        abort();
    pool_limit(&world.arena, n);
    world.limit = n;
    sim_say("wants %u workers", n);
    for (uint32_t k = 1; k <= n; k++) {
        if (world.ended_seen[k])
            world_start(k);
    }
}

static void
settle_pool(void)
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
change_pool(uint64_t due)
{
    if (job_over() || (!world.pool_left && !world.paused))
        return due;
    if (sim_now_ns() >= world.pool_at) {
        world.pool_at = sim_now_ns() + 1 + sim_dice(50000);
        world.pool_left -= world.pool_left != 0;
        if (world.paused) {
            gate_open(&world.arena, GATE_PAUSED);
            idle_wake_all(&world.arena);
        } else if (sim_dice(3) == 0) {
            gate_close(&world.arena, GATE_PAUSED);
        } else {
            set_pool(1 + sim_dice(world.n));
        }
        world.paused = atom_load(&world.arena.header->gate) & GATE_PAUSED;
    }
    return due && due < world.pool_at ? due : world.pool_at;
}

void
world_supervisor(uint32_t me)
{
    (void)me;
    while (somebody_lives()) {
        collect_waiting();
        settle_pool();
        uint64_t due = change_pool(wake_all_due());
        if (!world_must_look())
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

void
world_maybe_kill(void)
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

/* With --state there is no spill, nor does anybody try to take some of it. */
static bool
is_spilled(const struct arena *a)
{
    bool spilled = a->table[a->spill_unit] != 0;
    for (uint32_t k = 0; k <= world.n; k++)
        spilled |= slot_at(a, k)->chunk_intent > a->spill_unit;
    return spilled;
}

void
world_check_state(void)
{
    struct arena *a = &world.arena;
    const char *problem;
    if (!is_spilled(a) && state_check(a, &problem))
        sim_fail("state_check: %s", problem);
}

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
    section_close(&world.super);
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
    pool_limit(&world.arena, world.limit);
    for (uint32_t i = 1; i <= world.limit; i++)
        world_start(i);
    sim_say("resumed");
    world_supervisor(k);
}

void
world_maybe_kill_tree(void)
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
    world_check_state();
    job_forget_reports();
    world.poked = world.done_seen = world.repairing = false;
    sim_spawn(0, heir);
}
