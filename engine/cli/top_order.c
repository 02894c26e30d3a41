#define _GNU_SOURCE
#include "cli/top_order.h"

#include <stdlib.h>
#include <string.h>

struct sorting {
    const struct top_order *order;
    const struct snapshot *g;
};

bool
top_order_key(struct top_order *o, int key)
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
    case FNS_BY_DONE: by = compare((double)fb->sum.done, (double)fa->sum.done); break;
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
top_order_fns(const struct top_order *o, const struct snapshot *g, uint32_t *out)
{
    struct sorting s = {o, g};
    uint32_t n = 0;
    for (uint32_t f = 0; f <= g->nfns; f++) {
        if (g->fns[f].sum.posted || g->fns[f].sum.done || g->fns[f].running)
            out[n++] = f;
    }
    qsort_r(out, n, sizeof *out, compare_fns, &s);
    return n;
}

uint32_t
top_order_workers(const struct top_order *o, const struct snapshot *g, uint32_t *out)
{
    struct sorting s = {o, g};
    for (uint32_t i = 0; i < g->nworkers; i++)
        out[i] = i;
    qsort_r(out, g->nworkers, sizeof *out, compare_workers, &s);
    return g->nworkers;
}
