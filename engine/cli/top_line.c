#define _GNU_SOURCE
#include "cli/top_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/columns.h"
#include "base/human.h"
#include "base/text.h"

enum {
    NAMES_MIN = 8,
    NAMES_MAX = 40,
    WORKER_COLUMNS = 67, /* of a row of workers without the name: the wider table */
};

/* ---- putting a line together ---- */

void
topline_start(struct topline *l, int width)
{
    l->bytes = l->columns = 0;
    l->width = width < TOPLINE_BYTES / 4 ? width : TOPLINE_BYTES / 4;
    l->text[0] = '\0';
}

void
topline_put(struct topline *l, const char *s)
{
    struct text t = {0};
    int used = columns_put(&t, s, l->width - l->columns, 0);
    if (t.len > 0 && t.len < (size_t)(TOPLINE_BYTES - l->bytes)) {
        memcpy(l->text + l->bytes, t.at, t.len);
        l->bytes += (int)t.len;
        l->columns += used;
        l->text[l->bytes] = '\0';
    }
    text_free(&t);
}

void
topline_print(struct topline *l, const char *fmt, ...)
{
    char text[TOPLINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    topline_put(l, text);
}

static void
fill_to(struct topline *l, int columns)
{
    while (l->columns < columns && l->columns < l->width)
        topline_put(l, " ");
}

/* Between two cells. */
static void
put_blank(struct topline *l)
{
    if (l->columns)
        topline_put(l, " ");
}

static void
cell_left(struct topline *l, const char *s, int columns)
{
    put_blank(l);
    int from = l->columns, width = l->width;
    l->width = from + columns < width ? from + columns : width;
    topline_put(l, s);
    l->width = width;
    fill_to(l, from + columns);
}

/* What does not fit moves the rest of the row: a number is never cut. */
static void
cell_right(struct topline *l, const char *s, int columns)
{
    int len = (int)strlen(s);
    put_blank(l);
    fill_to(l, l->columns + (columns > len ? columns - len : 0));
    topline_put(l, s);
}

static void
cell_count(struct topline *l, uint64_t n, int columns)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    cell_right(l, text, columns);
}

/* A number that there may be none of. */
static void
cell_number(struct topline *l, bool is_one, uint64_t n, int columns)
{
    if (is_one)
        cell_count(l, n, columns);
    else
        cell_right(l, "-", columns);
}

static void
cell_time(struct topline *l, uint64_t ns, int columns)
{
    char text[HUMAN_TEXT];
    cell_right(l, ns ? human_time(text, ns) : "-", columns);
}

static void
cell_percent(struct topline *l, double share, int columns)
{
    char text[24];
    snprintf(text, sizeof text, "%.0f", share * 100);
    cell_right(l, text, columns);
}

/* ---- the lines above the tables ---- */

static void
head_job(struct topline *l, const struct glance *g)
{
    char time[HUMAN_TEXT];
    human_clock(time, g->elapsed_ns);
    topline_print(l, "process %d, ", g->job->pid);
    switch (g->stage) {
    case GLANCE_BEGIN: topline_print(l, "begin() since %s", time); break;
    case GLANCE_RUN: topline_print(l, "running for %s", time); break;
    case GLANCE_END: topline_print(l, "all workers ended after %s, end_() since then", time); break;
    case GLANCE_GONE: topline_print(l, "ended after %s", time); break;
    case GLANCE_CUT: topline_print(l, "killed after %s", time); break;
    }
    topline_print(l, ": %s", g->job->command);
}

static void
head_tasks(struct topline *l, const struct glance *g)
{
    char text[HUMAN_TEXT];
    topline_print(l, "tasks    %llu done of %llu", (unsigned long long)g->done,
                  (unsigned long long)g->posted);
    if (g->expected > g->posted)
        topline_print(l, ", %llu expected", (unsigned long long)g->expected);
    if (g->growing && g->stage == GLANCE_RUN)
        topline_put(l, ", growing");
    topline_print(l, ", %s/s", human_rate(text, g->rate));
    if (g->left_ns && g->stage == GLANCE_RUN)
        topline_print(l, ", %s left", human_clock(text, g->left_ns));
}

void
topline_head(struct topline *l, const struct glance *g, int i)
{
    switch (i) {
    case 0: head_job(l, g); break;
    case 1: head_tasks(l, g); break;
    case 2:
        topline_print(l, "workers  %u of %u, %u in a task, %.2f CPUs in use", g->alive, g->nworkers,
                      g->busy, g->cpu);
        break;
    default:
        topline_print(l, "errors   %llu failed, %llu run again, %llu set aside",
                      (unsigned long long)g->failed, (unsigned long long)g->retried,
                      (unsigned long long)g->dead);
    }
}

/* ---- tables ---- */

int
topline_names(const struct glance *g, int width)
{
    int longest = NAMES_MIN, room = width - WORKER_COLUMNS;
    for (uint32_t f = 0; f <= g->nfns; f++) {
        bool used = g->fns[f].sum.posted || g->fns[f].sum.done || g->fns[f].running;
        int n = used ? columns_of(g->names[f].name) : 0;
        longest = n > longest ? n : longest;
    }
    longest = longest < NAMES_MAX ? longest : NAMES_MAX;
    if (longest <= room)
        return longest;
    return room > NAMES_MIN ? room : NAMES_MIN;
}

void
topline_fn_heading(struct topline *l, int names)
{
    cell_left(l, "FUNCTION", names);
    topline_print(l, " %9s %9s %5s %6s %7s %7s %7s %5s  WHERE", "DONE", "KNOWN", "RUN", "FAILED",
                  "RATE/s", "P50", "P95", "TIME%");
}

void
topline_fn(struct topline *l, const struct glance *g, uint32_t fn, int names)
{
    const struct glance_fn *f = &g->fns[fn];
    char text[HUMAN_TEXT];
    cell_left(l, g->names[fn].name, names);
    cell_count(l, f->sum.done, 9);
    /* After --resume tasks end that were posted before. */
    cell_count(l, f->sum.posted > f->sum.done ? f->sum.posted : f->sum.done, 9);
    cell_count(l, f->running, 5);
    cell_count(l, f->sum.failed + f->sum.dead, 6);
    cell_right(l, human_rate(text, f->rate), 7);
    cell_time(l, watch_quantile(f->sum.times, 0.5), 7);
    cell_time(l, watch_quantile(f->sum.times, 0.95), 7);
    cell_percent(l, f->share, 5);
    topline_print(l, "  %s", g->names[fn].where);
}

void
topline_worker_heading(struct topline *l, int names)
{
    topline_print(l, "%4s %7s %-7s", "SLOT", "PID", "DOES");
    cell_left(l, "FUNCTION", names);
    topline_print(l, " %9s %7s %9s %5s %5s %5s", "TASK", "FOR", "TASKS", "CPU%", "RSS", "IDLE%");
}

void
topline_worker(struct topline *l, const struct glance *g, const struct glance_worker *w,
               int names)
{
    static const char *const does[] = {"none", "starts", "idle", "runs", "sleeps", "disk",
                                       "stopped"};
    char text[HUMAN_TEXT];
    cell_count(l, w->slot, 4);
    cell_number(l, w->pid != 0, w->pid, 7);
    cell_left(l, does[w->does], 7);
    cell_left(l, w->fn ? g->names[w->fn <= g->nfns ? w->fn : 0].name : "", names);
    cell_number(l, w->fn != 0, w->id, 9);
    cell_time(l, w->for_ns, 7);
    cell_count(l, w->runs, 9);
    cell_percent(l, w->cpu, 5);
    cell_right(l, human_bytes(text, w->rss_bytes), 5);
    cell_percent(l, w->idle, 5);
}
