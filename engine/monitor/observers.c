#include "monitor/observers.h"

#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "codec/codec.h"
#include "job/job.h"
#include "job/failure_kind.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "task/counts.h"
#include "task/task.h"

enum {
    OBSERVERS_MAX = 16,
    MS = 1000000, /* ns */
    DRAIN_NS = 50 * MS,
    MARK_NS = 5 * MS,           /* a task that is not timed and runs longer is marked */
    MARK_WORKER_NS = 50 * 1000, /* ... or this for each worker, if there are many */
    LOOK_NS = 1000 * MS,        /* nobody wants more than to know who runs what */
};

static struct {
    struct observer *all[OBSERVERS_MAX];
    uint32_t n;
    uint64_t next_mark;
    uint64_t died; /* runs that ended with their worker, and came again */
} observers;

void
observers_add(struct observer *o)
{
    if (observers.n < OBSERVERS_MAX)
        observers.all[observers.n++] = o;
}

/* What the arena has counted and the figures have not: begin() is in both. */
static void
note_earlier(struct metrics_earlier *e)
{
    struct counts c;
    counts_sum(&job.arena, &c);
    *e = (struct metrics_earlier){
        .posted = c.posted,
        .finished = c.finished,
        .failed = c.failed,
        .retried = c.retried,
        .quarantined = c.quarantined,
    };
    for (uint32_t f = 0; f < METRICS_FNS; f++) {
        if (metrics_has(&metrics.header->slot[0], f))
            e->posted -= metrics.header->slot[0].fns[f].posted;
    }
}

/* Those that begin() has posted may have got a better name since, and a resumed job may run any.
 * Few of all that come with Lua are ever posted. */
static void
name_functions(void)
{
    struct metrics_header *h = metrics.header;
    h->nfns = job.nfns < METRICS_FNS ? job.nfns : METRICS_FNS - 1;
    for (uint32_t f = 1; f <= h->nfns; f++) {
        if (job.config.resume || metrics_has(&h->slot[0], f))
            metrics_name(f, job_fn_info(f)->name, job_fn_info(f)->where);
    }
}

void
observers_start(uint32_t n)
{
    struct metrics_header *h = metrics.header;
    metrics_start_job(n, job.config.script);
    note_earlier(&h->earlier);
    name_functions();
    for (uint32_t i = 0; i < observers.n; i++) {
        metrics_want(observers.all[i]->record);
        observers.all[i]->next_ns = h->start_ns + observers.all[i]->every_ns;
    }
    for (uint32_t i = 0; i < observers.n; i++) {
        if (observers.all[i]->start)
            observers.all[i]->start(n);
    }
    observers.next_mark = h->start_ns;
}

/* ---- events ---- */

static void
tell(const struct metrics_event *e)
{
    for (uint32_t i = 0; i < observers.n; i++) {
        if (observers.all[i]->event)
            observers.all[i]->event(e);
    }
}

static void
drain_slot(struct metrics_slot *s)
{
    uint64_t head = s->event_head, tail = atom_load(&s->event_tail);
    for (; head != tail; head++)
        tell(&s->events[head % metrics.header->ring]);
    atom_store(&s->event_head, head); /* release: they were read; pairs with put_event() */
}

void
observers_drain(void)
{
    for (uint32_t k = 0, n = metrics_last_slot(metrics.header); k <= n; k++)
        drain_slot(&metrics.header->slot[k]);
}

static void
copy_text(struct metrics_event *e, const char *args, const char *error)
{
    size_t a = strlen(args), room = METRICS_TEXT - a, b = strlen(error);
    e->args_len = (uint16_t)a;
    e->error_len = (uint16_t)(b < room ? b : room);
    memcpy(e->text, args, a);
    memcpy(e->text + a, error, e->error_len);
}

void
observers_death(uint32_t k, const struct task *t, uint32_t attempt, int status,
                enum metrics_outcome outcome, const char *how)
{
    struct metrics_slot *s = &metrics.header->slot[k < metrics.header->slots ? k : 0];
    uint64_t now = clock_ns(), from = now;
    char args[METRICS_TEXT / 2];
    drain_slot(s); /* what it did before */
    bool timed = s->since_run == s->runs;
    if (timed || s->seen_run == s->runs)
        from = timed ? s->since_ns : s->seen_ns;
    struct metrics_event e = metrics_event_of(t, k, attempt, from, now);
    bool own = outcome == METRICS_QUARANTINED || outcome == METRICS_DIED; /* not our doing */
    e.outcome = outcome;
    e.rough = !timed;
    e.signal = own && WIFSIGNALED(status) ? (uint8_t)WTERMSIG(status) : 0;
    e.exit = own && WIFEXITED(status) ? (uint8_t)WEXITSTATUS(status) : 0;
    codec_describe(task_args(&job.arena, t), t->bytes, args, sizeof args);
    copy_text(&e, args, how);
    e.kind = failure_key(t->fn, how, strlen(how));
    if (outcome == METRICS_QUARANTINED)
        metrics_quarantined(t->fn);
    else if (outcome == METRICS_DIED)
        observers.died++;
    else
        metrics_end(t->fn, outcome);
    tell(&e);
}

/* ---- lives of workers ---- */

void
observers_started(uint32_t k, int pid)
{
    metrics_started(k, pid);
    for (uint32_t i = 0; i < observers.n; i++) {
        if (observers.all[i]->started)
            observers.all[i]->started(k, pid);
    }
}

void
observers_ended(uint32_t k, int pid, int status)
{
    metrics_ended(k);
    for (uint32_t i = 0; i < observers.n; i++) {
        if (observers.all[i]->ended)
            observers.all[i]->ended(k, pid, status);
    }
}

/* ---- time ---- */

static void
mark_slot(struct metrics_slot *s, uint64_t now)
{
    uint64_t run = atom_peek(&s->runs);
    if (run != s->seen_run || !atom_peek(&s->fn)) {
        s->seen_run = run;
        atom_set(&s->seen_ns, now);
    } else if (s->mark != run && atom_load(&s->since_run) != run) {
        atom_set(&s->mark, run);
    }
}

static uint64_t
mark_every(void)
{
    uint64_t many = (uint64_t)metrics.header->nworkers * MARK_WORKER_NS;
    if (!(metrics.header->record & METRICS_TASKS))
        return LOOK_NS;
    return many > MARK_NS ? many : MARK_NS;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t
observers_tick(void)
{
    uint64_t now = clock_ns();
    if (now >= observers.next_mark) {
        for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++)
            mark_slot(&metrics.header->slot[k], now);
        observers.next_mark = now + mark_every();
    }
    observers_drain();
    uint64_t next = observers.next_mark;
    if (metrics.header->record & METRICS_TASKS)
        next = earlier(next, now + DRAIN_NS);
    for (uint32_t i = 0; i < observers.n; i++) {
        struct observer *o = observers.all[i];
        if (!o->tick)
            continue;
        if (now >= o->next_ns) {
            o->tick(now);
            o->next_ns = now + o->every_ns;
        }
        next = earlier(next, o->next_ns);
    }
    return next;
}

void
observers_end(void)
{
    atom_set(&metrics.header->end_ns, clock_ns());
    atom_store(&metrics.header->over, 1); /* release: end_ns is there */
    observers_drain();
    for (uint32_t i = 0; i < observers.n; i++) {
        if (observers.all[i]->end)
            observers.all[i]->end();
    }
}

static uint64_t
runs_of_slot(const struct metrics_slot *s)
{
    uint64_t runs = 0;
    for (uint32_t f = 0; f < METRICS_FNS; f++) {
        if (metrics_has(s, f))
            runs += atom_peek(&s->fns[f].finished) + atom_peek(&s->fns[f].retried);
    }
    return runs;
}

uint64_t
observers_runs(void)
{
    uint64_t runs = observers.died;
    for (uint32_t k = 0, n = metrics_last_slot(metrics.header); k <= n; k++)
        runs += runs_of_slot(&metrics.header->slot[k]);
    return runs;
}

uint64_t
observers_left(void)
{
    struct counts c;
    counts_sum(&job.arena, &c);
    return counts_left(&c);
}

uint64_t
observers_busy(void)
{
    uint64_t busy = 0;
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++)
        busy += atom_peek(&metrics.header->slot[k].fn) != 0;
    return busy;
}

uint64_t
observers_suspended(void)
{
    uint64_t n = 0;
    for (uint32_t k = 1, last = metrics_last_slot(metrics.header); k <= last; k++)
        n += atom_peek(&metrics.header->slot[k].waiting);
    return n;
}
