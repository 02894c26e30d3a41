/* sim_world: what a seed has drawn, and who lives in it: workers, a supervisor, and a
 * chance that kills them. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim.h"

#include "memory/self.h"

enum { WAITING_MAX = 1024 };

/* When are workers killed? */
enum aim {
    AIM_ANY = 0,
    AIM_COMMIT, /* while phase is COMMIT */
    AIM_DICT,   /* while tx is open, committed or applied */
    AIM_MEMORY, /* while it takes memory */
    AIM_IDLE,   /* while it looks for work, sleeps, or was woken up */
    AIM_ACTIVE, /* between claim and commit */
    AIM_LOCK,   /* while it waits for a lock */
    AIMS,
};

struct world {
    struct arena arena;
    struct self super;
    struct self workers[SIM_WORKERS + 1]; /* by slot */
    uint32_t n;
    uint32_t kills_left, kill_one_in;
    bool kill_at_stores; /* else at any step */
    uint32_t tree_kills_left, tree_kill_one_in;
    bool tree_kill_late; /* only while the supervisor repairs something */
    bool repairing;
    enum aim aim;
    uint32_t recycle_one_in; /* tasks; 0: never */
    uint32_t refuse_one_in;  /* forks, while there are other workers; 0: never */
    uint64_t first_point;
    bool ended_seen[SIM_WORKERS + 1]; /* reaped */
    bool poked;
    struct waiting {
        uint32_t task;
        uint64_t word, until_ns;
        bool alone; /* it then runs while no other starts */
    } waiting[WAITING_MAX];
    uint32_t nwaiting;
    uint64_t alone_until;
    uint32_t starve_one_in, innocent_one_in; /* deaths; 0: never */
    bool done_seen;
    uint32_t limit;     /* slots 1..limit shall have a worker */
    uint32_t pool_left; /* changes of it, and pauses, still to come */
    uint64_t pool_at;   /* when the next one does */
    bool paused;
};

extern struct world world;

struct sim_total {
    uint64_t seeds, failed, deaths, rolled_back, recycled, longest;
    uint64_t phases[3], parks, steals, trees;
};

extern struct sim_total total;

/* world_start starts a process for slot k. */
void world_start(uint32_t k);
/* world_supervisor is what coroutine 0 does. */
void world_supervisor(uint32_t me);
/* world_must_look: is there something for the supervisor to do? */
bool world_must_look(void);
/* Between two steps: perhaps a worker dies, or the whole tree. */
void world_maybe_kill(void);
void world_maybe_kill_tree(void);
/* world_check_state: what --resume looks at before it believes a file; for when nobody lives. */
void world_check_state(void);

#endif
