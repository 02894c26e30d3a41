#include "step.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "task/commit.h"
#include "task/gate.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"
#include "task/wait_list.h"
#include "task/section.h"

enum { TASKS_MAX = 5000,
       NEVER = 1 << 30,
       TICK_S = 2 };

struct spy *spy;

/* What this process is doing, for the futex calls and signals it meets. */
static struct {
    struct crew *crew;
    struct arena *stepped; /* not NULL: this is the stepped process */
    sigjmp_buf out;
    volatile sig_atomic_t guarded, ticks;
    int waits; /* in a row */
} here;

bool
crew_fail(struct crew *c, const char *format, ...)
{
    va_list ap;
    if (c->why[0])
        return false;
    va_start(ap, format);
    vsnprintf(c->why, sizeof c->why, format, ap);
    va_end(ap);
    return false;
}

/* ---- futexes ---- */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The stepped process sleeps until its parent, which sees each of its instructions,
 * says otherwise. */
static void
sleep_stepped(uint32_t *word)
{
    spy->word = arena_offset(here.stepped, word);
    spy->asleep = 1;
    while (spy->asleep)
        ;
}

static uint32_t wake_waiting(struct crew *c);

/* Worker 2 would sleep here. If the one it waits for is dead, or a task waits, this
 * is when the supervisor comes. */
static void
sleep_in_crew(void)
{
    struct crew *c = here.crew;
    if (c->paused)
        siglongjmp(here.out, NEVER); /* nothing wrong: the other one lives */
    if (c->at_sleep) {
        c->at_sleep(c);
    } else if (c->dead) {
        here.waits = 0;
        (void)crew_recover(c);
    } else if (wake_waiting(c)) {
        here.waits = 0;
    } else if (++here.waits > 3) {
        (void)crew_fail(c, "somebody waits for ever");
        siglongjmp(here.out, NEVER);
    }
}

static void
wait_on(uint32_t *word, uint32_t value)
{
    if (atom_load(word) != value)
        return;
    if (here.stepped)
        sleep_stepped(word);
    else if (here.guarded)
        sleep_in_crew();
}

/* A wake-up for a sleeper that the stepper plays. */
static void
wake_on(const struct arena *a, const uint32_t *word)
{
    if (word == &slot_at(a, 2)->park)
        spy->woken = 1;
    if (spy->asleep && arena_offset(a, word) == spy->word)
        spy->asleep = 0;
}

/* Linked in the place of syscall(2) (-Wl,--wrap): nobody really sleeps here. */
long
__wrap_syscall(long number, ...)
{
    long arg[6];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(ap, long);
    va_end(ap);
    if (number != SYS_futex)
        return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    uint32_t *word = (uint32_t *)arg[0];
    const struct arena *a = here.stepped ? here.stepped : here.crew ? here.crew->arena
                                                                    : NULL;
    if (arg[1] == FUTEX_WAIT)
        wait_on(word, (uint32_t)arg[2]);
    else if (a)
        wake_on(a, word);
    return 0;
}

void
crew_stepped(struct arena *a)
{
    here.stepped = a;
}

/* ---- crashes and hangs of those who go on ---- */

static void
on_signal(int sig)
{
    if (sig == SIGALRM) {
        if (!here.guarded || here.ticks++ < 2)
            return;
        (void)crew_fail(here.crew, "somebody runs in circles for ever");
    } else if (here.guarded) {
        (void)crew_fail(here.crew, "crashed: %s", strsignal(sig));
    } else {
        signal(sig, SIG_DFL);
        raise(sig);
        return;
    }
    siglongjmp(here.out, sig);
}

void
crew_watch(void)
{
    static char stack[64 << 10];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval tick = {{TICK_S, 0}, {TICK_S, 0}};
    sigaltstack(&alt, NULL);
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
    sigaction(SIGABRT, &act, NULL);
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &tick, NULL);
}

void
crew_progress(void)
{
    here.ticks = 0;
}

/* What a task of worker 2 left behind when it was jumped out of. */
static void
clear_view(struct crew *c)
{
    uint32_t *words[1];
    int err;
    c->paused = c->dead = false;
    here.waits = 0;
    if (sigsetjmp(here.out, 1) == 0 && section_any_held(&c->self[2]))
        (void)section_end(&c->self[2], false, words, 1, &err);
}

bool
crew_guard(struct crew *c, bool (*fn)(struct crew *c))
{
    bool ok;
    here.crew = c;
    here.ticks = here.waits = 0;
    c->why[0] = '\0';
    ops_complaint[0] = '\0';
    here.guarded = 1;
    if (sigsetjmp(here.out, 1) == 0) {
        ok = fn(c);
    } else {
        ok = !c->why[0];
        clear_view(c);
    }
    here.guarded = 0;
    here.crew = NULL;
    if (ok && ops_complaint[0])
        ok = crew_fail(c, "%s", ops_complaint);
    return ok;
}

/* ---- those who go on ---- */

static void
open_slot(struct crew *c, uint32_t k)
{
    if (self_open(&c->self[k], c->arena, k, STEP_WORKERS + 1)) {
        fprintf(stderr, "step: out of memory\n");
        exit(2);
    }
    c->self[k].lifo = c->scenario->lifo;
    c->self[k].journaling = k != 0;
}

void
crew_open(struct crew *c, struct arena *a, const struct scenario *s)
{
    memset(c, 0, sizeof *c);
    c->scenario = s;
    c->arena = a;
    for (uint32_t k = 0; k <= STEP_WORKERS; k++)
        open_slot(c, k);
}

void
crew_close(struct crew *c)
{
    for (uint32_t k = 0; k <= STEP_WORKERS; k++) {
        section_close(&c->self[k]);
        self_close(&c->self[k]);
    }
}

void
crew_reopen(struct crew *c, uint32_t slot)
{
    section_close(&c->self[slot]);
    self_close(&c->self[slot]);
    open_slot(c, slot);
}

bool
crew_recover(struct crew *c)
{
    struct self dead;
    if (self_open(&dead, c->arena, 1, 1))
        return crew_fail(c, "out of memory");
    bool fine = crew_recover_by(c, &dead);
    self_close(&dead);
    return fine;
}

/* A run whose time was over is ended in its dead worker's name. */
static void
end_overdue(const struct crew *c, struct self *dead)
{
    if (c->scenario->overdue == OUTCOME_WAIT)
        commit_wait(dead, 1);
    else
        (void)commit_end(dead, c->scenario->overdue);
    idle_wake_all(c->arena);
}

bool
crew_recover_by(struct crew *c, struct self *dead)
{
    struct recovered r;
    const struct scenario *s = c->scenario;
    uint32_t max_crashes = s->max_crashes ? s->max_crashes : UINT32_MAX;
    enum recover_how how = s->overdue      ? RECOVER_FAILED
                           : s->oom_killed ? RECOVER_WAIT
                                           : RECOVER_COUNTED;
    int err = recover(dead, &c->self[0], max_crashes, how, &r);
    if (!err && r.failed)
        end_overdue(c, dead);
    c->dead = false;
    c->deaths++;
    return err ? crew_fail(c, "recover: %s", strerror(-err)) : true;
}

/* A sleeper gets up only if it was woken. */
static bool
is_up(const struct crew *c, uint32_t k)
{
    return k != 2 || !c->scenario->sleeper || spy->woken;
}

/* It has a task since before the death of the other. */
static bool
has_task(const struct self *self)
{
    const struct slot *s = self->slot;
    return s->phase == PHASE_ACTIVE && s->cur;
}

bool
crew_take(struct self *self)
{
    bool open = !atom_load(&self->arena->header->gate);
    return (open ? queue_take(self) || queue_steal(self) : idle_look(self)) || idle_wait(self);
}

/* Nobody starts another task from when one runs alone until that one has ended. */
static bool
take_beside_alone(struct crew *c, struct self *self)
{
    uint32_t alone = gate_alone(atom_load(&c->arena->header->gate));
    uint64_t before = atom_load(&task_at(c->arena, alone)->word);
    if (alone && task_state(before) == TASK_READY)
        (void)idle_alone_over(c->arena); /* the supervisor looks just now */
    if (!crew_take(self))
        return false;
    uint64_t now = atom_load(&task_at(c->arena, alone)->word);
    bool goes_on = task_state(now) == TASK_READY || task_state(now) == TASK_RUN;
    if (alone && self->slot->cur != alone && goes_on &&
        task_generation(now) == task_generation(before))
        ops_complain("a task is started while another one runs alone");
    return true;
}

static bool
take(struct crew *c, struct self *self)
{
    if (c->scenario->alone)
        return take_beside_alone(c, self);
    return queue_take(self) || queue_steal(self) || queue_look(self);
}

uint32_t
crew_work(struct crew *c, uint32_t k, uint32_t n)
{
    struct self *self = &c->self[k];
    for (uint32_t i = 0; i < n; i++) {
        if (!is_up(c, k) || (!has_task(self) && !take(c, self)))
            return i;
        ops_run(self, c->scenario);
    }
    return n;
}

/* What the supervisor does, some time after its worker was killed for want of memory:
 * make_ready() in delayed.c. */
static void
start_alone(void *arg, uint32_t index)
{
    struct crew *c = arg;
    struct self *super = &c->self[0];
    uint64_t word = atom_load(&task_at(c->arena, index)->word);
    if (task_state(word) != TASK_WAIT || !idle_alone_over(c->arena) || queue_reserve(super, 1))
        return;
    atom_store(&task_at(c->arena, index)->word,
               task_word(word >> 32, task_attempt(word), 0, TASK_READY));
    idle_run_alone(c->arena, index);
    queue_put(super, super->slot->tail, index);
    idle_wake(super, 1);
    c->started++;
}

static uint32_t
wake_starved(struct crew *c)
{
    c->started = 0;
    for (uint32_t k = 0; k <= STEP_WORKERS; k++)
        slab_each(c->arena, k, SLAB_TASK, start_alone, c);
    return c->started;
}

/* The supervisor's timer, for tasks whose time has come. */
static uint32_t
wake_waiting(struct crew *c)
{
    if (c->scenario->oom_killed)
        return wake_starved(c);
    uint32_t n = 0;
    for (uint32_t k = 1; k <= STEP_WORKERS; k++) {
        struct slot *s = slot_at(c->arena, k);
        uint32_t i = wait_list_first(c->arena, s);
        if (i && !wait_list_take(s, i))
            i = 0;
        for (uint32_t next; i; i = next) {
            uint64_t word = atom_load(&task_at(c->arena, i)->word);
            next = wait_list_next(c->arena, i);
            if (task_state(word) != TASK_WAIT || queue_reserve(&c->self[0], 1)) {
                (void)crew_fail(c, "a task is to wait and does not");
                continue;
            }
            atom_store(&task_at(c->arena, i)->word,
                       task_word(word >> 32, task_attempt(word), 0, TASK_READY));
            queue_put(&c->self[0], c->self[0].slot->tail, i);
            n++;
        }
    }
    return n;
}

static bool
run_to_end(struct crew *c, uint32_t who)
{
    for (uint32_t n = 0; !idle_all_done(c->arena);) {
        uint32_t ran = 0;
        for (uint32_t k = 1; k <= STEP_WORKERS; k++)
            ran += who & 1u << k ? crew_work(c, k, 1) : 0;
        if (!ran && !wake_waiting(c))
            return crew_fail(c, "lost: tasks are owed and nobody finds one");
        n += ran;
        if (n > TASKS_MAX)
            return crew_fail(c, "the job does not come to an end");
    }
    return true;
}

bool
crew_finish(struct crew *c, uint32_t who)
{
    char answer[STEP_TEXT];
    const struct scenario *s = c->scenario;
    if (s->sleeper && (who & 1u << 2) && !spy->woken)
        return crew_fail(c, "worker 2 was never woken");
    if (!check_left(c->arena, c->why) || !run_to_end(c, who))
        return false;
    if (check_owed(c->arena))
        return crew_fail(c, "early: all counted as done, and a task is not");
    (void)idle_alone_over(c->arena); /* the supervisor looks all the time */
    check_answer(&c->self[0], answer);
    if (s->fits ? !s->fits(answer) : strcmp(answer, s->answer) != 0)
        return crew_fail(c, "wrong answer: %s", answer);
    return check_whole(&c->self[0], s, c->deaths, c->why);
}

static void
note_wait(void *arg, uint32_t task)
{
    struct crew *c = arg;
    uint64_t word = atom_load(&task_at(c->arena, task)->word);
    atom_store(&task_at(c->arena, task)->word,
               task_word(word >> 32, task_attempt(word), 0, TASK_READY));
    (void)queue_push(&c->self[0], task);
}

bool
crew_resume(struct crew *c)
{
    int err = resume(&c->self[0], note_wait, c);
    spy->woken = 1; /* a new tree: nobody sleeps */
    c->dead = false;
    c->deaths++;
    return err ? crew_fail(c, "resume: %s", strerror(-err)) : true;
}
