/* step: a worker, or the supervisor, killed at each instruction.
 *
 *   step.c          runs the scenarios, each instruction by instruction
 *   step_process.c  the stepped one: a child under ptrace
 *   step_try.c      what is tried after each instruction that changed the arena
 *   step_nested.c   recovery is stepped as well; others work meanwhile
 *   step_image.c    the arena as it was after an instruction, in a second arena
 *   step_crew.c     who goes on after the death: supervisor, worker 2, a successor
 *   step_check.c    is everything whole at the end, and the answer right?
 *   step_ops.c      what the scenarios are made of; step_ops_task.c, step_ops_dict.c,
 *                   step_ops_idle.c and step_ops_suspend.c hold them: small jobs with a known
 *                   answer
 *
 * The modules are the project's own, compiled with a smaller table of names. */
#ifndef STEP_H
#define STEP_H

#include <setjmp.h>

#include "memory/self.h"
#include "memory/layout.h"

enum {
    STEP_WORKERS = 2, /* slot 1 is killed, slot 2 lives on */
    STEP_UNITS = 96,  /* units of the heap that a scenario may use, of each part */
    STEP_TEXT = 512,  /* bytes of an answer or a complaint */
};

struct task;
struct dict;

/* ---- step_ops.c ---- */

struct scenario {
    const char *name;
    const char *answer; /* what check_answer() says after any run to the end */
    /* What a reader may find under the key "k" at any time, each between bars. */
    const char *seen;
    /* Posts the job; self[0..2] are the selves of the slots, killed by nobody yet. */
    void (*plan)(struct self *self);
    /* What worker 1 does before it is stepped, so that it has a past; or NULL. */
    void (*past)(struct self *self);
    /* What worker 1 does, instruction by instruction. */
    void (*act)(struct self *self);
    /* What one task does, in any worker. Its outcome is DONE, FAILED, RETRY, WAIT. */
    enum outcome (*body)(struct self *self, const struct task *t);
    /* Worker 1 sleeps: worker 2 does this, in the arena that is being stepped. */
    void (*rouse)(struct self *self);
    uint32_t max_crashes; /* 0: never quarantined */
    bool lifo;
    bool spill;      /* no memory is left, only the spill */
    bool sleeper;    /* worker 2 sleeps, and only a wake-up gets it up */
    bool alone;      /* a task runs alone: workers look at the gate, as run.c does */
    bool oom_killed; /* worker 1 is killed for want of memory: its task then runs alone */
    /* Worker 1 is killed because its time is over: so its task ends, by the supervisor's hand. */
    enum outcome overdue; /* DONE: it is not */
    /* Where the answer depends on when worker 1 dies: is this one possible? */
    bool (*fits)(const char *answer);
    uint32_t lost_lists; /* so many old indexes may be lost by one death */
};

/* The scenarios of one subject, that is of one step_ops_*.c. */
struct scenario_set {
    const struct scenario *all;
    uint32_t count;
};

enum { OPS_SETS = 4 };
/* All scenarios, in the order they are tried. */
extern const struct scenario_set *const ops_sets[OPS_SETS];
/* ops_open: once, before anything. */
void ops_open(void);
/* ops_run runs the task that self has just claimed, as a worker does. */
void ops_run(struct self *self, const struct scenario *s);
/* ops_now is the scenario at hand; ops_complain notes what a task found wrong. */
extern const struct scenario *ops_now;
extern char ops_complaint[STEP_TEXT];
void ops_complain(const char *text);
struct dict *ops_dict(struct self *self);

/* ---- step_image.c ---- */

struct image;
struct image *image_new(void);
/* image_changed: is the used part of the arena another one than in the image? */
bool image_changed(const struct image *i, const struct arena *a);
/* image_take copies the used part of the arena. */
void image_take(struct image *i, const struct arena *a);
/* image_put makes the arena (opened like the one it was taken of) what the image
 * says: as a machine would find it whose processes have all stopped. */
void image_put(const struct image *i, struct arena *a);
/* image_arena opens an arena that image_put() can use. */
void image_arena(struct arena *a, bool spill);

/* ---- step_check.c ---- */

/* check_owed: is there a task that is not done, whatever the counters say? */
bool check_owed(const struct arena *a);
/* check_answer writes what the job has computed. */
void check_answer(struct self *super, char *text);
/* check_left: true, or what is wrong with the tasks that are left after a death. */
bool check_left(struct arena *a, char *why);
/* check_whole: true, or what is wrong with the arena when all is done. */
bool check_whole(struct self *super, const struct scenario *s, uint32_t deaths, char *why);

/* ---- step_crew.c ---- */

/* Those who go on, in one arena. */
struct crew {
    const struct scenario *scenario;
    struct arena *arena;
    struct self self[STEP_WORKERS + 1];
    bool dead;   /* worker 1 is dead and not recovered yet */
    bool paused; /* worker 1 lives and does nothing */
    uint32_t deaths;
    uint32_t started; /* tasks that wake_waiting() has just let run alone */
    /* Worker 2 sleeps while another process is being stepped: lets that one go on. */
    void (*at_sleep)(struct crew *c);
    char why[STEP_TEXT];
};

/* What the stepped process and its parent both see. */
struct spy {
    volatile uint32_t asleep; /* the stepped one sleeps ... */
    volatile uint64_t word;   /* ... on the futex word at this offset */
    volatile uint32_t woken;  /* slot 2 was woken by futex_wake() */
    char complaint[STEP_TEXT];
};
extern struct spy *spy;

void crew_open(struct crew *c, struct arena *a, const struct scenario *s);
void crew_close(struct crew *c);
/* crew_reopen gives a slot a new process. */
void crew_reopen(struct crew *c, uint32_t slot);
/* crew_recover: what the supervisor does about the death of worker 1. */
bool crew_recover(struct crew *c);
/* crew_recover_by: the same with a self for slot 1 that is open already. */
bool crew_recover_by(struct crew *c, struct self *dead);
/* crew_work lets worker k run up to n tasks; returns how many it ran. */
uint32_t crew_work(struct crew *c, uint32_t k, uint32_t n);
/* crew_take claims as a worker does: not past a task that runs alone. It may sleep. */
bool crew_take(struct self *self);
/* crew_finish lets the workers in `who` (bits) run in turn until all is done, and
 * looks whether that is right. false: c->why says what is not. */
bool crew_finish(struct crew *c, uint32_t who);
/* crew_resume: what a new tree does first. */
bool crew_resume(struct crew *c);
/* crew_guard runs fn(c), whose complaint is c->why; a crash in it, a hang or a
 * sleep without end is one too. */
bool crew_guard(struct crew *c, bool (*fn)(struct crew *c));
/* crew_fail notes the complaint; false. */
bool crew_fail(struct crew *c, const char *format, ...);
/* crew_progress: it takes long, but it is no hang. */
void crew_progress(void);
/* crew_watch catches crashes and hangs of this process from now on. */
void crew_watch(void);
/* crew_stepped: this process is the stepped one. */
void crew_stepped(struct arena *a);

#endif
