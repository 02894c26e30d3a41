#include "monitor/advice.h"

#include <math.h>
#include <stdbool.h>

#include "base/locale_point.h"
#include "base/human.h"
#include "base/text.h"

static const uint64_t SHORT_NS = 1000000000; /* of shorter jobs nothing is said: nobody waits */
static const uint64_t SMALL_NS = 2000;       /* ... and prunner takes a good part of that */
enum { MANY = 100000,
       WORKERS_MAX = 4000 };

static double
share(uint64_t part, double of)
{
    return of > 0 ? (double)part / of : 0;
}

/* Of the workers' time. */
static double
whole(const struct advice *h)
{
    return (double)h->wall_ns * h->workers;
}

static double
busy(const struct advice *h)
{
    double left = whole(h) - (double)h->idle_ns;
    return left > 0 ? left : 0;
}

static bool
say_locks(struct text *t, const struct advice *h)
{
    double part = share(h->lock_ns, whole(h));
    if (part < 0.15)
        return false;
    text_print(t,
               "hint: the workers slept %.0f%% of their time for locks: dict:incr and counters "
               "need none; or use several locks, prunner.lock(NAME)",
               part * 100);
    return true;
}

static bool
say_unshared(struct text *t, const struct advice *h)
{
    char loaded[HUMAN_TEXT], own[HUMAN_TEXT];
    /* Free memory of the heap was used as well. */
    uint64_t most = h->unshared_bytes < h->heap_bytes ? h->unshared_bytes : h->heap_bytes;
    if (h->workers < 2 || !h->heap_bytes || h->unshared_bytes < h->heap_bytes / 2)
        return false;
    text_print(t,
               "hint: %s of Lua objects were loaded before the fork, and a worker had %s "
               "of its own in the end, since Lua's collector marks each object: few large "
               "strings, or FFI arrays, stay shared",
               human_bytes(loaded, h->heap_bytes), human_bytes(own, most));
    return true;
}

static bool
say_tail(struct text *t, const struct advice *h)
{
    char took[HUMAN_TEXT];
    bool long_one = h->last && h->last_ns > h->wall_ns / 4;
    double others = (double)h->last_ns * (h->workers - 1);
    if (!long_one || h->workers < 2 || (double)h->idle_ns < others / 2)
        return false;
    text_print(t,
               "hint: the other workers waited for the last task, %s, which took %s: split it, "
               "or post it first",
               h->last, human_time(took, h->last_ns));
    return true;
}

static bool
say_blocks(struct text *t, const struct advice *h)
{
    char took[HUMAN_TEXT];
    if (!h->blocks)
        return false;
    text_print(t,
               "hint: tasks ran for up to %s (%s) while suspended ones of the same worker could "
               "have continued, %llu %s: prunner.sleep(0) in long loops lets them",
               human_time(took, h->block_ns), h->block_name, (unsigned long long)h->blocks,
               h->blocks == 1 ? "time" : "times");
    return true;
}

/* All workers had as many tasks as they may. */
static bool
say_more_at_a_time(struct text *t, const struct advice *h)
{
    double part = share(h->cpu_ns, whole(h)), begun = share(h->wait_ns + h->tasks_ns, whole(h));
    if (h->concurrency < 2 || part > 0.3 || begun < 0.85 * h->concurrency ||
        h->finished < 4ull * h->workers * h->concurrency)
        return false;
    text_print(t,
               "hint: the tasks waited most of the time (CPU: %.0f%%): more at a time, -c %u, may "
               "be faster",
               part * 100, h->concurrency * 4);
    return true;
}

static bool
say_small(struct text *t, const struct advice *h)
{
    char took[HUMAN_TEXT];
    if (h->finished < MANY || h->tasks_ns / h->finished >= SMALL_NS)
        return false;
    text_print(t,
               "hint: a task took %s, and prunner itself about as long to hand it out: let one "
               "task do many (post ranges, or lists)",
               human_time(took, h->tasks_ns / h->finished));
    return true;
}

static bool
say_too_many(struct text *t, const struct advice *h)
{
    double used = busy(h) / (double)h->wall_ns;
    if (h->workers < 2 || busy(h) > 0.5 * whole(h))
        return false;
    char average[32];
    snprintf(average, sizeof average, "%.1f", used);
    text_print(t,
               "hint: on average %s of %u workers had something to do: -n %.0f would do as "
               "well",
               locale_point(average), h->workers, ceil(used + 0.1));
    return true;
}

static bool
say_too_few(struct text *t, const struct advice *h)
{
    double part = share(h->cpu_ns, busy(h)), room = whole(h) * 0.85;
    bool cpus_free = (double)h->cpu_ns < 0.5 * (double)h->wall_ns * h->cpus;
    /* Fewer than -n were started: there was no work for more. */
    if (h->concurrency > 1 || h->workers < h->most || busy(h) < room || part > 0.3 || !cpus_free ||
        h->finished < 4 * h->workers)
        return false;
    double more = h->workers * (part > 0.1 ? 1 / part : 10);
    text_print(t,
               "hint: the tasks waited most of the time (CPU: %.0f%%): more workers, -n %.0f, "
               "may be faster",
               part * 100, more < WORKERS_MAX ? more : WORKERS_MAX);
    return true;
}

static bool
say_crowded(struct text *t, const struct advice *h)
{
    double machine = (double)h->wall_ns * h->cpus;
    if (h->workers < h->cpus * 2 || (double)h->cpu_ns < 0.8 * machine)
        return false;
    text_print(t,
               "hint: %u workers shared %u %s and kept them busy: -n %u would need less memory",
               h->workers, h->cpus, h->cpus == 1 ? "CPU" : "CPUs", h->cpus);
    return true;
}

void
advice_put(struct text *t, const struct advice *h)
{
    static bool (*const say[])(struct text *, const struct advice *) = {
        say_locks, say_blocks, say_unshared, say_tail, say_small, say_too_many, say_too_few,
        say_more_at_a_time, say_crowded};
    int said = 0;
    if (h->wall_ns < SHORT_NS)
        return;
    for (unsigned i = 0; i < sizeof say / sizeof *say && said < ADVICE_MAX; i++) {
        bool idle_explained = said && (say[i] == say_too_many || say[i] == say_too_few);
        size_t before = t->len;
        text_put(t, "  ");
        if (!idle_explained && say[i](t, h)) {
            text_put(t, "\n");
            said++;
        } else {
            t->len = before;
        }
    }
}
