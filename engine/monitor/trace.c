#include "monitor/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "job/job.h"
#include "base/hash.h"
#include "base/log.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "monitor/observers.h"
#include "base/outfile.h"
#include "base/wait_status.h"

enum {
    KNOWN = 1 << 15,     /* runs that arrows may begin or end at */
    SHORT_NS = 1000000,  /* runs of less are thinned out ... */
    SHORT_MANY = 500000, /* ... after this number of them */
    TICK_NS = 50000000,
};

/* A slice that arrows may begin or end at. */
struct slice {
    uint64_t id; /* of its task; 0: none */
    uint64_t from_ns, to_ns;
    uint32_t worker;
};

/* One whose poster's slice has not come yet. */
struct child {
    struct slice slice;
    uint64_t poster; /* id */
    uint64_t before; /* number of the child in front of it in its list; 0: none */
};

static struct {
    struct outfile file;
    bool all;
    bool open;               /* something was written */
    uint64_t shorts;         /* short runs that were written */
    uint64_t skipped, every; /* of the short ones one in `every` is written */
    uint64_t *last_ns;       /* by worker: where its last slice ended */
    uint64_t arrows;
    uint32_t named;         /* workers whose tracks have names */
    struct slice *posters;  /* found by id */
    struct child *children; /* by number; the last KNOWN of them */
    uint64_t *newest_child; /* by the poster's id: the number that its list begins with */
    uint64_t nchildren;
    uint64_t queued, busy, suspended; /* as written last */
} trace;

/* ---- one event ---- */

static struct text *
put_event(const char *head)
{
    struct text *t = &trace.file.text;
    text_put(t, trace.open ? ",\n{" : "[\n{");
    text_put(t, head);
    trace.open = true;
    return t;
}

/* Microseconds since the start of the job. */
static void
put_time(struct text *t, const char *name, uint64_t ns)
{
    text_put(t, name);
    text_decimal(t, ns, 3);
}

/* ,"pid":12,"tid":1,"ts":5.000 */
static void
put_place(struct text *t, uint32_t worker, uint64_t ns)
{
    text_put(t, ",\"pid\":");
    text_integer(t, metrics.header->pid);
    text_put(t, ",\"tid\":");
    text_integer(t, worker);
    put_time(t, ",\"ts\":", metrics_since_start(metrics.header, ns));
}

static void
put_integer(struct text *t, const char *name, uint64_t v)
{
    text_put(t, name);
    text_integer(t, v);
}

static void
put_string(struct text *t, const char *name, const char *s, size_t len)
{
    text_put(t, name);
    json_bytes(t, s, len);
}

/* {"ph":"M"}: what a track is called, and where it stands. */
static void
put_track(uint32_t worker, const char *what, const char *name, uint64_t number)
{
    struct text *t = put_event("\"ph\":\"M\"");
    put_string(t, ",\"name\":", what, strlen(what));
    put_place(t, worker, 0);
    text_put(t, ",\"args\":{");
    if (name)
        put_string(t, "\"name\":", name, strlen(name));
    else
        put_integer(t, "\"sort_index\":", number);
    text_put(t, "}}");
}

static void
put_counter(const char *name, uint64_t value, uint64_t now_ns)
{
    struct text *t = put_event("\"ph\":\"C\"");
    put_string(t, ",\"name\":", name, strlen(name));
    put_place(t, 0, now_ns);
    put_integer(t, ",\"args\":{\"tasks\":", value);
    text_put(t, "}}");
}

/* ---- arrows ---- */

static void
put_arrow(const struct slice *poster, const struct slice *child)
{
    /* Strictly inside of the slice that posted, and not after the one that was posted. */
    uint64_t last = poster->to_ns > poster->from_ns ? poster->to_ns - 1 : poster->from_ns;
    uint64_t at = child->from_ns < last ? child->from_ns : last;
    if (at < poster->from_ns)
        return;
    trace.arrows++;
    struct text *t = put_event("\"ph\":\"s\",\"cat\":\"post\",\"name\":\"post\"");
    put_place(t, poster->worker, at);
    put_integer(t, ",\"id\":", trace.arrows);
    text_put(t, "}");
    t = put_event("\"ph\":\"f\",\"bp\":\"e\",\"cat\":\"post\",\"name\":\"post\"");
    put_place(t, child->worker, child->from_ns);
    put_integer(t, ",\"id\":", trace.arrows);
    text_put(t, "}");
}

static uint32_t
place_of(uint64_t id)
{
    return (uint32_t)(hash_mix(0, id) >> 32) % KNOWN;
}

/* Four places are for an id: the one that ended first makes room. */
static void
add_poster(const struct slice *own)
{
    struct slice *at = &trace.posters[place_of(own->id) & ~3u], *oldest = at;
    for (int i = 1; i < 4; i++)
        oldest = at[i].to_ns < oldest->to_ns ? &at[i] : oldest;
    *oldest = *own;
}

/* Its newest run, if it was written; NULL. */
static const struct slice *
find_poster(uint64_t id)
{
    const struct slice *at = &trace.posters[place_of(id) & ~3u], *found = NULL;
    for (int i = 0; i < 4; i++) {
        if (at[i].id == id && (!found || at[i].to_ns > found->to_ns))
            found = &at[i];
    }
    return found;
}

/* The rings of the workers are read one after the other, and children may end before the
 * task that posts them: those wait here for it. */
static void
add_child(const struct slice *child, uint64_t poster)
{
    uint64_t *newest = &trace.newest_child[place_of(poster)];
    uint64_t number = ++trace.nchildren;
    trace.children[number % KNOWN] = (struct child){*child, poster, *newest};
    *newest = number;
}

static void
put_arrows_to_children(const struct slice *poster)
{
    uint64_t number = trace.newest_child[place_of(poster->id)];
    while (number && number + KNOWN > trace.nchildren) {
        struct child *child = &trace.children[number % KNOWN];
        if (child->poster == poster->id) {
            put_arrow(poster, &child->slice);
            child->poster = 0;
        }
        number = child->before;
    }
}

static void
put_arrows(const struct metrics_event *e, uint64_t from_ns)
{
    struct slice own = {e->id, from_ns, e->to_ns, e->worker};
    const struct slice *poster = e->parent ? find_poster(e->parent) : NULL;
    put_arrows_to_children(&own);
    add_poster(&own);
    if (poster)
        put_arrow(poster, &own);
    else if (e->parent)
        add_child(&own, e->parent);
}

/* ---- slices ---- */

static void
put_args(struct text *t, const struct metrics_event *e)
{
    static const char *const outcomes[] = {"done", "failed", "retry", "died",
                                           "quarantined"};
    const char *poster = job_fn_info(e->parent_fn)->name, *outcome = outcomes[e->outcome];
    put_integer(t, ",\"args\":{\"task\":", e->id);
    put_string(t, ",\"arguments\":", e->text, e->args_len);
    put_integer(t, ",\"attempt\":", e->attempt);
    put_string(t, ",\"outcome\":", outcome, strlen(outcome));
    put_string(t, ",\"poster\":", poster, strlen(poster));
    put_integer(t, ",\"stands_for\":", e->weight * (e->rough ? 1 : trace.every));
    if (e->error_len)
        put_string(t, ",\"error\":", e->text + e->args_len, e->error_len);
    if (e->stolen)
        text_put(t, ",\"stolen\":true");
    if (e->rough)
        text_put(t, ",\"start_is_rough\":true");
    if (e->waited_ns)
        put_time(t, ",\"waited_us\":", e->waited_ns);
    if (e->lock_ns)
        put_time(t, ",\"waited_for_locks_us\":", e->lock_ns);
    text_put(t, "}}");
}

/* Its last wait for a lock, inside of its slice. */
static void
put_lock_wait(const struct metrics_event *e, uint64_t from_ns)
{
    if (!e->lock_ns || e->lock_from_ns < from_ns || e->lock_to_ns > e->to_ns)
        return;
    static const char name[] = "waits for a lock";
    struct text *t = put_event("\"ph\":\"X\",\"cat\":\"lock\"");
    put_string(t, ",\"name\":", name, sizeof name - 1);
    put_place(t, e->worker, e->lock_from_ns);
    put_time(t, ",\"dur\":", e->lock_to_ns - e->lock_from_ns);
    text_put(t, "}");
}

/* Many short runs make a file that nobody can open: after SHORT_MANY of them every second
 * one is written, after twice as many every fourth ... */
static bool
thinned_out(const struct metrics_event *e)
{
    if (trace.all || e->outcome != METRICS_DONE || e->to_ns - e->from_ns >= SHORT_NS)
        return false;
    if (++trace.skipped < trace.every)
        return true;
    trace.skipped = 0;
    if (++trace.shorts % SHORT_MANY == 0)
        trace.every *= 2;
    return false;
}

/* A begin or an end on a track of its own, which the number `id` names. */
static struct text *
put_async(const char *head, const char *name, const struct metrics_event *e, uint64_t ns)
{
    struct text *t = put_event(head);
    put_string(t, ",\"name\":", name, strlen(name));
    put_place(t, e->worker, ns);
    put_integer(t, ",\"id\":", e->id);
    return t;
}

/* Others ran in its worker meanwhile, so it cannot be a slice of the worker's track. Inside of it
 * is its longest wait. */
static void
put_waited(const struct metrics_event *e)
{
    static const char from[] = "\"ph\":\"b\",\"cat\":\"task\"";
    static const char to[] = "\"ph\":\"e\",\"cat\":\"task\"";
    const char *name = job_fn_info(e->fn)->name;
    put_args(put_async(from, name, e, e->from_ns), e);
    text_put(put_async(from, "waits", e, e->wait_from_ns), "}");
    text_put(put_async(to, "waits", e, e->wait_to_ns), "}");
    text_put(put_async(to, name, e, e->to_ns), "}");
    outfile_more(&trace.file);
}

static void
note_run(const struct metrics_event *e)
{
    if (trace.file.failed || thinned_out(e))
        return;
    if (e->waited_ns) {
        put_waited(e);
        return;
    }
    uint64_t *last = &trace.last_ns[e->worker];
    uint64_t from = e->from_ns > *last ? e->from_ns : *last; /* a rough start */
    from = from < e->to_ns ? from : e->to_ns;
    *last = e->to_ns;
    const char *name = job_fn_info(e->fn)->name;
    struct text *t = put_event("\"ph\":\"X\",\"cat\":\"task\"");
    put_string(t, ",\"name\":", name, strlen(name));
    put_place(t, e->worker, from);
    put_time(t, ",\"dur\":", e->to_ns - from);
    put_args(t, e);
    put_lock_wait(e, from);
    put_arrows(e, from);
    outfile_more(&trace.file);
}

/* ---- lives of workers, counters ---- */

static void
note_life(uint32_t k, const char *what, const char *name, const char *value)
{
    if (trace.file.failed)
        return;
    struct text *t = put_event("\"ph\":\"i\",\"s\":\"t\",\"cat\":\"worker\"");
    put_string(t, ",\"name\":", what, strlen(what));
    put_place(t, k, clock_ns());
    text_put(t, ",\"args\":{");
    json_bytes(t, name, strlen(name));
    put_string(t, ":", value, strlen(value));
    text_put(t, "}}");
}

/* Up to that of worker n. There may be more of them later. */
static void
name_tracks(uint32_t n)
{
    char name[32];
    while (trace.named < n) {
        uint32_t k = ++trace.named;
        snprintf(name, sizeof name, "worker %u", k);
        put_track(k, "thread_name", name, 0);
        put_track(k, "thread_sort_index", NULL, k);
    }
}

static void
note_started(uint32_t k, int pid)
{
    char text[16];
    name_tracks(k);
    snprintf(text, sizeof text, "%d", pid);
    note_life(k, "worker started", "process", text);
}

static void
note_ended(uint32_t k, int pid, int status)
{
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    (void)pid;
    note_life(k, well ? "worker ended" : "worker died", "status",
              well ? "0" : wait_status_text(status));
}

static void
note_totals(uint64_t now_ns)
{
    uint64_t suspended = observers_suspended(), begun = observers_busy() + suspended;
    uint64_t busy = begun - suspended, left = observers_left();
    uint64_t queued = left > begun ? left - begun : 0;
    if (trace.file.failed)
        return;
    if (queued != trace.queued)
        put_counter("waiting tasks", queued, now_ns);
    if (busy != trace.busy)
        put_counter("running tasks", busy, now_ns);
    if (suspended != trace.suspended)
        put_counter("suspended tasks", suspended, now_ns);
    trace.suspended = suspended;
    trace.queued = queued;
    trace.busy = busy;
    outfile_flush(&trace.file);
}

/* ---- start and end ---- */

static void
start(uint32_t n)
{
    char process[sizeof metrics.header->script + 16];
    outfile_clear(&trace.file);
    snprintf(process, sizeof process, "prunner %s", metrics.header->script);
    put_track(0, "process_name", process, 0);
    put_track(0, "thread_name", "supervisor", 0);
    name_tracks(n);
    outfile_flush(&trace.file);
}

static void
end(void)
{
    uint64_t now = clock_ns();
    if (!trace.file.failed) {
        put_counter("waiting tasks", observers_left(), now);
        put_counter("running tasks", 0, now);
        if (trace.suspended)
            put_counter("suspended tasks", 0, now);
        text_put(&trace.file.text, "\n]\n");
    }
    outfile_close(&trace.file);
    free(trace.posters);
    free(trace.children);
    free(trace.newest_child);
    free(trace.last_ns);
}

static struct observer observer = {
    .start = start,
    .event = note_run,
    .started = note_started,
    .ended = note_ended,
    .tick = note_totals,
    .end = end,
    .every_ns = TICK_NS,
};

int
trace_open(const char *path, bool all)
{
    int err = outfile_open(&trace.file, "--trace", path);
    if (err)
        return err;
    trace.posters = calloc(KNOWN, sizeof *trace.posters);
    trace.children = calloc(KNOWN, sizeof *trace.children);
    trace.newest_child = calloc(KNOWN, sizeof *trace.newest_child);
    trace.last_ns = calloc(ARENA_SLOTS, sizeof *trace.last_ns);
    if (!trace.posters || !trace.children || !trace.newest_child || !trace.last_ns) {
        log_error("--trace: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    trace.all = all;
    trace.every = 1;
    observer.record = METRICS_TASKS | METRICS_ARGS | (all ? METRICS_ALL : 0);
    observers_add(&observer);
    return 0;
}
