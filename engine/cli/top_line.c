#include "cli/top_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/human.h"
#include "base/text.h"
#include "monitor/metrics_read.h"

enum {
    NAMES_MIN = 8,
    NAMES_MAX = 40,
    WORKER_COLUMNS = 68, /* of a row of workers without the name: the wider table */
    SUSPENDED_COLUMNS = 7,
};

/* ---- putting a line together ---- */

void
top_line_start(struct top_line *l, int width)
{
    l->bytes = l->columns = 0;
    l->width = width < TOP_LINE_BYTES / 4 ? width : TOP_LINE_BYTES / 4;
    l->text[0] = '\0';
}

void
top_line_put(struct top_line *l, const char *s)
{
    struct text t = {0};
    int used = columns_put(&t, s, l->width - l->columns, 0);
    if (t.len > 0 && t.len < (size_t)(TOP_LINE_BYTES - l->bytes)) {
        memcpy(l->text + l->bytes, t.at, t.len);
        l->bytes += (int)t.len;
        l->columns += used;
        l->text[l->bytes] = '\0';
    }
    text_free(&t);
}

void
top_line_print(struct top_line *l, const char *fmt, ...)
{
    char text[TOP_LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    top_line_put(l, text);
}

static void
fill_to(struct top_line *l, int columns)
{
    while (l->columns < columns && l->columns < l->width)
        top_line_put(l, " ");
}

/* Between two cells. */
static void
put_blank(struct top_line *l)
{
    if (l->columns)
        top_line_put(l, " ");
}

static void
cell_left(struct top_line *l, const char *s, int columns)
{
    put_blank(l);
    int from = l->columns, width = l->width;
    l->width = from + columns < width ? from + columns : width;
    top_line_put(l, s);
    l->width = width;
    fill_to(l, from + columns);
}

/* What does not fit moves the rest of the row: a number is never cut. */
static void
cell_right(struct top_line *l, const char *s, int columns)
{
    int len = (int)strlen(s);
    put_blank(l);
    fill_to(l, l->columns + (columns > len ? columns - len : 0));
    top_line_put(l, s);
}

static void
cell_count(struct top_line *l, uint64_t n, int columns)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    cell_right(l, text, columns);
}

/* A number that there may be none of. */
static void
cell_number(struct top_line *l, bool is_one, uint64_t n, int columns)
{
    if (is_one)
        cell_count(l, n, columns);
    else
        cell_right(l, "-", columns);
}

static void
cell_time(struct top_line *l, uint64_t ns, int columns)
{
    char text[HUMAN_TEXT];
    cell_right(l, ns ? human_time(text, ns) : "-", columns);
}

static void
cell_percent(struct top_line *l, double share, int columns)
{
    char text[24];
    snprintf(text, sizeof text, "%.0f", share * 100);
    cell_right(l, text, columns);
}

/* ---- the lines above the tables ---- */

static void
head_job(struct top_line *l, const struct snapshot *g)
{
    char time[HUMAN_TEXT];
    human_clock(time, g->elapsed_ns);
    top_line_print(l, "process %d, ", g->job->pid);
    switch (g->stage) {
    case SNAPSHOT_BEGIN: top_line_print(l, "begin() since %s", time); break;
    case SNAPSHOT_RUN: top_line_print(l, "running for %s", time); break;
    case SNAPSHOT_END:
        top_line_print(l, "all workers ended after %s, end_() since then", time);
        break;
    case SNAPSHOT_GONE: top_line_print(l, "ended after %s", time); break;
    case SNAPSHOT_CUT: top_line_print(l, "killed after %s", time); break;
    }
    top_line_print(l, ": %s", g->job->command);
}

static void
head_tasks(struct top_line *l, const struct snapshot *g)
{
    char text[HUMAN_TEXT];
    top_line_print(l, "tasks    %llu done of %llu", (unsigned long long)g->finished,
                   (unsigned long long)g->posted);
    if (g->expected > g->posted)
        top_line_print(l, ", %llu expected", (unsigned long long)g->expected);
    if (g->growing && g->stage == SNAPSHOT_RUN)
        top_line_put(l, ", growing");
    top_line_print(l, ", %s/s", human_rate(text, g->rate));
    if (g->left_ns && g->stage == SNAPSHOT_RUN)
        top_line_print(l, ", %s left", human_clock(text, g->left_ns));
}

void
top_line_head(struct top_line *l, const struct snapshot *g, int i)
{
    switch (i) {
    case 0: head_job(l, g); break;
    case 1: head_tasks(l, g); break;
    case 2:
        top_line_print(l, "workers  %u of %u, %u in a task, ", g->alive, g->nworkers, g->busy);
        if (g->suspends)
            top_line_print(l, "%llu tasks suspended, ", (unsigned long long)g->suspended);
        top_line_print(l, "%.2f CPUs in use", g->cpu);
        break;
    default:
        top_line_print(l, "errors   %llu failed, %llu run again, %llu quarantined",
                       (unsigned long long)g->failed, (unsigned long long)g->retried,
                       (unsigned long long)g->quarantined);
    }
}

/* ---- tables ---- */

int
top_line_names(const struct snapshot *g, int width)
{
    int longest = NAMES_MIN, room = width - WORKER_COLUMNS - (g->suspends ? SUSPENDED_COLUMNS : 0);
    for (uint32_t f = 0; f <= g->nfns; f++) {
        bool used = g->fns[f].sum.posted || g->fns[f].sum.finished || g->fns[f].running;
        int n = used ? columns_of(g->names[f].name) : 0;
        longest = n > longest ? n : longest;
    }
    longest = longest < NAMES_MAX ? longest : NAMES_MAX;
    if (longest <= room)
        return longest;
    return room > NAMES_MIN ? room : NAMES_MIN;
}

void
top_line_fn_heading(struct top_line *l, int names)
{
    cell_left(l, "FUNCTION", names);
    top_line_print(l, " %9s %9s %5s %6s %7s %7s %7s %5s  WHERE", "DONE", "POSTED", "RUN", "FAILED",
                   "RATE/s", "P50", "P95", "TIME%");
}

void
top_line_fn(struct top_line *l, const struct snapshot *g, uint32_t fn, int names)
{
    const struct snapshot_fn *f = &g->fns[fn];
    char text[HUMAN_TEXT];
    cell_left(l, g->names[fn].name, names);
    cell_count(l, f->sum.finished, 9);
    /* After --resume tasks end that were posted before. */
    cell_count(l, f->sum.posted > f->sum.finished ? f->sum.posted : f->sum.finished, 9);
    cell_count(l, f->running, 5);
    cell_count(l, f->sum.failed + f->sum.quarantined, 6);
    cell_right(l, human_rate(text, f->rate), 7);
    cell_time(l, metrics_quantile(f->sum.times, 0.5), 7);
    cell_time(l, metrics_quantile(f->sum.times, 0.95), 7);
    cell_percent(l, f->share, 5);
    top_line_print(l, "  %s", g->names[fn].where);
}

void
top_line_worker_heading(struct top_line *l, const struct snapshot *g, int names)
{
    top_line_print(l, "%4s %7s %-8s", "SLOT", "PID", "STATE");
    cell_left(l, "FUNCTION", names);
    top_line_print(l, " %9s %7s %9s %5s %5s %5s", "TASK", "TIME", "STARTED", "CPU%", "RSS",
                   "IDLE%");
    if (g->suspends)
        cell_right(l, "SUSP", SUSPENDED_COLUMNS - 1);
}

void
top_line_worker(struct top_line *l, const struct snapshot *g, const struct snapshot_worker *w,
                int names)
{
    static const char *const does[] = {"none", "starting", "idle", "waiting",
                                       "running", "sleeping", "disk", "stopped"};
    char text[HUMAN_TEXT];
    cell_count(l, w->slot, 4);
    cell_number(l, w->pid != 0, w->pid, 7);
    cell_left(l, does[w->does], 8);
    cell_left(l, w->fn ? g->names[w->fn <= g->nfns ? w->fn : 0].name : "", names);
    cell_number(l, w->fn != 0, w->id, 9);
    cell_time(l, w->for_ns, 7);
    cell_count(l, w->runs, 9);
    cell_percent(l, w->cpu, 5);
    cell_right(l, human_bytes(text, w->rss_bytes), 5);
    cell_percent(l, w->idle, 5);
    if (g->suspends)
        cell_count(l, w->waiting, SUSPENDED_COLUMNS - 1);
}

/* ---- the order of rows ---- */

struct sorting {
    const struct top_order *order;
    const struct snapshot *g;
};

bool
top_line_order_key(struct top_order *o, int key)
{
    if (key <= 0 || key > 'z')
        return false;
    if (strchr("FDPT", key))
        o->fns = (enum top_order_fns)key;
    else if (strchr("sftncmi", key))
        o->workers = (enum top_order_workers)key;
    else if (key == 'r')
        o->reverse = !o->reverse;
    else
        return false;
    return true;
}

static int
compare(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* Most first, but for names and slots. */
static int
compare_fns(const void *pa, const void *pb, void *arg)
{
    const struct sorting *s = arg;
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    const struct snapshot_fn *fa = &s->g->fns[a], *fb = &s->g->fns[b];
    int by = 0;
    switch (s->order->fns) {
    case FNS_BY_NAME: by = strcmp(s->g->names[a].name, s->g->names[b].name); break;
    case FNS_BY_DONE: by = compare((double)fb->sum.finished, (double)fa->sum.finished); break;
    case FNS_BY_TIME: by = compare(fb->share, fa->share); break;
    case FNS_BY_P95:
        by = compare((double)metrics_quantile(fb->sum.times, 0.95),
                     (double)metrics_quantile(fa->sum.times, 0.95));
        break;
    }
    return by ? by : a < b ? -1
                           : a > b;
}

static int
compare_workers(const void *pa, const void *pb, void *arg)
{
    const struct sorting *s = arg;
    const struct snapshot_worker *a = &s->g->workers[*(const uint32_t *)pa];
    const struct snapshot_worker *b = &s->g->workers[*(const uint32_t *)pb];
    int by = 0;
    switch (s->order->workers) {
    case WORKERS_BY_SLOT: break;
    case WORKERS_BY_FUNCTION: by = compare(a->fn - 1, b->fn - 1); break; /* none: last */
    case WORKERS_BY_TIME: by = compare((double)b->for_ns, (double)a->for_ns); break;
    case WORKERS_BY_TASKS: by = compare((double)b->runs, (double)a->runs); break;
    case WORKERS_BY_CPU: by = compare(b->cpu, a->cpu); break;
    case WORKERS_BY_MEMORY: by = compare((double)b->rss_bytes, (double)a->rss_bytes); break;
    case WORKERS_BY_IDLE: by = compare(b->idle, a->idle); break;
    }
    by = by ? by : compare(a->slot, b->slot);
    return s->order->reverse ? -by : by;
}

uint32_t
top_line_order_fns(const struct top_order *o, const struct snapshot *g, uint32_t *out)
{
    struct sorting s = {o, g};
    uint32_t n = 0;
    for (uint32_t f = 0; f <= g->nfns; f++) {
        if (g->fns[f].sum.posted || g->fns[f].sum.finished || g->fns[f].running)
            out[n++] = f;
    }
    qsort_r(out, n, sizeof *out, compare_fns, &s);
    return n;
}

uint32_t
top_line_order_workers(const struct top_order *o, const struct snapshot *g, uint32_t *out)
{
    struct sorting s = {o, g};
    for (uint32_t i = 0; i < g->nworkers; i++)
        out[i] = i;
    qsort_r(out, g->nworkers, sizeof *out, compare_workers, &s);
    return g->nworkers;
}
