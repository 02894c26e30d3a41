/* What the parts of the stepper share: the process that is stepped, what is tried
 * after each instruction, and what has come of it so far. */
#ifndef STEP_RUN_H
#define STEP_RUN_H

#include <sys/types.h>

#include "step.h"

enum { STEPS_MAX = 1000 * 1000 }; /* of one process: more is a hang */

/* ---- step.c ---- */

struct step_total {
    uint64_t steps, images, checks, failures;
    uint64_t nested_steps, nested_images, nested_checks, nested_runs;
};
extern struct step_total step_total;

struct step_option {
    char **words;    /* scenarios whose name has one of these in it */
    uint32_t nested; /* one image in so many is given to the nested stepper; 0: none */
    double seconds;  /* that nested stepping may take, for each scenario */
    bool verbose;
    bool first; /* the first failure is enough */
};
extern struct step_option step_option;

double step_seconds(void);
/* step_failed prints a failure; pid, if not 0, says where the stepped process is. */
void step_failed(const struct scenario *s, const char *check, const char *why, uint64_t at,
                 pid_t pid);

/* ---- step_process.c ---- */

/* What the stepped process does, and in which arena. */
struct job {
    const struct scenario *scenario;
    struct arena *arena;
    struct crew *crew;
    void (*run)(struct job *j); /* calls process_ready() when its self is there */
};

/* process_can_step: containers may forbid it. */
bool process_can_step(void);
pid_t process_start(struct job *j);
/* process_ready: from here on each instruction counts. */
void process_ready(void);
/* One instruction. 1: done; 0: it has ended; -1: it must not have ended so. */
int process_step(pid_t pid, int *status);
/* process_copies: has this instruction changed the arena many times in a row? It copies
 * bytes, and the bytes of a copy under way are as good as each other. */
bool process_copies(pid_t pid);
void process_end(pid_t pid);
/* process_place writes where it is. */
void process_place(pid_t pid, char *text, size_t n);

/* ---- step_try.c ---- */

/* The scratch arena of one depth of stepping, and what may be tried there. */
struct bench {
    struct arena arena;
    struct image *image;
    uint64_t *checks;
};

/* try_one runs fn in the arena of the image; false: it has complained. */
bool try_one(struct bench *b, const struct scenario *s, const char *name,
             bool (*fn)(struct crew *c), uint64_t at, pid_t pid);
/* try_all tries everything that may happen after worker 1 was killed there. */
void try_all(struct bench *b, const struct scenario *s, uint64_t at, pid_t pid);
/* For try_one(): the whole tree was killed and resumes. */
bool try_resumed(struct crew *c);
/* Nobody may ever find that all is done while a task is owed. */
bool try_never_early(struct crew *c);
/* What --resume looks at before it believes a file. */
bool try_state(struct crew *c);

/* ---- step_nested.c ---- */

/* nested_open: once; nested_begin and nested_end: around each scenario. */
void nested_open(void);
void nested_begin(bool spill);
void nested_end(void);
/* nested_race: worker 1, who does `run`, and worker 2 both work; `stride` says who how much. */
void nested_race(const struct image *from, const struct scenario *s, uint32_t stride,
                 void (*run)(struct job *j));
/* nested_if_due steps the recovery from this image, if it is one of those that are
 * chosen and some of the time is left. */
void nested_if_due(const struct scenario *s, const struct image *image, uint64_t at, double *left);

#endif
