/* exit: when and how a worker ends. Below run.c and worker.c, which both end workers. */
#ifndef PRN_EXIT_H
#define PRN_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/arena.h"
#include "memory/layout.h"

/* exit_due: has this worker done its share (--max-tasks, --max-rss)? `ran`: its tasks so
 * far. After each task. */
bool exit_due(uint32_t ran);
/* exit_check_halt stops the job if --halt is reached: after failures, since many more tasks could
 * fail before the supervisor wakes up; and after each task of --serial, which has no supervisor. */
void exit_check_halt(void);
/* exit_output_lost: what tasks print is lost from here on, so the job ends; the worker at
 * once. Returns under --serial only. */
void exit_output_lost(struct output_error lost);
/* exit_worker flushes what is buffered, says why in slot->exit_reason, and ends the
 * process. Died before that store: a death like any other. */
__attribute__((noreturn)) void exit_worker(enum exit_reason reason);

#endif
