#include "supervisor/run_kill.h"

#include <signal.h>

#include "base/clock.h"
#include "job/job.h"
#include "supervisor/descendants.h"
#include "task/task.h"

struct child_run
run_kill_look(uint32_t k, uint64_t now_ns)
{
    struct slot *s = slot_at(&job.arena, k);
    uint32_t task = atom_load(&s->phase) == PHASE_IDLE ? 0 : atom_load(&s->cur);
    uint64_t word = task ? atom_load(&task_at(&job.arena, task)->word) : 0;
    if (!task || task_state(word) != TASK_RUN || task_worker(word) != k)
        return (struct child_run){0};
    uint64_t started = atom_load(&s->started_ns); /* before it waited */
    return (struct child_run){task, word, started ? started : now_ns};
}

void
run_kill(struct child *c, enum child_cause cause, uint64_t now_ns)
{
    c->cause = cause;
    /* While it lives: it is the root of their tree. But it must not continue its task
     * when its program ends. */
    child_freeze(c);
    if (descendants_signal(c->pid, SIGTERM))
        c->grace_ns = now_ns + DESCENDANTS_GRACE_NS;
    child_kill(c);
    child_become(c, CHILD_DYING);
}

/* The sequence number in its id says whether its poster has come so far. */
static bool
was_posted(uint64_t id)
{
    uint64_t poster = id % ARENA_SLOTS, sequence = id / ARENA_SLOTS;
    return poster <= job.arena.header->nworkers && sequence &&
           sequence <= atom_load(&slot_at(&job.arena, (uint32_t)poster)->posted);
}

enum run_kill_answer
run_kill_task(uint64_t id)
{
    uint64_t now = clock_ns();
    for (uint32_t k = 1; k <= children_count(); k++) {
        struct child *c = child_at(k);
        struct child_run run = run_kill_look(k, now);
        if (!run.task || task_at(&job.arena, run.task)->id != id)
            continue;
        if (c->state != CHILD_ALIVE)
            return RUN_KILL_DYING;
        c->run = run; /* its word tells later whether it was this run that died */
        c->killed_id = id;
        run_kill(c, CAUSE_CTL, now);
        return RUN_KILL_BEGUN;
    }
    return was_posted(id) ? RUN_KILL_NOT_RUNNING : RUN_KILL_UNKNOWN;
}
