/* child: what the supervisor knows of its worker processes, one struct child a slot.
 *
 *                       fork()           its task is to end: killed
 *   NONE <----> WANTED --------> ALIVE -------------------------> DYING
 *    ^            ^                |                                |
 *    |            |                +---------------+----------------+
 *    |            |  ended on purpose              | waitpid()
 *    +------------+--------------------------------+
 *    |            |                                | died
 *    |            |  slot repaired                 v
 *    +------------+--------------------------- UNRECOVERED ---> GIVEN_UP
 *
 * A slot is NONE if it needs no worker: it is above the limit of workers, or the job
 * ends. A slot that needs one is WANTED until a fork succeeds. Only ALIVE and DYING have
 * a process, and `pid` is its number for that long and no longer: it is sent signals
 * only then. UNRECOVERED is reached only after waitpid (R9), and left only when recover()
 * has made the slot whole, which may have to wait for memory. GIVEN_UP is the end: a
 * worker that dies again and again before it has come to its first task is started with
 * pauses that double, and after 10 s of that not any more.
 *
 * Who calls what: spawn.c moves NONE <-> WANTED -> ALIVE, run_kill.c ALIVE -> DYING,
 * death.c all that follows. Each of them by child_become(), which knows the arrows above
 * and stops the supervisor at any other. All of this is private to the supervisor. If it
 * dies, its workers die with it, and nothing here is needed again. */
#ifndef PRN_CHILD_H
#define PRN_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum child_state {
    CHILD_NONE = 0,    /* no process, and none is wanted */
    CHILD_WANTED,      /* no process yet: to be forked */
    CHILD_ALIVE,       /* a process, as far as we know */
    CHILD_DYING,       /* a process that we have killed; waitpid has not seen it yet */
    CHILD_UNRECOVERED, /* it died, and its slot is not repaired yet */
    CHILD_GIVEN_UP,    /* it died too often: no process any more */
    CHILD_STATES,      /* how many there are */
};

/* Why a child died, as far as its wait status does not tell. */
enum child_cause {
    CAUSE_OWN = 0, /* it, its task or somebody else: see `status` */
    CAUSE_TIMEOUT, /* we killed it: its task or its hook ran longer than allowed */
    CAUSE_CTL,     /* we killed it: `prunner ctl kill` named its task */
    CAUSE_OOM,     /* the kernel killed it for lack of memory: see oom.h */
};

/* Deaths in a row of workers that had not come to a task. */
enum {
    CHILD_EARLY_DEATHS = 5,   /* this many at least, and */
    CHILD_EARLY_SECONDS = 10, /* this from the first to the last: the slot is given up */
};

/* How far a worker has come, in figures of its slot that only grow. */
struct child_progress {
    uint32_t claims; /* tasks that it took */
    uint64_t parks;  /* how often it has slept for lack of a task */
};

/* writer: child_died_early() */
struct child_early {
    uint32_t deaths;        /* in a row; 0: the last one had come to a task */
    uint64_t since_ns;      /* the first of them */
    uint64_t pause_ns;      /* after the last of them, before the next start */
    uint64_t not_before_ns; /* when that pause ends; 0: no pause */
};

/* One run of a task, or of a hook, and since when it has been seen. */
struct child_run {
    uint32_t task; /* 0: a hook, or nothing */
    uint64_t word; /* of the task, or slot->hook: tells this run from the next one; 0: nothing */
    uint64_t since_ns;
};

/* `state` belongs to child_become(); the other fields say who writes them. */
struct child {
    enum child_state state;
    pid_t pid;                  /* the process, or the last one. writer: spawn.c */
    struct child_progress from; /* its slot's when it was forked. writer: spawn.c */
    struct child_run run;       /* that is seen, or was killed. writer: timeout.c and
                                 * run_kill.c, until it is DYING */
    uint64_t killed_id;         /* CAUSE_CTL: of the task that was named. writer: run_kill.c */
    enum child_cause cause;     /* writer: run_kill.c, death.c; CAUSE_OWN while ALIVE */
    uint64_t grace_ns;          /* see death.c; 0: nothing it started is left. writer:
                                 * run_kill.c, death.c */
    uint64_t none_ns;           /* when none was seen first; 0: see death.c. writer: death.c */
    int status;                 /* of the last death. writer: death.c */
    struct child_early early;   /* see child_died_early() */
};

/* ---- all of them ---- */

/* children_open: slots 1..n, all of them NONE. children_grow: n at least. */
void children_open(uint32_t n);
void children_grow(uint32_t n);
/* children_count: slots that have, or had, workers are 1..children_count(). */
uint32_t children_count(void);
/* children_in: how many are in this state. */
uint32_t children_in(enum child_state state);
/* children_alive: how many processes there are. */
uint32_t children_alive(void);
/* children_expected: is there a process, or will there be one without any further event
 * than memory and forks that succeed? */
bool children_expected(void);
/* children_freeze: they run no instruction any more. To be killed next. */
void children_freeze(void);
/* children_kill sends SIGKILL to all of them. What their tasks have started: descendants.h. */
void children_kill(void);

/* ---- one ---- */

/* child_at: k is 1..children_count(). */
struct child *child_at(uint32_t k);
/* child_has_process: is `pid` the number of a process of ours? */
bool child_has_process(const struct child *c);
/* child_may_become: is there such an arrow? */
bool child_may_become(enum child_state from, enum child_state to);
/* child_become changes the state. The only place that does. */
void child_become(struct child *c, enum child_state to);
/* child_freeze: as above. */
void child_freeze(const struct child *c);
/* child_kill sends SIGKILL to it, if it has a process. */
void child_kill(const struct child *c);
/* child_died_early notes the death, now, of a child that had no task at hand and had come
 * as far as `to`. Before the first task (it has taken none, nor slept for lack of one): the
 * next one starts after a pause, which doubles each time up to a second. true: too many of
 * these deaths, for too long. */
bool child_died_early(struct child *c, struct child_progress to, uint64_t now_ns);

#endif
