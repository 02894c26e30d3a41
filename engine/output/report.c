#include "output/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "job/failures.h"
#include "job/job.h"
#include "base/log.h"
#include "base/text.h"
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

/* What is told of a failure. */
struct telling {
    bool line;    /* it is told at all */
    bool details; /* with what follows the line */
    bool last;    /* of its kind */
    bool again;   /* the task runs again */
};

/* Of like failures the first one whole, a few by one line; --debug tells them all. */
static struct telling
tell(const struct task *t, bool again, const char *message)
{
    uint64_t nth = failures_note(t->fn, again, message, strlen(message));
    if (log_debugging())
        return (struct telling){true, true, false, again};
    return (struct telling){nth <= FAILURES_TOLD, nth == 1, nth == FAILURES_TOLD, again};
}

/* As one write: the line, and what follows it. Takes the text's memory. */
static void
say(struct text *t, struct telling told)
{
    if (told.last)
        text_print(t,
                   "prunner: further failures like this are counted, not reported: %s--joblog and "
                   "--debug tell each\n",
                   told.again ? "" : "--failures, ");
    if (!t->failed)
        log_text(t->at, t->len);
    text_free(t);
}

void
report_error(const struct task *t, uint32_t run, uint32_t worker, const char *message,
             const char *traceback, bool again)
{
    char task[TASK], poster[TASK];
    struct text text = {0};
    struct telling told = tell(t, again, message);
    if (!told.line)
        return;
    report_task(t, task, sizeof task);
    size_t len = told.details ? strlen(message) : strcspn(message, "\n");
    text_print(&text, "prunner: task %s failed%s: ", task, again ? " and will be run again" : "");
    text_bytes(&text, message, len);
    text_put(&text, "\n");
    if (told.details) {
        describe_poster(t, poster, sizeof poster);
        text_print(&text, "  task #%llu, run %u, worker %u, defined at %s, %s\n%s%s",
                   (unsigned long long)t->id, run, worker, job_fn_info(t->fn)->where, poster,
                   traceback ? traceback : "", traceback ? "\n" : "");
    }
    say(&text, told);
}

void
report_quarantined(const struct task *t, uint32_t runs, const char *how)
{
    char task[TASK], poster[TASK];
    struct text text = {0};
    struct telling told = tell(t, false, how);
    if (!told.line)
        return;
    report_task(t, task, sizeof task);
    describe_poster(t, poster, sizeof poster);
    text_print(&text,
               "prunner: task %s was quarantined: %u %s ended with the worker's death, the last "
               "one by %s\n"
               "  task #%llu, defined at %s, %s; --max-crashes says how often to try\n",
               task, runs, runs == 1 ? "run" : "runs", how, (unsigned long long)t->id,
               job_fn_info(t->fn)->where, poster);
    const char *end = text.failed ? NULL : memchr(text.at, '\n', text.len);
    if (end && !told.details)
        text.len = (size_t)(end + 1 - text.at);
    say(&text, told);
}

void
report_death(uint32_t worker, int pid, const char *how, const struct task *t,
             uint32_t crash, uint32_t max_crashes, const char *when, uint32_t suspended)
{
    char task[TASK], others[80] = "";
    const char *tasks = suspended == 1 ? "task" : "tasks";
    if (!t && suspended) {
        log_warn("worker %u (process %d) died: %s; %u suspended %s will be run again", worker, pid,
                 how, suspended, tasks);
    } else if (!t) {
        log_warn("worker %u (process %d) died: %s; no task was harmed", worker, pid, how);
    } else {
        if (suspended)
            snprintf(others, sizeof others, ", and so will %u suspended %s", suspended, tasks);
        report_task(t, task, sizeof task);
        log_warn("worker %u (process %d) died: %s; task %s, crash %u of %u, will be run again%s%s",
                 worker, pid, how, task, crash, max_crashes, when, others);
    }
}
