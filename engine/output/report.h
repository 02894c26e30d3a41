/* report: what people read when something went wrong with a task, in one write. Of failures
 * that are alike (job/failures.h) the first is told whole, a few by a line each, and no further
 * ones: the summary has their number. --debug tells all, and whole. */
#ifndef PRN_REPORT_H
#define PRN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

struct task;

/* report_error: the task raised an error. `message` and `traceback` (may be NULL)
 * as text; `again`: it will be run again; `run`: which run this was. */
void report_error(const struct task *t, uint32_t run, uint32_t worker, const char *message,
                  const char *traceback, bool again);
/* report_quarantined: the task was quarantined after `runs` runs that ended with their
 * worker, the last one by `how` ("SIGKILL"). */
void report_quarantined(const struct task *t, uint32_t runs, const char *how);
/* report_death: a worker died; `t` (may be NULL) was running and runs again, `when`
 * (" alone"; may be empty). It was the task's crash number `crash`. `suspended` tasks that waited
 * in the worker run again, too. */
void report_death(uint32_t worker, int pid, const char *how, const struct task *t,
                  uint32_t crash, uint32_t max_crashes, const char *when, uint32_t suspended);
/* report_task writes `fetch("http://...")` into text[cap], shortened. */
void report_task(const struct task *t, char *text, uint32_t cap);

#endif
