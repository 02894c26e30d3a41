#include "monitor/totals.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/large.h"
#include "job/job.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "task/counts.h"

/* ---- tasks ---- */

/* From the arena: true also of a job that was resumed. */
static void
add_tasks(struct totals *f)
{
    struct counts c;
    counts_sum(&job.arena, &c);
    f->posted = c.posted;
    f->finished = c.finished;
    f->duplicates = c.duplicates;
    f->failed = c.failed;
    f->retried = c.retried;
    f->quarantined = c.quarantined;
}

static void
add_worker(struct totals *f, const struct metrics_slot *s, uint64_t now)
{
    uint64_t since = atom_peek(&s->idle_since_ns);
    bool alive = atom_peek(&s->pid) != 0;
    f->alive += alive;
    f->busy += alive && atom_peek(&s->fn) && !since;
    f->idle_ns += atom_peek(&s->idle_ns) + (since && now > since ? now - since : 0);
    f->lock_ns += atom_peek(&s->lock_ns);
    f->suspended += alive ? atom_peek(&s->waiting) : 0;
    f->idle_waits_ns += atom_peek(&s->idle_waits_ns);
    f->wait_ns += atom_peek(&s->wait_ns);
    f->blocks += atom_peek(&s->blocks);
    if (atom_peek(&s->block_ns) > f->block_ns) {
        f->block_ns = atom_peek(&s->block_ns);
        f->block_fn = atom_peek(&s->block_fn);
    }
}

static void
add_fn(struct totals_fn *f, const struct metrics_fn *from)
{
    uint64_t longest = atom_peek(&from->longest_ns);
    f->posted += atom_peek(&from->posted);
    f->finished += atom_peek(&from->finished);
    f->failed += atom_peek(&from->failed);
    f->retried += atom_peek(&from->retried);
    f->quarantined += atom_peek(&from->quarantined);
    f->timed += atom_peek(&from->timed);
    f->busy_ns += atom_peek(&from->busy_ns);
    if (longest > f->longest_ns)
        f->longest_ns = longest;
}

/* The sums of function fn over all slots that have any. */
static void
add_function(struct totals *f, uint32_t fn)
{
    struct totals_fn sum = {.fn = fn};
    for (uint32_t k = 0, n = metrics_last_slot(metrics.header); k <= n; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        if (metrics_has(s, fn))
            add_fn(&sum, &s->fns[fn]);
    }
    if ((int64_t)sum.posted > 0 || sum.finished)
        f->fns[f->nfns++] = sum;
}

static int
busier(const void *a, const void *b)
{
    const struct totals_fn *x = a, *y = b;
    if (x->busy_ns != y->busy_ns)
        return x->busy_ns < y->busy_ns ? 1 : -1;
    return x->fn < y->fn ? -1 : x->fn > y->fn;
}

static void
add_functions(struct totals *f)
{
    uint64_t used[METRICS_FNS / 64] = {0};
    for (uint32_t k = 0, n = metrics_last_slot(metrics.header); k <= n; k++) {
        for (uint32_t w = 0; w < METRICS_FNS / 64; w++)
            used[w] |= atom_peek(&metrics.header->slot[k].used[w]);
    }
    for (uint32_t fn = 0; fn < METRICS_FNS; fn++) {
        if (used[fn / 64] >> fn % 64 & 1)
            add_function(f, fn);
    }
    qsort(f->fns, f->nfns, sizeof f->fns[0], busier);
}

void
totals_take(struct totals *f)
{
    const struct metrics_header *h = metrics.header;
    uint64_t now = h->end_ns ? h->end_ns : clock_ns();
    memset(f, 0, offsetof(struct totals, fns));
    f->elapsed_ns = now - h->start_ns;
    f->workers = h->nworkers;
    f->expected = atom_peek(&h->expected);
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++)
        add_worker(f, &h->slot[k], now);
    add_tasks(f);
    add_functions(f);
}

const struct totals *
totals_at_end(void)
{
    static LARGE_BSS struct totals f;
    totals_take(&f);
    return &f;
}

void
totals_quantiles(uint32_t fn, uint64_t *p50_ns, uint64_t *p95_ns)
{
    uint64_t times[METRICS_TIMES] = {0};
    for (uint32_t k = 0, n = metrics_last_slot(metrics.header); k <= n; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        if (!metrics_has(s, fn))
            continue;
        for (uint32_t i = 0; i < METRICS_TIMES; i++)
            times[i] += atom_peek(&s->fns[fn].times[i]);
    }
    *p50_ns = metrics_quantile(times, 0.5);
    *p95_ns = metrics_quantile(times, 0.95);
}

/* ---- time ---- */

static uint64_t
ns_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000;
}

uint64_t
totals_cpu_ns(void)
{
    struct rusage u;
    if (getrusage(job.config.serial ? RUSAGE_SELF : RUSAGE_CHILDREN, &u))
        return 0;
    return ns_of(u.ru_utime) + ns_of(u.ru_stime);
}

double
totals_efficiency(const struct totals *f)
{
    double whole = (double)f->elapsed_ns * f->workers, idle = (double)f->idle_ns;
    return whole > 0 && idle < whole ? 1 - idle / whole : 0;
}

/* ---- memory ---- */

static uint64_t
bytes_of_file(int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* Pages of its own: what it shares with the others counts once, elsewhere. */
static uint64_t
own_bytes(uint32_t pid)
{
    char path[32], text[160];
    unsigned long size, resident, shared;
    snprintf(path, sizeof path, "/proc/%u/statm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    bool fine = sscanf(text, "%lu %lu %lu", &size, &resident, &shared) == 3 && resident > shared;
    return fine ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void
totals_memory(struct totals_memory *m)
{
    uint64_t sum = 0, looked = 0, alive = 0;
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++) {
        uint32_t pid = atom_peek(&metrics.header->slot[k].pid);
        alive += pid != 0;
        if (!pid || looked == TOTALS_LOOKS)
            continue;
        sum += own_bytes(pid);
        looked++;
    }
    *m = (struct totals_memory){
        .arena = bytes_of_file(job.arena.fd),
        .spill = bytes_of_file(job.arena.spill_fd),
        .workers = looked ? sum / looked * alive : 0, /* the others are like these */
    };
}
