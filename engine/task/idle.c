#include "task/idle.h"

#include "memory/self.h"
#include "base/futex.h"
#include "base/nudge.h"
#include "task/counts.h"
#include "task/gate.h"
#include "task/queue.h"
#include "task/task.h"

enum { SPIN_ROUNDS = 200,
       SIGNAL_LATE_NS = 1000000 };

bool idle_spin_ok;
void (*idle_notify)(void);

static uint32_t
words_in_use(const struct arena *a)
{
    return arena_workers(a) / 64 + 1;
}

bool
idle_any(struct self *self)
{
    uint64_t *bits = self->arena->header->idle_bits;
    for (uint32_t w = 0, n = words_in_use(self->arena); w < n; w++) {
        if (atom_peek(&bits[w]))
            return true;
    }
    return false;
}

static void
clear_bit(struct arena *a, uint32_t k)
{
    (void)atom_and(&a->header->idle_bits[k / 64], ~((uint64_t)1 << k % 64));
}

/* Wakes who sleeps, or has just lain down, whatever its flag says. */
static void
rouse(struct arena *a, struct slot *s, uint32_t how)
{
    uint32_t pid = atom_peek(&s->waker_pid);
    if (how == PARK_FUTEX) {
        futex_wake(&s->park, 1);
    } else if (pid && !nudge(pid)) {
        atom_store(&a->header->wake_refused, 1);
        idle_notify(); /* perhaps it has become another user: the supervisor may wake it */
    }
}

/* Wakes slot k if it is parked; `to_begin`: and if it may begin a task. Its bit goes first: until
 * it runs, others would look at its flag in vain; and after the CAS the bit may be that of its
 * next sleep. If that has begun meanwhile, in another way, it is woken from it: its bit is gone. */
static bool
wake_slot(struct arena *a, uint32_t k, bool to_begin)
{
    struct slot *s = slot_at(a, k);
    uint32_t parked = atom_peek(&s->park);
    if (parked == PARK_AWAKE || (to_begin && parked == PARK_FULL))
        return false;
    clear_bit(a, k);
    while (!atom_cas(&s->park, &parked, PARK_AWAKE)) {
        if (parked == PARK_AWAKE || (to_begin && parked == PARK_FULL))
            return false;
    }
    rouse(a, s, parked);
    return true;
}

static bool
wake_one(struct self *self)
{
    struct arena *a = self->arena;
    uint32_t n = words_in_use(a), first = self->me / 64;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t w = (first + i) % n;
        uint64_t bits = atom_peek(&a->header->idle_bits[w]);
        for (; bits; bits &= bits - 1) {
            uint32_t k = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (wake_slot(a, k, true))
                return true;
        }
    }
    return false;
}

/* Nobody sleeps: one more worker, perhaps. Told once; the supervisor asks anew. */
static void
ask_for_workers(struct arena *a)
{
    uint32_t asked = 1;
    if (atom_cas(&a->header->grow_asked, &asked, 0))
        idle_notify();
}

void
idle_wake(struct self *self, uint32_t n)
{
    if (!n)
        return;
    /* Pairs with the fence in idle_wait(): either we see its bit or it sees our task; and with
     * the one in idle_want_more(): either we see the wish or the supervisor sees our task. */
    atom_fence();
    if (unlikely(idle_any(self))) {
        if (wake_one(self))
            self->slot->wakes++;
    } else if (unlikely(atom_peek(&self->arena->header->grow_asked))) {
        ask_for_workers(self->arena);
    }
}

bool
idle_want_more(struct self *self)
{
    struct arena_header *head = self->arena->header;
    uint64_t gate;
    atom_store(&head->grow_asked, 1);
    /* Pairs with the fence in idle_wake(): our wish, then our look. */
    atom_fence();
    gate = atom_load(&head->gate);
    if (gate & GATE_HELD || gate_alone(gate) || idle_any(self) || !queue_any(self))
        return false;
    atom_store(&head->grow_asked, 0);
    return true;
}

/* Who cleared a park word may have died before it woke the sleeper: both kinds of sleep
 * are ended whatever the word says. */
void
idle_wake_all(struct arena *a)
{
    /* Pairs with the fence in idle_wait(): what was stored before (a mode, a task
     * given back) is seen by a worker's last look, or its flag is seen here. */
    atom_fence();
    for (uint32_t k = 1, n = arena_workers(a); k <= n; k++) {
        struct slot *s = slot_at(a, k);
        if (wake_slot(a, k, false))
            continue;
        rouse(a, s, PARK_FUTEX);
        rouse(a, s, PARK_SIGNAL);
    }
}

void
idle_wake_refused(struct arena *a)
{
    if (likely(!atom_load(&a->header->wake_refused)))
        return;
    idle_wake_all(a);
    atom_store(&a->header->wake_refused, 0); /* refused to us as well: it is gone */
}

void
idle_set_mode(struct arena *a, enum arena_mode mode)
{
    uint32_t now = atom_load(&a->header->mode);
    while (now < (uint32_t)mode && !atom_cas(&a->header->mode, &now, (uint32_t)mode))
        ;
    idle_wake_all(a);
}

#ifdef PRN_BENCH_SHARED_COUNTER
bool
idle_all_done(struct arena *a)
{
    return atom_load(&a->header->open_tasks) == 0;
}
#else
bool
idle_all_done(struct arena *a)
{
    struct counts c;
    counts_sum(a, &c);
    return c.finished == c.posted;
}
#endif

void
idle_run_alone(struct arena *a, uint32_t index)
{
    /* release: who sees it sees the task READY. Published by the hint that follows and
     * its idle_wake(). */
    (void)atom_or(&a->header->gate, (uint64_t)index);
}

/* false: somebody has ended it, or another one runs alone by now. */
static bool
end_alone(struct arena *a, uint32_t index)
{
    uint64_t gate = atom_load(&a->header->gate);
    while (gate_alone(gate) == index) {
        if (atom_cas(&a->header->gate, &gate, gate & ~(uint64_t)UINT32_MAX))
            return true;
    }
    return false;
}

void
idle_end_alone(struct arena *a)
{
    uint32_t index = gate_alone(atom_load(&a->header->gate));
    if (index && end_alone(a, index))
        idle_wake_all(a);
}

bool
idle_alone_over(struct arena *a)
{
    uint32_t index = gate_alone(atom_load(&a->header->gate));
    if (!index)
        return true;
    enum task_state state = task_state(atom_load(&task_at(a, index)->word));
    if (state == TASK_READY || state == TASK_RUN)
        return false;
    if (end_alone(a, index))
        idle_wake_all(a);
    return true;
}

/* Is there a task that self could start? Exact but for those who are faster: with a
 * permit or a turn at stake no old hint will do. */
static bool
startable(struct self *self, uint64_t gate, uint32_t alone)
{
    if (alone)
        return task_state(atom_load(&task_at(self->arena, alone)->word)) == TASK_READY;
    return !(gate & GATE_METERED) || queue_any(self);
}

/* The same as queue_look(), as far as the gate lets self. */
static bool
look_through_gate(struct self *self, uint64_t gate)
{
    uint32_t alone = idle_alone_over(self->arena) ? 0 : gate_alone(gate);
    self->turn = 0;
    bool claimed = startable(self, gate, alone) && gate_pass(self, gate) &&
                   (alone ? task_claim(self, alone) : queue_look(self));
    /* Who looked meanwhile saw the turn taken: somebody looks again. */
    if (!claimed && gate_missed(self))
        idle_wake(self, 1);
    return claimed;
}

bool
idle_look(struct self *self)
{
    uint64_t gate = atom_load(&self->arena->header->gate);
    return likely(!gate) ? queue_look(self) : look_through_gate(self, gate);
}

static void
raise_flag(struct self *self, enum park how)
{
    uint32_t awake = PARK_AWAKE;
    (void)atom_cas(&self->slot->park, &awake, (uint32_t)how);
    if (how == PARK_FULL)
        return;
    (void)atom_or(&self->arena->header->idle_bits[self->me / 64], (uint64_t)1 << self->me % 64);
}

/* true: somebody had woken us. */
static bool
lower_flag(struct self *self)
{
    uint32_t parked = atom_peek(&self->slot->park);
    bool woken = parked == PARK_AWAKE || !atom_cas(&self->slot->park, &parked, PARK_AWAKE);
    clear_bit(self->arena, self->me);
    return woken;
}

/* A task was claimed: with more work in sight, somebody else is woken. */
static void
pass_wake_on(struct self *self)
{
    if (queue_more(self))
        idle_wake(self, 1);
}

static bool
spin(struct self *self)
{
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        cpu_relax();
        if (i % 8 == 7 && idle_look(self))
            return true;
    }
    return false;
}

/* Until who has woken us has sent the signal that belongs to it: it would end some call of a task
 * early. It may have died before. */
static void
await_signal(bool came)
{
    if (!came)
        nudge_take(SIGNAL_LATE_NS);
}

/* Parks, unless there is a task to claim; sleep == NULL: on the futex. */
static bool
park(struct self *self, idle_sleep *sleep, void *arg)
{
    struct arena_header *head = self->arena->header;
    bool slept = false, came = false;
    raise_flag(self, sleep ? PARK_SIGNAL : PARK_FUTEX);
    /* Pairs with the fence in idle_wake(): our flag, then our last look. */
    atom_fence();
    bool claimed = idle_look(self);
    if (!claimed && atom_load(&head->mode) == ARENA_RUN && !gate_surplus(self)) {
        if (idle_all_done(self->arena)) {
            idle_set_mode(self->arena, ARENA_DONE);
        } else {
            self->slot->parks++;
            slept = true;
            if (sleep)
                came = sleep(arg);
            else
                futex_wait(&self->slot->park, PARK_FUTEX, NULL);
        }
    }
    bool woken = lower_flag(self);
    if (sleep && woken)
        await_signal(slept && came);
    /* The wake-up was for work that may need more than us: not left to the
     * caller, who would not pass it on. */
    if (!claimed && woken && atom_load(&head->mode) == ARENA_RUN)
        claimed = idle_look(self);
    else if (claimed && woken)
        idle_wake(self, 1); /* it was for other work than what we found before it */
    if (claimed)
        pass_wake_on(self);
    return claimed;
}

static bool
look_or_park(struct self *self, idle_sleep *sleep, void *arg)
{
    if (idle_look(self) || (idle_spin_ok && spin(self))) {
        pass_wake_on(self);
        return true;
    }
    return park(self, sleep, arg);
}

bool
idle_wait(struct self *self)
{
    return look_or_park(self, NULL, NULL);
}

bool
idle_wait_with(struct self *self, idle_sleep *sleep, void *arg)
{
    return look_or_park(self, sleep, arg);
}

void
idle_rest(struct self *self, enum arena_mode mode, idle_sleep *sleep, void *arg)
{
    bool came = false;
    raise_flag(self, PARK_FULL);
    /* Pairs with the fence in idle_wake_all(): our flag, then our look at the mode. */
    atom_fence();
    if (atom_load(&self->arena->header->mode) == (uint32_t)mode)
        came = sleep(arg);
    if (lower_flag(self))
        await_signal(came);
}

void
idle_recover(struct self *self)
{
    atom_store(&self->slot->waker_pid, 0);
    (void)lower_flag(self);
}
