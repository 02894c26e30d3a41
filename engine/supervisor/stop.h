/* stop: ending the job before all its tasks are done: an interrupt, `prunner ctl stop`,
 * --halt, --deadline, output that nobody can have any more.
 *
 *   runs --> stopping: no task starts, running ones end --> killing: all workers die
 *
 * Only forwards; a job may go to "killing" at once. A second interrupt does so. While
 * workers are being killed a death is not reported, counts against no task, and has no
 * successor (death.c).
 *
 * supervisor.c calls stop_open() before its loop; in each turn of it first whatever was
 * asked for (stop_signal(), stop_by_control()), then stop_tick(), then, when the dead are
 * seen to, stop_check_halt(). All else may ask at any time how it stands. */
#ifndef PRN_STOP_H
#define PRN_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* stop_open: the job ends by itself at deadline_ns (0: never). */
void stop_open(uint64_t deadline_ns);

/* stop_stopping: is the job stopping, or killing? stop_killing: killing? */
bool stop_stopping(void);
bool stop_killing(void);
/* stop_job_over: does no task start any more, for whatever reason? Workers raise
 * header->mode as well: because all tasks are done, or for --halt. */
bool stop_job_over(void);

/* stop_deadline_ns: as opened. stop_deadline_over: is that time over, done or not? */
uint64_t stop_deadline_ns(void);
bool stop_deadline_over(void);

/* stop_signal: SIGINT, SIGTERM or SIGHUP came. */
void stop_signal(int sig);
/* stop_by_control: `prunner ctl stop`, or `stop now`. */
void stop_by_control(bool now);
/* stop_tick: is there another reason to stop? stop_due: when to ask again (ns);
 * CLOCK_NEVER: when something has happened. */
void stop_tick(void);
uint64_t stop_due(void);
/* stop_check_halt: is it time for --halt? A worker may have stopped the others already. */
void stop_check_halt(void);
/* stop_note_output_lost: a worker could not write to standard output: notes it in
 * job.result, and says so once. true: it is news. */
bool stop_note_output_lost(void);

#endif
