#include "monitor/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "monitor/observers.h"
#include "base/large.h"

enum {
    MS = 1000000,
    FIRST_NS = 5 * MS,     /* between the first samples ... */
    WORKER_NS = 20 * 1000, /* ... or this for each worker, if there are many */
};

struct timeline timeline LARGE_BSS;

/* Of a worker, at the last sample. */
static struct seen {
    uint64_t idle_ns;
    uint32_t fn;
} * seen;

static struct observer observer;
static uint64_t last_ns; /* of the last sample */

/* ---- samples ---- */

static void
add_finished(uint64_t *finished, const struct metrics_slot *s)
{
    for (uint32_t w = 0; w <= timeline.nfns / 64; w++) {
        for (uint64_t bits = atom_peek(&s->used[w]); bits; bits &= bits - 1) {
            uint32_t f = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (f <= timeline.nfns)
                finished[f] += atom_peek(&s->fns[f].finished);
        }
    }
}

/* The share of the time since the last sample that the worker was not idle: 0..1. */
static double
busy_share(const struct metrics_slot *s, struct seen *before, uint64_t now)
{
    uint64_t since = atom_peek(&s->idle_since_ns), passed = now - last_ns;
    uint64_t idle = atom_peek(&s->idle_ns) + (since && now > since ? now - since : 0);
    uint64_t more = idle > before->idle_ns ? idle - before->idle_ns : 0;
    before->idle_ns = idle;
    if (!atom_peek(&s->pid) || !atom_peek(&s->runs) || !passed || more >= passed)
        return 0;
    return 1 - (double)more / (double)passed;
}

static void
fill_row(struct timeline_cell *cell, uint32_t first, uint64_t now)
{
    double busy = 0;
    uint32_t n = 0;
    for (uint32_t k = first; k < first + timeline.row_workers && k <= timeline.nworkers; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        uint32_t fn = metrics_index(atom_peek(&s->fn));
        double share = busy_share(s, &seen[k], now);
        if (fn)
            seen[k].fn = fn;
        if (share > 0)
            cell->fn = (uint16_t)seen[k].fn;
        busy += share;
        n++;
    }
    cell->busy = n ? (uint8_t)(busy / n * 255) : 0;
}

/* Two neighbours become one: it is the later one of them, but for the workers, which did
 * both. */
static void
merge(struct timeline_sample *a, struct timeline_sample *b)
{
    struct timeline_sample dropped = *a;
    for (uint32_t r = 0; r < TIMELINE_ROWS; r++) {
        struct timeline_cell *x = &a->cells[r], *y = &b->cells[r];
        y->fn = x->busy > y->busy ? x->fn : y->fn;
        y->busy = (uint8_t)((x->busy + y->busy + 1) / 2);
    }
    *a = *b;
    *b = dropped;
}

static void
thin_out(void)
{
    for (uint32_t i = 0; i < TIMELINE_SAMPLES; i += 2) {
        struct timeline_sample spare = timeline.samples[i / 2];
        merge(&timeline.samples[i], &timeline.samples[i + 1]);
        if (i / 2 != i) {
            timeline.samples[i / 2] = timeline.samples[i];
            timeline.samples[i] = spare;
        }
    }
    timeline.nsamples = TIMELINE_SAMPLES / 2;
    observer.every_ns *= 2;
}

/* Their number may grow while the job runs. Those for whom the picture has no row left
 * are not in it. */
static void
count_workers(void)
{
    timeline.nworkers = metrics_last_slot(metrics.header);
    uint32_t rows = (timeline.nworkers + timeline.row_workers - 1) / timeline.row_workers;
    timeline.nrows = rows < TIMELINE_ROWS ? rows : TIMELINE_ROWS;
}

static void
take_sample(uint64_t now)
{
    if (!seen)
        return;
    if (timeline.nsamples == TIMELINE_SAMPLES)
        thin_out();
    count_workers();
    struct timeline_sample *s = &timeline.samples[timeline.nsamples++];
    uint64_t left = observers_left();
    s->at_ns = metrics_since_start(metrics.header, now);
    s->busy = observers_busy();
    uint64_t begun = s->busy + observers_suspended();
    s->waiting = left > begun ? left - begun : 0;
    memset(s->finished, 0, (timeline.nfns + 1) * sizeof *s->finished);
    for (uint32_t k = 0; k <= timeline.nworkers; k++)
        add_finished(s->finished, &metrics.header->slot[k]);
    memset(s->cells, 0, TIMELINE_ROWS * sizeof *s->cells);
    for (uint32_t r = 0; r < timeline.nrows; r++)
        fill_row(&s->cells[r], 1 + r * timeline.row_workers, now);
    last_ns = now;
}

/* Room for all samples, at once. Without memory there are none. */
static void
make_room(void)
{
    size_t nfns = timeline.nfns + 1;
    uint64_t *finished = calloc(TIMELINE_SAMPLES * nfns, sizeof *finished);
    struct timeline_cell *cells = calloc(TIMELINE_SAMPLES * TIMELINE_ROWS, sizeof *cells);
    seen = calloc(ARENA_SLOTS, sizeof *seen);
    if (!finished || !cells || !seen) {
        free(finished);
        free(cells);
        free(seen);
        seen = NULL;
        return;
    }
    for (size_t i = 0; i < TIMELINE_SAMPLES; i++) {
        timeline.samples[i].finished = finished + i * nfns;
        timeline.samples[i].cells = cells + i * TIMELINE_ROWS;
    }
}

/* ---- what observers.c calls ---- */

static void
start(uint32_t n)
{
    timeline.nfns = job.nfns < METRICS_FNS ? job.nfns : METRICS_FNS - 1;
    timeline.row_workers = (n + TIMELINE_ROWS - 1) / TIMELINE_ROWS;
    last_ns = metrics.header->start_ns;
    make_room();
    take_sample(last_ns);
}

static void
note_run(const struct metrics_event *e)
{
    uint64_t key = e->kind, at = metrics_since_start(metrics.header, e->to_ns);
    uint32_t i = 0;
    if (e->outcome == METRICS_DONE)
        return;
    while (i < timeline.nkinds && timeline.kinds[i].key != key)
        i++;
    if (i == TIMELINE_KINDS) {
        timeline.more_kinds++;
        return;
    }
    struct timeline_kind *kind = &timeline.kinds[i];
    if (i == timeline.nkinds) {
        *kind = (struct timeline_kind){.key = key, .first = *e, .first_ns = at};
        timeline.nkinds++;
    }
    kind->count++;
    kind->again += e->outcome == METRICS_RETRY || e->outcome == METRICS_DIED;
    kind->last_ns = at;
}

/* Starting many takes a while, in which there are no ticks. */
static void
note_started(uint32_t k, int pid)
{
    uint64_t now = clock_ns();
    (void)k;
    (void)pid;
    if (now - last_ns >= observer.every_ns)
        take_sample(now);
}

static void
note_ended(uint32_t k, int pid, int status)
{
    (void)pid;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (timeline.ndeaths < TIMELINE_DEATHS)
        timeline.deaths[timeline.ndeaths++] =
            (struct timeline_death){metrics_since_start(metrics.header, clock_ns()), k, status};
    else
        timeline.more_deaths++;
}

static void
end(void)
{
    uint64_t now = clock_ns();
    take_sample(now);
    timeline.end_ns = metrics_since_start(metrics.header, now);
}

static struct observer observer = {
    .start = start,
    .event = note_run,
    .started = note_started,
    .ended = note_ended,
    .tick = take_sample,
    .end = end,
    .every_ns = FIRST_NS,
    .record = METRICS_WHOLES,
};

void
timeline_open(void)
{
    uint64_t many = (uint64_t)(job.config.n > 0 ? job.config.n : 1) * WORKER_NS;
    observer.every_ns = many > FIRST_NS ? many : FIRST_NS;
    observers_add(&observer);
}
