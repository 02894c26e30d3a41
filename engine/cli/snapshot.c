#include "cli/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/procstat.h"
#include "monitor/metrics_read.h"

#define LATELY 2.0 /* seconds: how fast rates follow */

/* What is read of a slot at once: all up to its slowest tasks. */
enum { SLOT_FRONT = offsetof(struct metrics_slot, slowest) };

static uint64_t
above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static double
seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* Moves *average towards what the last `passed` seconds say. */
static void
follow(double *average, double latest, double passed)
{
    *average += (latest - *average) * passed / (passed + LATELY);
}

/* ---- the job as a whole ---- */

static bool
grow_fns(struct snapshot *g, uint32_t n)
{
    uint32_t had = g->fns ? g->nfns + 1 : 0;
    struct snapshot_fn *fns = realloc(g->fns, (n + 1) * sizeof *fns);
    if (fns)
        g->fns = fns;
    struct metrics_name *names = realloc(g->names, (n + 1) * sizeof *names);
    if (names)
        g->names = names;
    if (!fns || !names)
        return false;
    memset(fns + had, 0, (n + 1 - had) * sizeof *fns);
    g->nfns = n;
    return true;
}

static void
end_name(struct metrics_name *n)
{
    n->name[METRICS_NAME - 1] = n->where[METRICS_NAME - 1] = '\0';
}

static int
read_names(struct snapshot *g, uint32_t n)
{
    n = n < METRICS_FNS ? n : METRICS_FNS - 1;
    if (g->fns && n <= g->nfns)
        return 0;
    if (!grow_fns(g, n))
        return -ENOMEM;
    if (!attach_read(g->job, g->names, (n + 1) * sizeof *g->names,
                     offsetof(struct metrics_header, names)))
        return -EIO;
    strcpy(g->names[0].name, "(others)");
    for (uint32_t f = 1; f <= n; f++)
        end_name(&g->names[f]);
    return 0;
}

/* A function had no figures when the names were read. */
static int
read_name(struct snapshot *g, uint32_t f)
{
    size_t at = offsetof(struct metrics_header, names) + f * sizeof *g->names;
    if (!attach_read(g->job, &g->names[f], sizeof *g->names, at))
        return -EIO;
    end_name(&g->names[f]);
    return 0;
}

/* Of workers that a job no longer has the figures still count: never fewer. */
static int
grow_workers(struct snapshot *g, uint32_t n)
{
    if (n >= g->job->slots)
        n = g->job->slots ? g->job->slots - 1 : 0;
    if (n <= g->nworkers)
        return 0;
    struct snapshot_worker *grown = realloc(g->workers, n * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memset(grown + g->nworkers, 0, (n - g->nworkers) * sizeof *grown);
    for (uint32_t i = g->nworkers; i < n; i++)
        grown[i].slot = i + 1;
    g->workers = grown;
    g->nworkers = n;
    return 0;
}

static int
look_at_head(struct snapshot *g)
{
    struct metrics_header h;
    bool gone = attach_ended(g->job); /* first: what is read next is then the last */
    if (!attach_read(g->job, &h, offsetof(struct metrics_header, names), 0))
        return -EIO;
    uint64_t end = h.over ? h.end_ns : g->now_ns;
    if (gone && g->elapsed_ns && !h.over)
        end = h.start_ns + g->elapsed_ns;
    g->stage = gone ? h.over ? SNAPSHOT_GONE : SNAPSHOT_CUT : h.over   ? SNAPSHOT_END
                                                          : h.nworkers ? SNAPSHOT_RUN
                                                                       : SNAPSHOT_BEGIN;
    g->elapsed_ns = above(end, h.start_ns);
    g->expected = h.expected;
    g->earlier = h.earlier;
    int err = read_names(g, h.nfns);
    return err ? err : grow_workers(g, h.nworkers);
}

/* ---- a slot ---- */

static int
add_fn(struct snapshot *g, uint32_t slot, uint32_t f)
{
    struct metrics_fn one;
    if (f > g->nfns)
        return 0; /* figures of a function without a name: not what prunner writes */
    size_t at = offsetof(struct metrics_header, slot) + slot * sizeof(struct metrics_slot) +
                offsetof(struct metrics_slot, fns) + f * sizeof one;
    if (!attach_read(g->job, &one, sizeof one, at))
        return -EIO;
    metrics_add_fn(&g->fns[f].sum, &one);
    return g->names[f].name[0] ? 0 : read_name(g, f);
}

/* Only of functions that it has used: the rest is not even memory. */
static int
add_fns(struct snapshot *g, uint32_t slot, const struct metrics_slot *s)
{
    for (uint32_t w = 0; w < METRICS_FNS / 64; w++) {
        for (uint64_t bits = s->used[w]; bits; bits &= bits - 1) {
            int err = add_fn(g, slot, w * 64 + (uint32_t)__builtin_ctzll(bits));
            if (err)
                return err;
        }
    }
    return 0;
}

/* Since when it runs its task: as it has noted, as the supervisor has seen, as we have. */
static uint64_t
running_since(const struct metrics_slot *s, const struct snapshot_worker *w)
{
    if (s->since_run == s->runs)
        return s->since_ns;
    if (s->seen_run == s->runs)
        return s->seen_ns;
    return w->run_before == s->runs ? w->run_seen_ns : 0;
}

static enum snapshot_does
what_it_does(const struct metrics_slot *s, const struct procstat *p)
{
    if (!s->pid)
        return SNAPSHOT_NOBODY;
    if (p && (p->state == 'T' || p->state == 't'))
        return SNAPSHOT_STOPPED;
    if (!s->fn && s->waiting)
        return SNAPSHOT_WAITS;
    if (!s->fn)
        return s->idle_since_ns ? SNAPSHOT_IDLE : SNAPSHOT_STARTS;
    if (!p || p->state == 'R')
        return SNAPSHOT_RUNS;
    return p->state == 'D' ? SNAPSHOT_DISK : SNAPSHOT_SLEEPS;
}

/* Shares: of the time since the look before, the first time since the start. */
static void
measure(struct snapshot *g, struct snapshot_worker *w, const struct metrics_slot *s,
        const struct procstat *p, uint64_t passed_ns)
{
    uint64_t idle = s->idle_ns;
    if (s->idle_since_ns)
        idle += above(g->now_ns, s->idle_since_ns);
    uint64_t of = passed_ns ? passed_ns : g->elapsed_ns;
    double share = of ? (double)above(idle, passed_ns ? w->idle_before : 0) / (double)of : 0;
    w->idle = share < 1 ? share : 1;
    w->idle_before = idle;
    w->cpu = 0;
    w->rss_bytes = p ? p->rss_bytes : 0;
    if (p) {
        bool same = passed_ns && w->pid == w->pid_before;
        uint64_t age = same ? passed_ns : p->age_ns;
        w->cpu = age ? (double)above(p->cpu_ns, same ? w->cpu_before : 0) / (double)age : 0;
        w->cpu_before = p->cpu_ns;
    }
    w->pid_before = w->pid;
}

static void
look_at_worker(struct snapshot *g, struct snapshot_worker *w, const struct metrics_slot *s,
               uint64_t passed_ns)
{
    struct procstat st;
    const struct procstat *p = NULL;
    /* Its number means something here only if we see the same processes as the job does. */
    int pid = (int)s->pid; /* under --serial the supervisor itself */
    if (pid && procstat_read(&st, pid) && (st.ppid == g->job->pid || pid == g->job->pid))
        p = &st;
    w->pid = s->pid;
    w->runs = s->runs;
    w->does = g->stage < SNAPSHOT_GONE ? what_it_does(s, p) : SNAPSHOT_NOBODY;
    w->fn = w->does > SNAPSHOT_WAITS ? s->fn : 0;
    w->id = s->id;
    w->waiting = w->does == SNAPSHOT_NOBODY ? 0 : s->waiting;
    if (w->run_before != s->runs || !w->fn)
        w->run_seen_ns = g->now_ns;
    bool sleeps = w->does == SNAPSHOT_IDLE || w->does == SNAPSHOT_WAITS;
    uint64_t since = w->fn ? running_since(s, w) : sleeps ? s->idle_since_ns
                                                          : 0;
    w->for_ns = since ? above(g->now_ns, since) : 0;
    w->run_before = s->runs;
    measure(g, w, s, p, passed_ns);
    if (w->fn) {
        struct snapshot_fn *f = &g->fns[w->fn <= g->nfns ? w->fn : 0];
        f->running++;
        f->running_ns += w->for_ns;
    }
    g->alive += w->does != SNAPSHOT_NOBODY;
    g->busy += w->fn != 0;
    g->suspended += w->waiting;
    g->suspends |= w->waiting > 0;
    g->cpu += w->cpu;
}

static uint64_t
sum_posted(const struct snapshot *g)
{
    uint64_t n = 0;
    for (uint32_t f = 0; f <= g->nfns; f++)
        n += g->fns[f].sum.posted;
    return n;
}

static int
look_at_slots(struct snapshot *g, uint64_t passed_ns)
{
    struct metrics_slot *s = g->room;
    for (uint32_t k = 0; k <= g->nworkers; k++) {
        size_t at = offsetof(struct metrics_header, slot) + k * sizeof *s;
        if (!attach_read(g->job, s, SLOT_FRONT, at))
            return -EIO;
        int err = add_fns(g, k, s);
        if (err)
            return err;
        if (k)
            look_at_worker(g, &g->workers[k - 1], s, passed_ns);
        else
            g->by_begin = g->earlier.posted + sum_posted(g);
    }
    return 0;
}

/* ---- what follows from it ---- */

static void
sum_up(struct snapshot *g, double passed)
{
    double elapsed = seconds(g->elapsed_ns), time = 0;
    const struct metrics_earlier *e = &g->earlier;
    uint64_t before = passed > 0 ? g->finished : e->finished;
    g->posted = e->posted;
    g->finished = e->finished;
    g->failed = e->failed;
    g->retried = e->retried;
    g->quarantined = e->quarantined;
    for (uint32_t i = 0; i <= g->nfns; i++) {
        struct snapshot_fn *f = &g->fns[i];
        g->posted += f->sum.posted;
        g->finished += f->sum.finished;
        g->failed += f->sum.failed;
        g->retried += f->sum.retried;
        g->quarantined += f->sum.quarantined;
        time += seconds(f->sum.busy_ns) + seconds(f->running_ns);
        if (passed > 0)
            follow(&f->rate, (double)above(f->sum.finished, f->finished_before) / passed, passed);
        else
            f->rate = elapsed > 0 ? (double)f->sum.finished / elapsed : 0;
        f->finished_before = f->sum.finished;
    }
    for (uint32_t i = 0; i <= g->nfns; i++) {
        struct snapshot_fn *f = &g->fns[i];
        f->share = time > 0 ? (seconds(f->sum.busy_ns) + seconds(f->running_ns)) / time : 0;
    }
    if (passed > 0)
        follow(&g->rate, (double)above(g->finished, before) / passed, passed);
    else
        g->rate = elapsed > 0 ? (double)above(g->finished, before) / elapsed : 0;
}

/* An end is in sight only while less and less is left. */
static void
foresee(struct snapshot *g, double passed)
{
    uint64_t known = g->expected > g->posted ? g->expected : g->posted;
    uint64_t left = above(known, g->finished);
    bool fixed = g->posted <= g->by_begin || known > g->posted;
    if (passed > 0)
        follow(&g->shrink, ((double)g->left_before - (double)left) / passed, passed);
    else
        g->shrink = fixed ? g->rate : 0;
    g->left_before = left;
    g->growing = !fixed && g->shrink < 0;
    g->left_ns = 0;
    if (left && g->shrink > 0 && (double)left / g->shrink < 1e9)
        g->left_ns = (uint64_t)((double)left / g->shrink * 1e9);
}

static void
forget_sums(struct snapshot *g)
{
    for (uint32_t f = 0; g->fns && f <= g->nfns; f++) {
        memset(&g->fns[f].sum, 0, sizeof g->fns[f].sum);
        g->fns[f].running = 0;
        g->fns[f].running_ns = 0;
    }
    g->alive = g->busy = 0;
    g->suspended = 0;
    g->cpu = 0;
}

int
snapshot_open(struct snapshot *g, const struct attach *job)
{
    *g = (struct snapshot){
        .job = job,
        .room = aligned_alloc(_Alignof(struct metrics_slot), sizeof *g->room),
    };
    return g->room ? 0 : -ENOMEM;
}

int
snapshot_look(struct snapshot *g)
{
    uint64_t now = clock_ns(), passed_ns = g->now_ns ? now - g->now_ns : 0;
    g->now_ns = now;
    forget_sums(g);
    int err = look_at_head(g);
    if (g->stage >= SNAPSHOT_END)
        passed_ns = 0; /* rates and shares: of all the time */
    if (!err)
        err = look_at_slots(g, passed_ns);
    if (err)
        return err;
    sum_up(g, seconds(passed_ns));
    foresee(g, seconds(passed_ns));
    return 0;
}

void
snapshot_close(struct snapshot *g)
{
    free(g->fns);
    free(g->names);
    free(g->workers);
    free(g->room);
}
