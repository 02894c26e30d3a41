/* sim: the engine's modules under a scheduler that chooses each step.
 *
 *   sim_sched.c    coroutines, delayed stores, futexes, the clock
 *   sim_kernel.c   what the modules call instead of the kernel: refused memory
 *   sim_job.c      what the tasks do, and whether the answer is right
 *   sim.c          workers, supervisor, deaths
 *   sim_main.c     the seeds
 *
 * The modules are compiled with -DPRN_SIM: each access through atomics.h is a switch
 * point. Plain accesses happen at once, together with the next access that is one. */
#ifndef SIM_H
#define SIM_H

#ifndef PRN_SIM
#define PRN_SIM /* for who compiles one file alone; see SIM_CFLAGS in the Makefile */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_WORKERS = 4, /* at most */
    SIM_STORES = 24, /* that one coroutine may have on their way */
};

/* ---- sim_sched.c ---- */

enum sim_state {
    SIM_NONE = 0,
    SIM_READY,
    SIM_ASLEEP, /* in futex_wait() or sim_sleep() */
    SIM_ENDED,  /* left by itself */
    SIM_KILLED,
};

/* How this seed schedules: drawn by sim_begin(). */
struct sim_policy {
    uint32_t slice; /* mean of the points between two switches */
    uint32_t weight[SIM_WORKERS + 1];
    uint32_t reweigh;   /* one switch in so many draws the weights anew; 0: none */
    uint32_t late;      /* stores that may be on their way; 0: all are seen at once */
    uint32_t drain;     /* one switch in so many makes some of them visible */
    uint32_t spurious;  /* one futex_wait in so many returns at once; 0: none */
    uint32_t jump;      /* one look at the clock in so many is 25 ms late; 0: none */
    uint32_t no_memory; /* one growth of the arena in so many is refused; 0: none */
};

extern struct sim_policy sim_policy;
extern uint64_t sim_points, sim_switches; /* since the program began */
extern bool sim_verbose;

/* sim_random draws from the seed's numbers. */
uint64_t sim_random(void);
/* sim_dice: 0 .. below - 1. */
uint32_t sim_dice(uint32_t below);
/* sim_one_in: true once in n times; never for 0. */
bool sim_one_in(uint32_t n);
/* sim_begin starts a world without coroutines. */
void sim_begin(uint64_t seed);
/* sim_spawn makes coroutine k run fn; it begins with a clean slate. */
void sim_spawn(uint32_t k, void (*fn)(uint32_t k));
/* sim_step lets one coroutine run for a while. false: none can go on ever again. */
bool sim_step(void);
enum sim_state sim_state(uint32_t k);
/* sim_kill: coroutine k never runs again. Of those that run now: does not return. */
void sim_kill(uint32_t k);
/* sim_may_die is asked after each store of a coroutine: shall it die now? */
bool sim_may_die(uint32_t k);
/* sim_reap makes the stores of k visible, as waitpid() does. */
void sim_reap(uint32_t k);
/* sim_current returns who runs, -1 outside coroutines. */
int sim_current(void);
/* sim_sleep sleeps until sim_rouse() or the time comes (0: never). */
void sim_sleep(uint64_t until_ns);
void sim_rouse(uint32_t k);
/* sim_nap sleeps until nudge(): an idle_sleep. */
bool sim_nap(void *arg);
uint64_t sim_now_ns(void);
/* sim_pass lets so much time go by. */
void sim_pass(uint64_t ns);
/* sim_fail notes what is wrong, once a seed; in a coroutine it does not return. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* sim_failed returns the note, NULL: all is well. */
const char *sim_failed(void);
/* sim_say prints a line of the story with -v. */
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- sim.c ---- */

/* sim_poke makes the supervisor look. */
void sim_poke(void);

/* ---- sim_job.c ---- */

struct self;
struct arena;

/* job_draw decides what the seed's tasks do. */
void job_draw(uint32_t nworkers);
/* job_begin is begin(): names, first tasks. `self` acts for slot 0. */
void job_begin(struct self *self);
/* job_run runs the task that self has claimed, commit and all. true: the supervisor
 * has to look (a task waits). */
bool job_run(struct self *self);
/* job_open prepares self for tasks that wait, if the seed has any. In its coroutine. */
void job_open(struct self *self);
/* job_died: the coroutine that acted for slot k is gone, as far as k knows. */
void job_died(uint32_t k);
/* job_reported: the supervisor has found a task that was quarantined. */
void job_reported(struct arena *a, uint32_t task);
/* job_forget_reports: the supervisor died too. */
void job_forget_reports(void);
/* job_max_crashes: deaths after which a task is quarantined. */
uint32_t job_max_crashes(struct arena *a, uint32_t task);
/* job_go_on: everybody sleeps. true: tasks that waited for that go on. */
bool job_go_on(struct self *super);
/* job_check looks whether the answer is right and nothing is held or lost. */
void job_check(struct self *super);
/* job_describe says what kind of job this seed has. */
const char *job_describe(void);
bool job_lifo(void);
/* job_patients: how many tasks wait until all others are done? */
uint32_t job_patients(void);

#endif
