#include "output/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "job/job.h"
#include "base/log.h"
#include "task/task.h"

enum { ARGS = 160,
       ARGS_MIN = 16,
       TASK = 256 };

void
report_task(const struct task *t, char *text, uint32_t cap)
{
    char args[ARGS];
    const char *name = job_fn_info(t->fn)->name;
    size_t around = strlen(name) + sizeof "()";
    size_t room = around + ARGS_MIN < cap ? cap - around : ARGS_MIN;
    codec_describe(task_args(&job.arena, t), t->bytes, args,
                   room < sizeof args ? room : sizeof args);
    snprintf(text, cap, "%s(%s)", name, args);
}

/* "posted by double (job.lua:12)", or what of it is known. */
static void
describe_poster(const struct task *t, char *text, size_t cap)
{
    const struct fn_info *f = job_fn_info(task_parent_fn(t));
    uint32_t line = task_line(t); /* --debug only */
    const char *where = f->where ? f->where : "";
    int n = snprintf(text, cap, "posted by %s%s%s%s", f->name, *where ? " (" : "", where,
                     *where ? ")" : "");
    if (line && n > 0 && (size_t)n < cap)
        snprintf(text + n, cap - (size_t)n, ", at line %u", line);
}

void
report_error(const struct task *t, uint32_t run, uint32_t worker, const char *message,
             const char *traceback, bool again)
{
    char task[TASK], poster[TASK], *text = NULL;
    report_task(t, task, sizeof task);
    describe_poster(t, poster, sizeof poster);
    if (again && run > 1)
        traceback = NULL;
    int n = asprintf(&text,
                     "prunner: task %s failed%s: %s\n"
                     "  task #%llu, run %u, worker %u, defined at %s, %s\n%s%s",
                     task, again ? " and will be run again" : "", message,
                     (unsigned long long)t->id, run, worker,
                     job_fn_info(t->fn)->where, poster,
                     traceback ? traceback : "", traceback ? "\n" : "");
    if (n > 0)
        log_text(text, (size_t)n);
    free(text);
}

void
report_dead(const struct task *t, uint32_t runs, const char *how)
{
    char task[TASK], poster[TASK], *text = NULL;
    report_task(t, task, sizeof task);
    describe_poster(t, poster, sizeof poster);
    int n = asprintf(&text,
                     "prunner: task %s was set aside: %u %s ended with the worker's "
                     "death, the last one by %s\n"
                     "  task #%llu, defined at %s, %s; --attempts says how often to try\n",
                     task, runs, runs == 1 ? "run" : "runs", how,
                     (unsigned long long)t->id,
                     job_fn_info(t->fn)->where, poster);
    if (n > 0)
        log_text(text, (size_t)n);
    free(text);
}

void
report_death(uint32_t worker, int pid, const char *how, const struct task *t,
             uint32_t run, uint32_t attempts, const char *when)
{
    char task[TASK];
    if (!t) {
        log_warn("worker %u (process %d) died: %s; no task was harmed", worker, pid, how);
        return;
    }
    report_task(t, task, sizeof task);
    log_warn("worker %u (process %d) died: %s; task %s, run %u of %u, will be run again%s",
             worker, pid, how, task, run, attempts, when);
}
