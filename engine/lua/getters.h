/* getters: tasks of this worker that wait for a value of a queue, while the worker runs others.
 *
 *   getters_wait, then the task yields --> told that there may be a value, or its time is over
 *
 * Who is told looks again: another worker may have been faster. One is told for each value, in the
 * order in which they came; and a later one leaves those values to them.
 *
 * How a worker learns of what others put, as sleeping and waking in task/idle.h: (1) it says that
 * it has getters (slot->queue_waits) (2) full fence (3) it looks at the queue. To put: (1) the
 * value (2) full fence, the event (3) looks who has getters, and sends these SIGURG (base/nudge.h).
 * A worker that is awake looks at the event now and then; before it sleeps it looks once more, with
 * the signal blocked. What gets lost nevertheless (a death after the value) is found by a look each
 * tenth of a second. Private to the worker but for the words named here. */
#ifndef PRN_GETTERS_H
#define PRN_GETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/dict.h"
#include "worker/fiber_wait.h"

struct getter {
    struct fiber_ticket ticket; /* the first field: on_given_back() */
    struct dict *dict;
    struct getter *next, **link; /* link == NULL: it does not wait in line */
    bool told;                   /* there was a value for it, which it has not looked for yet */
};

/* getters_wait begins a wait of the running fiber. 0; 1: there is a value, nothing was begun; or
 * as fiber_wait(). */
int getters_wait(struct getter *g, struct dict *d, uint64_t due_ns, const char *what);
/* getters_forget: its wait is over, however. */
void getters_forget(struct getter *g);
/* getters_call: something was put: all workers look. Any process of the job. */
void getters_call(void);
/* getters_free: how many values a queue has beyond those for whom somebody was told. */
double getters_free(struct dict *d);
/* queue_length: how many values it has (binding_manager.c). */
double queue_length(struct dict *d);

#endif
