/* growth: workers are started when there is work for them.
 *
 * At first one for each CPU. When a task is ready and no worker sleeps, the supervisor looks
 * what the workers do:
 *
 *   most of them wait (for a disk, a server, a program)   as many again, a millisecond later
 *                                                         again: 2, 4, 8, ... up to -n
 *   they compute                                          one more each 20 ms, so that tasks
 *                                                         which take long get their -n
 *   some were just started, and have not come to a task   none, for a second: they may be enough
 *
 * As long as no task waits nobody looks: a process that makes a task ready while no worker sleeps
 * tells (idle_want_more() in idle.h). A look reads /proc/PID/stat of 32 workers at most.
 *
 * supervisor.c calls growth_tick() in each turn. All of this is private to the supervisor. */
#ifndef PRN_GROWTH_H
#define PRN_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/* growth_open: the first workers are about to be forked. */
void growth_open(void);
/* growth_tick plans more workers if that is of use; spawn_tick() forks them. */
void growth_tick(void);
/* growth_due: when to look next (ns); CLOCK_NEVER: when somebody tells. */
uint64_t growth_due(void);

/* What a look has found, while a task is ready that no worker sleeps to take. */
struct growth_look {
    uint32_t workers, room; /* how many there are; how many more there may be */
    bool coming;            /* some have not come to a task yet */
    bool waiting;           /* most of them wait */
    uint64_t waited_ns;     /* since then, or since the last ones were added */
};

/* growth_more: how many to add. */
uint32_t growth_more(const struct growth_look *l);

#endif
