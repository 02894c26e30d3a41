/* throttle: --load, --memfree, --delay, --nice: consideration for everything else that
 * runs on the machine. The supervisor measures a few times a second and opens and
 * closes the gate (gate.h); with --serial the one process does it before each task. */
#ifndef PRN_THROTTLE_H
#define PRN_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/arena.h"
#include "job/config.h"

struct self;

/* throttle_open sets the gate of a job that is about to start, and measures once, so that
 * nothing starts before. Clears what an earlier run has left there. */
void throttle_open(const struct config *c, struct arena *a);
/* throttle_tick does what is due and returns when to come again (ns); UINT64_MAX: when
 * something has happened. Supervisor only. */
uint64_t throttle_tick(struct self *self, uint64_t now_ns);
/* throttle_wait sleeps until one more task may be started. --serial only. */
void throttle_wait(struct arena *a);
/* throttle_be_nice gives this process the niceness of --nice, if it is not nicer yet. */
void throttle_be_nice(const struct config *c);

/* throttle_running: how many threads run or could run on this machine now, this one not
 * counted; 0: not known. Every path it opens begins with `root`: "" for the running
 * system. */
uint32_t throttle_running(const char *root);

/* What was seen of the memory so far. All 0: nothing. */
struct throttle_memory {
    uint64_t last, high; /* free at the last look; the most that ever was */
    uint64_t each;       /* what a task seems to take */
    uint32_t peak;       /* tasks that ran at a time */
    uint32_t step;       /* how many were let go last */
    bool falls;          /* it has fallen while tasks ran */
};

/* What is seen of it now. */
struct throttle_look {
    uint64_t free_bytes, wanted; /* `wanted` must stay free */
    uint32_t running, most;      /* tasks; of them, how many may start at a time */
};

/* throttle_memory_room: how many more workers may start a task before the next look. How much
 * a task takes is seen only when it runs, and some time later. So: none while too little would
 * be free in a second, if it fell as fast as since the last look; not more than fit, by what
 * those before them have taken; else one, and as long as memory does not fall twice as many as
 * before. */
uint32_t throttle_memory_room(struct throttle_memory *m, const struct throttle_look *l);

#endif
