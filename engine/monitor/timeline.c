#include "monitor/timeline.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "job/job.h"
#include "monitor/observers.h"

enum {
    MS = 1000000,
    FIRST_NS = 5 * MS,     /* between the first samples ... */
    WORKER_NS = 20 * 1000, /* ... or so long for each worker, if there are many */
};

struct history history;

/* Of a worker, at the last sample. */
static struct seen {
    uint64_t idle_ns;
    uint32_t fn;
} * seen;

static struct observer observer;
static uint64_t last_ns; /* of the last sample */

/* ---- samples ---- */

static void
add_done(uint64_t *done, const struct watch_slot *s)
{
    for (uint32_t w = 0; w <= history.nfns / 64; w++) {
        for (uint64_t bits = atom_peek(&s->used[w]); bits; bits &= bits - 1) {
            uint32_t f = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (f <= history.nfns)
                done[f] += atom_peek(&s->fns[f].done);
        }
    }
}

/* The share of the time since the last sample that the worker was not idle: 0..1. */
static double
busy_share(const struct watch_slot *s, struct seen *before, uint64_t now)
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
fill_row(struct history_cell *cell, uint32_t first, uint64_t now)
{
    double busy = 0;
    uint32_t n = 0;
    for (uint32_t k = first; k < first + history.row_workers && k <= history.nworkers; k++) {
        const struct watch_slot *s = &watch.head->slot[k];
        uint32_t fn = watch_index(atom_peek(&s->fn));
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
merge(struct history_sample *a, struct history_sample *b)
{
    struct history_sample dropped = *a;
    for (uint32_t r = 0; r < HISTORY_ROWS; r++) {
        struct history_cell *x = &a->cells[r], *y = &b->cells[r];
        y->fn = x->busy > y->busy ? x->fn : y->fn;
        y->busy = (uint8_t)((x->busy + y->busy + 1) / 2);
    }
    *a = *b;
    *b = dropped;
}

static void
thin_out(void)
{
    for (uint32_t i = 0; i < HISTORY_SAMPLES; i += 2) {
        struct history_sample spare = history.samples[i / 2];
        merge(&history.samples[i], &history.samples[i + 1]);
        if (i / 2 != i) {
            history.samples[i / 2] = history.samples[i];
            history.samples[i] = spare;
        }
    }
    history.nsamples = HISTORY_SAMPLES / 2;
    observer.every_ns *= 2;
}

/* Their number may grow while the job runs. Those for whom the picture has no row left
 * are not in it. */
static void
count_workers(void)
{
    uint32_t n = watch.head->nworkers, slots = watch.head->slots - 1;
    history.nworkers = n < slots ? n : slots;
    uint32_t rows = (history.nworkers + history.row_workers - 1) / history.row_workers;
    history.nrows = rows < HISTORY_ROWS ? rows : HISTORY_ROWS;
}

static void
take_sample(uint64_t now)
{
    if (!seen)
        return;
    if (history.nsamples == HISTORY_SAMPLES)
        thin_out();
    count_workers();
    struct history_sample *s = &history.samples[history.nsamples++];
    uint64_t left = observe_left();
    s->at_ns = watch_since_start(now);
    s->busy = observe_busy();
    s->waiting = left > s->busy ? left - s->busy : 0;
    memset(s->done, 0, (history.nfns + 1) * sizeof *s->done);
    for (uint32_t k = 0; k <= history.nworkers; k++)
        add_done(s->done, &watch.head->slot[k]);
    memset(s->cells, 0, HISTORY_ROWS * sizeof *s->cells);
    for (uint32_t r = 0; r < history.nrows; r++)
        fill_row(&s->cells[r], 1 + r * history.row_workers, now);
    last_ns = now;
}

/* Room for all samples, at once. Without memory there are none. */
static void
make_room(void)
{
    size_t nfns = history.nfns + 1;
    uint64_t *done = calloc(HISTORY_SAMPLES * nfns, sizeof *done);
    struct history_cell *cells = calloc(HISTORY_SAMPLES * HISTORY_ROWS, sizeof *cells);
    seen = calloc(ARENA_SLOTS, sizeof *seen);
    if (!done || !cells || !seen) {
        free(done);
        free(cells);
        free(seen);
        seen = NULL;
        return;
    }
    for (size_t i = 0; i < HISTORY_SAMPLES; i++) {
        history.samples[i].done = done + i * nfns;
        history.samples[i].cells = cells + i * HISTORY_ROWS;
    }
}

/* ---- what observe calls ---- */

static void
start(uint32_t n)
{
    history.nfns = engine.nfns < WATCH_FNS ? engine.nfns : WATCH_FNS - 1;
    history.row_workers = (n + HISTORY_ROWS - 1) / HISTORY_ROWS;
    last_ns = watch.head->start_ns;
    make_room();
    take_sample(last_ns);
}

static void
note_run(const struct watch_event *e)
{
    uint64_t key = e->kind, at = watch_since_start(e->to_ns);
    uint32_t i = 0;
    if (e->outcome == WATCH_DONE)
        return;
    while (i < history.nkinds && history.kinds[i].key != key)
        i++;
    if (i == HISTORY_KINDS) {
        history.more_kinds++;
        return;
    }
    struct history_kind *kind = &history.kinds[i];
    if (i == history.nkinds) {
        *kind = (struct history_kind){.key = key, .first = *e, .first_ns = at};
        history.nkinds++;
    }
    kind->count++;
    kind->again += e->outcome == WATCH_RETRY || e->outcome == WATCH_DIED;
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
    if (history.ndeaths < HISTORY_DEATHS)
        history.deaths[history.ndeaths++] =
            (struct history_death){watch_since_start(clock_ns()), k, status};
    else
        history.more_deaths++;
}

static void
end(void)
{
    uint64_t now = clock_ns();
    take_sample(now);
    history.end_ns = watch_since_start(now);
}

static struct observer observer = {
    .start = start,
    .event = note_run,
    .started = note_started,
    .ended = note_ended,
    .tick = take_sample,
    .end = end,
    .every_ns = FIRST_NS,
    .record = WATCH_WHOLES,
};

/* The script may go to another directory. */
static const char *
whole_name(const char *path)
{
    static char name[PATH_MAX];
    char dir[PATH_MAX];
    if (path[0] == '/' || !getcwd(dir, sizeof dir))
        return path;
    int n = snprintf(name, sizeof name, "%s/%s", dir, path);
    return n < PATH_MAX ? name : path;
}

const char *
history_open(const char *path)
{
    uint64_t many = (uint64_t)(engine.config.n > 0 ? engine.config.n : 1) * WORKER_NS;
    observer.every_ns = many > FIRST_NS ? many : FIRST_NS;
    observe_add(&observer);
    return whole_name(path);
}
