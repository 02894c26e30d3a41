/* What lua/prunner/report/init.lua calls: how the job went, when the workers are gone. Times are
 * in seconds. */
#include "lua/binding.h"

#include <string.h>
#include <sys/resource.h>

#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "monitor/timeline.h"
#include "monitor/observers.h"
#include "base/outfile.h"
#include "base/wait_status.h"

static double
seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void
set_bytes(lua_State *L, const char *name, const char *bytes, size_t len)
{
    lua_pushlstring(L, bytes, len);
    lua_setfield(L, -2, name);
}

static void
set_text(lua_State *L, const char *name, const char *text)
{
    set_bytes(L, name, text, strlen(text));
}

/* ---- functions ---- */

static void
add_up(struct metrics_fn *sum, uint32_t fn)
{
    for (uint32_t k = 0; k <= timeline.nworkers; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        if (metrics_has(s, fn))
            metrics_add_fn(sum, &s->fns[fn]);
    }
}

static uint64_t
waited_ns(uint32_t fn)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k <= timeline.nworkers; k++)
        sum += metrics.header->slot[k].fn_wait_ns[fn];
    return sum;
}

/* {{from = seconds, to = seconds, count = n}, ...}, without those that are empty */
static void
push_times(lua_State *L, const uint64_t times[METRICS_TIMES])
{
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < METRICS_TIMES; i++) {
        if (!times[i])
            continue;
        lua_createtable(L, 0, 3);
        binding_set_number(L, "from", i ? seconds(metrics_time_start(i)) : 0);
        binding_set_number(L, "to", seconds(metrics_time_start(i + 1)));
        binding_set_number(L, "count", (double)times[i]);
        lua_rawseti(L, -2, ++n);
    }
}

static void
push_function(lua_State *L, uint32_t fn, const struct metrics_fn *f)
{
    const struct fn_info *info = job_fn_info(fn);
    lua_createtable(L, 0, 16);
    binding_set_number(L, "number", fn);
    set_text(L, "name", fn ? info->name : "others");
    set_text(L, "where", info->where ? info->where : "");
    binding_set_number(L, "posted", (double)f->posted);
    binding_set_number(L, "finished", (double)f->finished);
    binding_set_number(L, "failed", (double)f->failed);
    binding_set_number(L, "retried", (double)f->retried);
    binding_set_number(L, "quarantined", (double)f->quarantined);
    binding_set_number(L, "timed", (double)f->timed);
    binding_set_number(L, "busy", seconds(f->busy_ns));
    binding_set_number(L, "waited", seconds(waited_ns(fn)));
    binding_set_number(L, "longest", seconds(f->longest_ns));
    binding_set_number(L, "p50", seconds(metrics_quantile(f->times, 0.5)));
    binding_set_number(L, "p95", seconds(metrics_quantile(f->times, 0.95)));
    push_times(L, f->times);
    lua_setfield(L, -2, "times");
}

/* Those of which tasks were posted or ended. */
static void
push_functions(lua_State *L)
{
    int n = 0;
    lua_newtable(L);
    for (uint32_t fn = 0; fn <= timeline.nfns; fn++) {
        struct metrics_fn f = {0};
        add_up(&f, fn);
        if (!f.posted && !f.finished && !f.retried)
            continue;
        push_function(L, fn, &f);
        lua_rawseti(L, -2, ++n);
    }
}

/* ---- samples ---- */

static void
push_done(lua_State *L, const struct timeline_sample *s)
{
    lua_newtable(L);
    for (uint32_t fn = 0; fn <= timeline.nfns; fn++) {
        if (!s->finished[fn])
            continue;
        lua_pushnumber(L, (double)s->finished[fn]);
        lua_rawseti(L, -2, (int)fn);
    }
}

/* {{busy = 0..1, fn = number}, ...}, a row each */
static void
push_cells(lua_State *L, const struct timeline_sample *s)
{
    lua_createtable(L, (int)timeline.nrows, 0);
    for (uint32_t r = 0; r < timeline.nrows; r++) {
        lua_createtable(L, 0, 2);
        binding_set_number(L, "busy", s->cells[r].busy / 255.0);
        binding_set_number(L, "fn", s->cells[r].fn);
        lua_rawseti(L, -2, (int)r + 1);
    }
}

static void
push_samples(lua_State *L)
{
    lua_createtable(L, (int)timeline.nsamples, 0);
    for (uint32_t i = 0; i < timeline.nsamples; i++) {
        const struct timeline_sample *s = &timeline.samples[i];
        lua_createtable(L, 0, 5);
        binding_set_number(L, "at", seconds(s->at_ns));
        binding_set_number(L, "waiting", (double)s->waiting);
        binding_set_number(L, "busy", (double)s->busy);
        push_done(L, s);
        lua_setfield(L, -2, "finished");
        push_cells(L, s);
        lua_setfield(L, -2, "rows");
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* ---- tasks ---- */

static void
push_task(lua_State *L, const struct metrics_event *e)
{
    static const char *const outcomes[] = {
        [METRICS_DONE] = "done",
        [METRICS_FAILED] = "failed",
        [METRICS_RETRY] = "retry",
        [METRICS_DIED] = "died",
        [METRICS_QUARANTINED] = "quarantined",
    };
    lua_createtable(L, 0, 9);
    binding_set_number(L, "id", (double)e->id);
    set_text(L, "name", job_fn_info(e->fn)->name);
    set_text(L, "poster", job_fn_info(e->parent_fn)->name);
    set_bytes(L, "arguments", e->text, e->args_len);
    set_bytes(L, "error", e->text + e->args_len, e->error_len);
    set_text(L, "outcome", outcomes[e->outcome]);
    binding_set_number(L, "worker", e->worker);
    binding_set_number(L, "attempt", e->attempt);
    uint64_t start = metrics.header->start_ns;
    binding_set_number(L, "from", seconds(e->from_ns > start ? e->from_ns - start : 0));
    binding_set_number(L, "seconds", seconds(e->to_ns - e->from_ns));
    binding_set_number(L, "waited", seconds(e->waited_ns));
}

static void
push_slowest(lua_State *L)
{
    int n = 0;
    lua_newtable(L);
    for (uint32_t k = 0; k <= timeline.nworkers; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        for (int i = 0; i < METRICS_SLOWEST; i++) {
            if (!s->slowest[i].to_ns)
                continue;
            push_task(L, &s->slowest[i]);
            lua_rawseti(L, -2, ++n);
        }
    }
}

/* The whole text of a failure of this kind, if some worker has kept it: of the first one, or
 * of another. */
static const struct metrics_kept *
find_kept(const struct timeline_kind *kind)
{
    const struct metrics_kept *found = NULL;
    for (uint32_t k = 0; k <= timeline.nworkers; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        for (uint64_t i = 0; i < s->nkept; i++) {
            if (s->kept[i].key == kind->key && (!found || s->kept[i].id == kind->first.id))
                found = &s->kept[i];
        }
    }
    return found;
}

static void
push_failures(lua_State *L)
{
    lua_createtable(L, (int)timeline.nkinds, 0);
    for (uint32_t i = 0; i < timeline.nkinds; i++) {
        const struct timeline_kind *kind = &timeline.kinds[i];
        const struct metrics_kept *kept = find_kept(kind);
        lua_createtable(L, 0, 6);
        binding_set_number(L, "count", (double)kind->count);
        binding_set_number(L, "retried", (double)kind->again);
        binding_set_number(L, "first", seconds(kind->first_ns));
        binding_set_number(L, "last", seconds(kind->last_ns));
        push_task(L, &kind->first);
        lua_setfield(L, -2, "task");
        if (kept)
            set_bytes(L, "text", kept->text, kept->len);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void
push_deaths(lua_State *L)
{
    lua_createtable(L, (int)timeline.ndeaths, 0);
    for (uint32_t i = 0; i < timeline.ndeaths; i++) {
        lua_createtable(L, 0, 3);
        binding_set_number(L, "at", seconds(timeline.deaths[i].at_ns));
        binding_set_number(L, "worker", timeline.deaths[i].worker);
        set_text(L, "how", wait_status_text(timeline.deaths[i].status));
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* ---- the whole ---- */

/* Of this process and of those that have ended below it. */
static void
set_usage(lua_State *L)
{
    struct rusage own, workers;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &workers);
    binding_set_number(L, "user_seconds",
                       (double)(own.ru_utime.tv_sec + workers.ru_utime.tv_sec) +
                           (double)(own.ru_utime.tv_usec + workers.ru_utime.tv_usec) / 1e6);
    binding_set_number(L, "system_seconds",
                       (double)(own.ru_stime.tv_sec + workers.ru_stime.tv_sec) +
                           (double)(own.ru_stime.tv_usec + workers.ru_stime.tv_usec) / 1e6);
    binding_set_number(L, "largest_worker_bytes", (double)workers.ru_maxrss * 1024);
}

static void
set_list(lua_State *L, const char *name, void (*push)(lua_State *))
{
    push(L);
    lua_setfield(L, -2, name);
}

/* core.report() -> the table of figures that lua/prunner/report/init.lua describes */
static int
l_report(lua_State *L)
{
    lua_newtable(L);
    binding_set_number(L, "start", seconds(metrics.header->start_unix_ns));
    binding_set_number(L, "seconds", seconds(timeline.end_ns));
    binding_set_number(L, "workers", timeline.nworkers);
    binding_set_number(L, "row_workers", timeline.row_workers);
    binding_set_number(L, "runs", (double)observers_runs());
    binding_set_number(L, "more_kinds_of_failures", (double)timeline.more_kinds);
    binding_set_number(L, "more_deaths", (double)timeline.more_deaths);
    set_text(L, "script", metrics.header->script);
    set_usage(L);
    set_list(L, "functions", push_functions);
    set_list(L, "samples", push_samples);
    set_list(L, "slowest", push_slowest);
    set_list(L, "failures", push_failures);
    set_list(L, "deaths", push_deaths);
    return 1;
}

/* core.replace_file(path [, contents]) -> true | nil, message. Without contents: could
 * it be done? */
static int
l_replace_file(lua_State *L)
{
    size_t len = 0;
    const char *path = luaL_checkstring(L, 1), *bytes = luaL_optlstring(L, 2, NULL, &len);
    int err = outfile_replace(path, bytes, len);
    if (err) {
        lua_pushnil(L);
        lua_pushstring(L, strerror(-err));
        return 2;
    }
    lua_pushboolean(L, 1);
    return 1;
}

const luaL_Reg binding_report_functions[] = {
    {"report", l_report},
    {"replace_file", l_replace_file},
    {NULL, NULL},
};
