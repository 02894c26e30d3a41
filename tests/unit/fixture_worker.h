/* fixture_worker: processes that wait for tasks and sleep, as workers do. */
#ifndef FIXTURE_WORKER_H
#define FIXTURE_WORKER_H

#include <sys/types.h>

#include "fixture.h"

enum { WORKER_LIMIT_S = 10 }; /* a sleep that takes longer has no end */

/* worker_start makes slot k's process: it waits for work until the mode says stop; each
 * claimed task is ended. Its exit status is how many it had. */
pid_t worker_start(struct fixture *f, uint32_t k);
/* worker_ended waits for its end and returns how many tasks it had. */
int worker_ended(pid_t pid);
/* worker_until_parked waits until slot k sleeps in the kernel, as far as can be seen, and
 * has gone to sleep so often. */
void worker_until_parked(struct fixture *f, uint32_t k, uint64_t parks);

#endif
