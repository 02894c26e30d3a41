#include "store/lock.h"

#include <errno.h>
#include <time.h>

#include "memory/self.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/hash.h"
#include "base/parent_death.h"

enum {
    SPIN_PAUSES = 64,            /* the longest time between two looks before sleeping */
    LOOK_NS = 100 * 1000 * 1000, /* how often a sleeper looks for a circle */
    CIRCLE_MAX = 64,             /* longest circle that is looked for */
};

static uint32_t
owner_word(const struct self *self)
{
    return self->me + 1;
}

/* The slot that holds a lock; UINT32_MAX: nobody. */
static uint32_t
holder(uint32_t word)
{
    return (word & ~LOCK_WAITERS) - 1;
}

bool
lock_held(const struct self *self, const uint32_t *word)
{
    return holder(atom_peek(word)) == self->me;
}

/* A mark of the circle of waits that starts and ends at self: who waits, and for the
 * how-many-th time; 0: there is none, or self is not the one to give up. */
static uint64_t
circle(const struct self *self)
{
    const struct arena *a = self->arena;
    uint64_t mark = 1;
    uint32_t k = self->me, highest = k;
    for (int i = 0; i < CIRCLE_MAX; i++) {
        const struct slot *s = slot_at(a, k);
        uint64_t at = atom_load(&s->waits_for);
        if (!at)
            return 0;
        mark = hash_mix(mark + k, atom_load(&s->wait_seq));
        k = holder(atom_load((uint32_t *)arena_at(a, at)));
        if (k == self->me)
            return highest == self->me ? mark | 1 : 0;
        if (k >= ARENA_SLOTS)
            return 0;
        if (k > highest)
            highest = k;
    }
    return 0;
}

static bool
try_take(struct self *self, uint32_t *word, uint32_t with)
{
    uint32_t free = 0;
    /* acquire: what the last holder wrote; pairs with the release below. */
    return atom_peek(word) == 0 && atom_cas(word, &free, owner_word(self) | with);
}

/* Sleeps until the word may be free, or LOOK_NS, or the deadline. */
static void
sleep_on(uint32_t *word, uint64_t deadline, uint64_t now)
{
    uint32_t seen = atom_peek(word);
    if (!seen)
        return;
    if (!(seen & LOCK_WAITERS) && !atom_cas(word, &seen, seen | LOCK_WAITERS))
        return;
    uint64_t ns = deadline - now < LOOK_NS ? deadline - now : LOOK_NS;
    struct timespec t = {0, (long)ns};
    futex_wait(word, seen | LOCK_WAITERS, &t);
}

/* Whoever woke us meant a waiter that stays: pass it on. */
static int
give_up(uint32_t *word, int err)
{
    futex_wake(word, 1);
    return err;
}

static int
take_slowly(struct self *self, uint32_t *word, uint64_t deadline)
{
    uint64_t seen = 0, next_look = clock_ns() + LOOK_NS;
    for (;;) {
        /* Others may sleep too: keep the mark, so that the release wakes one. */
        if (try_take(self, word, LOCK_WAITERS))
            return 0;
        uint64_t now = clock_ns();
        if (now >= deadline)
            return give_up(word, -ETIMEDOUT);
        if (now >= next_look) {
            parent_death_renew(); /* the task may have become another user */
            uint64_t is = circle(self);
            if (is && is == seen)
                return give_up(word, -ELOOP);
            seen = is;
            next_look = now + LOOK_NS;
        }
        sleep_on(word, deadline, now);
    }
}

/* Looks at it more and more seldom: who looks all the time takes the holder's cache line
 * away, and gets the lock after each short section; so it stays where it is for a while. */
static bool
spin(struct self *self, uint32_t *word)
{
    for (int pause = 1; pause <= SPIN_PAUSES; pause *= 2) {
        for (int i = 0; i < pause; i++)
            cpu_relax();
        if (try_take(self, word, 0))
            return true;
    }
    return false;
}

int
lock_take(struct self *self, uint32_t *word, double seconds)
{
    if (likely(try_take(self, word, 0)))
        return 0;
    if (lock_held(self, word))
        return -EDEADLK;
    if (seconds == 0)
        return -ETIMEDOUT;
    if (spin(self, word))
        return 0;
    struct slot *s = self->slot;
    /* 1e9 seconds are for ever. */
    uint64_t ns = seconds >= 0 && seconds <= 1e9 ? (uint64_t)(seconds * 1e9) : (uint64_t)1e18;
    self->lock_from_ns = clock_ns();
    uint64_t deadline = self->lock_from_ns + ns;
    atom_set(&s->wait_seq, s->wait_seq + 1);
    atom_store(&s->waits_for, arena_offset(self->arena, word));
    int err = take_slowly(self, word, deadline);
    atom_store(&s->waits_for, 0);
    self->lock_to_ns = clock_ns();
    self->lock_ns += self->lock_to_ns - self->lock_from_ns;
    return err;
}

bool
lock_release(struct self *self, uint32_t *word)
{
    uint32_t seen = owner_word(self);
    /* release: what was written under the lock; pairs with try_take(). Unless self is the
     * holder nothing changes: the word that goes is one that names self. */
    while (!atom_cas(word, &seen, 0)) {
        if (holder(seen) != self->me)
            return false;
    }
    if (seen & LOCK_WAITERS)
        futex_wake(word, 1);
    return true;
}

void
lock_break(struct self *self, uint32_t *word)
{
    uint32_t seen = atom_load(word);
    while (holder(seen) == self->me) {
        if (atom_cas(word, &seen, 0)) {
            futex_wake(word, ARENA_SLOTS);
            return;
        }
    }
}

void
lock_end_wait(struct self *self)
{
    struct arena *a = self->arena;
    atom_store(&self->slot->waits_for, 0);
    /* The dead one may have been woken in somebody's place. */
    for (uint32_t k = 0, n = arena_workers(a); k <= n; k++) {
        uint64_t at = atom_load(&slot_at(a, k)->waits_for);
        if (at)
            futex_wake(arena_at(a, at), ARENA_SLOTS);
    }
}
