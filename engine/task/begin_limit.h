/* begin_limit: how many tasks a worker may have begun at a time after a death.
 *
 * When a worker dies all that it had begun runs again. A thousand tasks begun at once in a worker
 * that is killed again and again would never end. So after a death its successor begins a few at a
 * time, one more for each that has ended; if it dies before one has ended, half as many.
 *
 * slot->begin_limit, begin_from: see layout.h. Died between the two stores: one death more or less
 * is counted, which only changes how many are begun. */
#ifndef PRN_BEGIN_LIMIT_H
#define PRN_BEGIN_LIMIT_H

#include "memory/layout.h"

enum { BEGIN_AFTER_DEATH = 16 };

/* begin_limit_of: of --concurrency `most`, how many the slot's worker may have begun. */
static inline uint32_t
begin_limit_of(const struct slot *s, uint32_t most)
{
    uint32_t limit = atom_peek(&s->begin_limit);
    return limit && limit < most ? limit : most;
}

/* begin_limit_ended: one of its tasks has ended. */
static inline void
begin_limit_ended(struct slot *s, uint32_t most)
{
    uint32_t limit = s->begin_limit;
    if (unlikely(limit))
        atom_set(&s->begin_limit, limit + 1 < most ? limit + 1 : 0);
}

/* begin_limit_died: the slot's worker has died. By the supervisor. */
static inline void
begin_limit_died(struct slot *s, uint32_t most)
{
    uint32_t now = s->begin_limit, next = BEGIN_AFTER_DEATH;
    if (now && now <= s->begin_from) /* none has ended since the last death */
        next = now > 1 ? now / 2 : 1;
    next = next < most ? next : most;
    atom_set(&s->begin_from, next);
    atom_set(&s->begin_limit, next);
}

#endif
