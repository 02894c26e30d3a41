#include "monitor/progress.h"

#include <stdlib.h>

#include "base/clock.h"
#include "job/job.h"
#include "base/log.h"
#include "monitor/observers.h"
#include "monitor/progress_text.h"
#include "base/screen.h"
#include "base/large.h"

enum { MS = 1000 * 1000 /* ns */ };
static const uint64_t DRAW_NS = 100 * MS;   /* ... again, at most so often */
static const uint64_t SHORT_NS = 500 * MS;  /* a shorter job draws nothing */
static const uint64_t MEMORY_NS = 900 * MS; /* costs a file for each worker */
static const uint64_t LINE_NS = 10000 * (uint64_t)MS;
static const uint64_t JSON_NS = 1000 * (uint64_t)MS;
enum { COST = 100 }; /* of the supervisor's time, drawing takes at most this part */

static void started(uint32_t k, int pid);
static void tick(uint64_t now);
static void end(void);

static struct {
    struct observer observer;
    enum { LINES,
           DRAWN,
           JSON } kind;
    bool observing;
    bool shown;
    bool colours;
    struct progress_view view;
    struct rate rate;
    uint64_t memory_ns; /* when it is looked at again */
    struct text text;
} progress = {.observer = {.started = started, .tick = tick, .end = end}};

static struct totals totals LARGE_BSS;

static bool
wants_colours(void)
{
    const char *no = getenv("NO_COLOR");
    return !no || !*no;
}

void
progress_open(const struct config *c)
{
    if (c->quiet || c->progress == PROGRESS_NEVER)
        return;
    struct observer *o = &progress.observer;
    bool draw = c->progress != PROGRESS_JSON && !c->serial && screen_possible();
    progress.kind = c->progress == PROGRESS_JSON ? JSON : LINES;
    if (draw && screen_open() == 0)
        progress.kind = DRAWN;
    progress.shown = c->progress == PROGRESS_ALWAYS;
    progress.colours = wants_colours();
    o->every_ns = progress.kind == JSON    ? JSON_NS
                  : progress.kind == LINES ? LINE_NS
                  : progress.shown         ? DRAW_NS
                                           : SHORT_NS;
    progress.observing = true;
    observers_add(o);
}

bool
progress_shown(void)
{
    return progress.shown;
}

static void
look(uint64_t now)
{
    struct totals *f = &totals;
    struct progress_view *v = &progress.view;
    totals_take(f);
    if (progress.observing)
        rate_note(&progress.rate, f->elapsed_ns, f->posted, f->finished);
    v->totals = f;
    v->rate = rate_view(&progress.rate, f->elapsed_ns, f->posted, f->finished, f->expected);
    v->stopping = atom_load(&job.arena.header->mode) == ARENA_STOP;
    for (uint32_t i = 0; i < PROGRESS_FNS && i < f->nfns; i++)
        totals_quantiles(f->fns[i].fn, &v->p50_ns[i], &v->p95_ns[i]);
    if (now < progress.memory_ns)
        return;
    totals_memory(&v->memory);
    progress.memory_ns = now + MEMORY_NS;
}

/* The first worker: from here on posts are growth. */
static void
started(uint32_t k, int pid)
{
    (void)k;
    (void)pid;
    if (progress.rate.n)
        return;
    totals_take(&totals);
    rate_note(&progress.rate, totals.elapsed_ns, totals.posted, totals.finished);
}

void
progress_describe(struct text *t)
{
    look(clock_ns());
    progress_line(t, &progress.view);
}

static void
draw(uint64_t now)
{
    int columns, rows;
    screen_size(&columns, &rows);
    text_clear(&progress.text);
    progress_rows(&progress.text, &progress.view, columns, rows / 2, progress.colours);
    if (!progress.text.failed)
        screen_show(progress.text.at, progress.text.len);
    uint64_t cost = clock_ns() - now;
    progress.observer.every_ns = cost * COST > DRAW_NS ? cost * COST : DRAW_NS;
}

static void
print_json(void)
{
    text_clear(&progress.text);
    progress_json(&progress.text, &progress.view);
    text_put(&progress.text, "\n");
    if (!progress.text.failed)
        log_text(progress.text.at, progress.text.len);
}

static void
print_line(void)
{
    text_clear(&progress.text);
    text_put(&progress.text, "prunner: ");
    progress_line(&progress.text, &progress.view);
    text_put(&progress.text, "\n");
    if (!progress.text.failed)
        log_text(progress.text.at, progress.text.len);
}

static void
tick(uint64_t now)
{
    look(now);
    if (progress.kind == JSON) {
        print_json();
        return;
    }
    progress.shown = true;
    if (progress.kind == DRAWN)
        draw(now);
    else
        print_line();
}

static void
end(void)
{
    screen_hide();
    if (progress.kind != JSON)
        return;
    look(clock_ns());
    progress.view.over = true;
    print_json();
}
