/* lock: locks in shared memory that survive their holder's death.
 *
 *   word: 0 free | owner's slot + 1, with LOCK_WAITERS if somebody may sleep
 *
 * Taken by CAS 0 -> owner, so the word names the holder (R2) and the supervisor
 * finds out what a dead worker held by looking (recover_locks() in task/recover.c).
 * Released by CAS owner -> 0: nobody can release what another one holds, whatever it believes.
 * A waiter notes in its slot which lock it sleeps for: after a death the supervisor
 * wakes those who wait, since the wake-up may have gone to the dead one. Sleeping is a
 * futex wait; a short spin comes first.
 *
 * A waiter that has slept for a tenth of a second looks whether it waits in a
 * circle (its lock's holder waits for a lock whose holder waits ... for a lock
 * that it holds). A circle seen twice with no wait begun in between is real; the
 * waiter with the highest slot number in it gives up with -EDEADLK. No supervisor
 * is needed for that: the slots say who waits for what. */
#ifndef PRN_LOCK_H
#define PRN_LOCK_H

#include "memory/arena.h"

struct self;

#define LOCK_WAITERS 0x80000000u

/* lock_take waits until the lock is self's, at most `seconds` (< 0: for
 * ever; 0: do not wait). 0; -EDEADLK: self holds it already; -ELOOP: deadlock with
 * others; -ETIMEDOUT. */
int lock_take(struct self *self, uint32_t *word, double seconds);
/* lock_release gives it up and wakes a waiter. false, with nothing changed: self does not
 * hold it. */
bool lock_release(struct self *self, uint32_t *word);
/* lock_held: does self hold it? */
bool lock_held(const struct self *self, const uint32_t *word);
/* lock_break frees the lock if self (for a dead slot) holds it. Idempotent. */
void lock_break(struct self *self, uint32_t *word);
/* lock_end_wait: self's slot, a dead one's, waits for no lock any more; all others that
 * do are woken. Idempotent. */
void lock_end_wait(struct self *self);

#endif
