/* queue: where a slot's hints to ready tasks are, and where the next task comes
 * from. A hint is the index of a descriptor; whether the task can be taken, the
 * descriptor alone decides. Old and doubled hints are harmless.
 *
 * Only the owner writes its ring, head and tail. A thief claims one descriptor by
 * CAS and copies some further hints into its own ring; it never writes the
 * victim's. Every return of a task to READY queues a new hint. So in a FIFO ring,
 * whose positions only grow, a position once seen stale stays stale, for everybody:
 * thieves tell each other up to where (stale_to), so that each hint is looked at in
 * vain once, and not once by each of them. The owner of a LIFO ring uses positions
 * again, and a thief's last look starts at its head.
 *
 * Died halfway: taking claims first and moves `head` afterwards, so a hint is
 * never gone before its task was claimed. Growing copies first and publishes the
 * new ring by one store. */
#ifndef PRN_QUEUE_H
#define PRN_QUEUE_H

#include "memory/arena.h"

struct self;
struct slot;

/* queue_reserve makes room for n further hints, besides one for each task of self's that waits.
 * 0, -ENOSPC, -ENOMEM. */
int queue_reserve(struct self *self, uint32_t n);
/* queue_put writes a hint at position `at` (room was reserved) and moves the tail
 * behind it. Doing it twice with the same arguments is harmless. */
void queue_put(struct self *self, uint64_t at, uint32_t index);
/* queue_push reserves and puts at the tail: for single hints outside a commit. */
int queue_push(struct self *self, uint32_t index);
/* queue_take claims the next task of the own ring. false: none is ready. */
bool queue_take(struct self *self);
/* queue_steal claims a task from another slot's ring, where the last thief left
 * off. false: found none; some may be there nevertheless. */
bool queue_steal(struct self *self);
/* queue_look claims a task if any ring has one: looks at everything that was not
 * seen stale before by some thief. The last look before parking. */
bool queue_look(struct self *self);
/* queue_any: is a task READY in some ring? Looks at the tasks themselves; claims
 * nothing. Not for the hot path. */
bool queue_any(struct self *self);
/* queue_deal moves the hints of self's ring in turn into the rings of slots
 * 1..nworkers, which nobody uses yet: begin's tasks, before the fork. */
int queue_deal(struct self *self, uint32_t nworkers);
/* queue_more: may there be more to take? Looks at hints only, at those of all rings:
 * not for the hot path. */
bool queue_more(const struct self *self);

#endif
