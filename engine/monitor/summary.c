#include "monitor/summary.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpus.h"
#include "job/job.h"
#include "job/failures.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "monitor/totals.h"
#include "monitor/advice.h"
#include "base/human.h"
#include "base/log.h"
#include "monitor/observers.h"
#include "monitor/progress.h"
#include "base/text.h"

enum {
    KINDS_SHOWN = 5,    /* those with most failures */
    SLOWEST_SHOWN = 3,  /* tasks */
    TASK_BYTES = 160,   /* of a task as text */
    MANY_FAILURES = 10, /* these are grouped even where no summary was asked for */
};

static void print_summary(void);

static struct {
    struct observer observer;
    bool asked, never;
    bool quiet; /* nothing but failures that were not told */
} summary = {.observer = {.end = print_summary}};

static const struct totals *totals;

void
summary_open(const struct config *c)
{
    summary.quiet = c->quiet;
    summary.asked = c->summary && !c->quiet;
    summary.never = c->progress == PROGRESS_NEVER;
    observers_add(&summary.observer);
}

/* ---- failures ---- */

static int
more_often(const void *a, const void *b)
{
    const struct failures_kind *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1
                                                         : 0;
}

/* Was this kind told a few times only? */
static bool
untold(const struct failures_kind *k)
{
    return k->count > FAILURES_TOLD && !log_debugging();
}

/* Those with most failures, and all that were not told. Of tasks that ran again the latter. */
static bool
is_shown(const struct failures_kind *k, uint32_t shown)
{
    return untold(k) || (!k->again && shown < KINDS_SHOWN);
}

/* Text of any bytes on one line of a terminal. */
static void
put_plain(struct text *t, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool fine = (unsigned char)s[i] >= 0x20 && s[i] != 0x7f;
        text_bytes(t, fine ? s + i : " ", 1);
    }
}

static void
put_kind(struct text *t, const struct failures_kind *k)
{
    text_print(t, "%8llu  %s%s: ", (unsigned long long)k->count, job_fn_info(k->fn)->name,
               k->again ? ", run again" : "");
    put_plain(t, k->text, k->len);
    text_put(t, "\n");
}

static void
put_failures(struct text *t)
{
    struct failures_kind kinds[FAILURES_KINDS];
    uint64_t rest;
    uint32_t shown = 0, n = failures_kinds(kinds, &rest);
    qsort(kinds, n, sizeof kinds[0], more_often);
    size_t heading = t->len;
    text_put(t, "  failures:\n");
    for (uint32_t i = 0; i < n; i++) {
        if (is_shown(&kinds[i], shown)) {
            put_kind(t, &kinds[i]);
            shown++;
        } else if (!kinds[i].again) {
            rest += kinds[i].count;
        }
    }
    if (rest)
        text_print(t, "%8llu  of other kinds\n", (unsigned long long)rest);
    else if (!shown)
        t->len = heading;
}

/* Were there failures that nobody has been told of? */
static bool
any_untold(void)
{
    struct failures_kind kinds[FAILURES_KINDS];
    uint64_t others;
    uint32_t n = failures_kinds(kinds, &others);
    while (n > 0 && !untold(&kinds[n - 1]))
        n--;
    return n > 0;
}

/* ---- tasks ---- */

static uint64_t
took_ns(const struct metrics_event *e)
{
    return e->to_ns - e->from_ns;
}

static int
slower(const void *a, const void *b)
{
    uint64_t x = took_ns(*(const struct metrics_event *const *)a);
    uint64_t y = took_ns(*(const struct metrics_event *const *)b);
    return x < y ? 1 : x > y ? -1
                             : 0;
}

/* Those that the workers remember, the slowest first. malloc'ed; NULL: none, or no memory. */
static const struct metrics_event **
slowest_tasks(size_t *count)
{
    uint32_t n = metrics_last_slot(metrics.header);
    const struct metrics_event **all = malloc(sizeof *all * n * METRICS_SLOWEST);
    *count = 0;
    for (uint32_t k = 1; all && k <= n; k++) {
        for (int i = 0; i < METRICS_SLOWEST; i++) {
            const struct metrics_event *e = &metrics.header->slot[k].slowest[i];
            if (e->to_ns)
                all[(*count)++] = e;
        }
    }
    if (all && *count)
        qsort(all, *count, sizeof *all, slower);
    return all;
}

/* fetch("http://...") */
static void
put_task(struct text *t, const struct metrics_event *e)
{
    text_print(t, "%s(", job_fn_info(e->fn)->name);
    put_plain(t, e->text, e->args_len);
    text_put(t, ")");
}

static void
put_slowest(struct text *t, const struct metrics_event *const *all, size_t n)
{
    char took[HUMAN_TEXT];
    for (size_t i = 0; i < n && i < SLOWEST_SHOWN; i++) {
        text_put(t, i ? ", " : "  slowest: ");
        put_task(t, all[i]);
        text_print(t, " %s", human_time(took, took_ns(all[i])));
    }
    text_put(t, n ? "\n" : "");
}

/* Of the slow tasks the slowest that was there until the end. NULL: none. */
static const struct metrics_event *
last_task(const struct metrics_event *const *all, size_t n)
{
    uint64_t near = metrics.header->end_ns - totals->elapsed_ns / 20;
    for (size_t i = 0; i < n; i++) {
        if (all[i]->to_ns >= near)
            return all[i];
    }
    return NULL;
}

/* ---- the whole ---- */

static void
put_first_line(struct text *t, const struct totals *f)
{
    char wall[HUMAN_TEXT], rate[HUMAN_TEXT], cpu[HUMAN_TEXT];
    double seconds = (double)f->elapsed_ns / 1e9;
    uint64_t ran = f->finished - f->duplicates;
    text_print(t, "prunner: %llu %s in %s, %s/s; %u %s, %.0f%% busy; CPU %s\n",
               (unsigned long long)ran, ran == 1 ? "task" : "tasks",
               human_time(wall, f->elapsed_ns),
               human_rate(rate, seconds > 0 ? (double)ran / seconds : 0), f->workers,
               f->workers == 1 ? "worker" : "workers", 100 * totals_efficiency(f),
               human_time(cpu, (uint64_t)(job.result.cpu_seconds * 1e9)));
}

static void
put_count(struct text *t, bool *any, const char *what, uint64_t n)
{
    if (!n)
        return;
    text_print(t, "%s%s %llu", *any ? ", " : "  ", what, (unsigned long long)n);
    *any = true;
}

static void
put_counts(struct text *t, const struct totals *f)
{
    bool any = false;
    put_count(t, &any, "failed", f->failed);
    put_count(t, &any, "quarantined", f->quarantined);
    put_count(t, &any, "retried", f->retried);
    put_count(t, &any, "duplicates", f->duplicates);
    put_count(t, &any, "left", totals_left(f));
    text_put(t, any ? "\n" : "");
}

static uint64_t
most_unshared(void)
{
    uint64_t most = 0;
    for (uint32_t k = 1, n = arena_workers(&job.arena); k <= n; k++) {
        uint64_t own = atom_peek(&slot_at(&job.arena, k)->unshared_bytes);
        most = own > most ? own : most;
    }
    return most;
}

static void
put_hints(struct text *t, const struct totals *f, const struct metrics_event *last)
{
    struct text name = {0};
    uint64_t tasks_ns = 0, timed = 0;
    for (uint32_t i = 0; i < f->nfns; i++) {
        tasks_ns += f->fns[i].busy_ns;
        timed += f->fns[i].timed;
    }
    if (last) {
        put_task(&name, last);
        text_bytes(&name, "", 1);
    }
    struct advice h = {
        .wall_ns = f->elapsed_ns,
        .workers = f->workers,
        .most = job.arena.header->limit,
        .cpus = (uint32_t)cpus_default(),
        .concurrency = job.config.concurrency,
        .idle_ns = f->idle_ns > f->idle_waits_ns ? f->idle_ns - f->idle_waits_ns : 0,
        .wait_ns = f->wait_ns,
        .blocks = f->blocks,
        .block_ns = f->block_ns,
        .block_name = f->blocks ? job_fn_info(f->block_fn)->name : NULL,
        .lock_ns = f->lock_ns,
        .cpu_ns = (uint64_t)(job.result.cpu_seconds * 1e9),
        .finished = timed,
        .tasks_ns = tasks_ns,
        .last = name.failed ? NULL : name.at,
        .last_ns = last ? took_ns(last) : 0,
        .heap_bytes = job.heap_bytes,
        .unshared_bytes = most_unshared(),
    };
    advice_put(t, &h);
    text_free(&name);
}

static void
put_all(struct text *t, const struct totals *f)
{
    size_t n;
    const struct metrics_event **slowest = slowest_tasks(&n);
    put_first_line(t, f);
    put_counts(t, f);
    put_slowest(t, slowest, n);
    put_failures(t);
    put_hints(t, f, last_task(slowest, n));
    free(slowest);
}

static void
print_summary(void)
{
    struct text t = {0};
    const struct totals *f = totals = totals_at_end();
    bool many = f->failed + f->quarantined >= MANY_FAILURES && !summary.quiet;
    if (summary.asked || (progress_shown() && !summary.never)) {
        put_all(&t, f);
    } else if (many || any_untold()) {
        text_print(&t, "prunner: many %s failed\n", f->failed + f->quarantined ? "tasks" : "runs");
        put_failures(&t);
    }
    if (!t.failed && t.len)
        log_text(t.at, t.len);
    text_free(&t);
}
