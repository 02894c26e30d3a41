/* printer: the process that shows what tasks have printed, in order (--keep-order).
 * It reads the orderlog, and asks `order` what is next; it runs no Lua. However slowly
 * its output is read, supervisor and tasks continue. Under --serial the one process does
 * the same between tasks.
 *
 * It shows each run's output under output_lock[0], as ARENA_PRINTER: what hooks print does not
 * come in between.
 *
 * Died: what was not shown is lost, and the job ends. It dies with the supervisor. */
#ifndef PRN_PRINTER_H
#define PRN_PRINTER_H

#include <stdbool.h>

#include "memory/arena.h"

struct task;

/* printer_start begins with the tasks there are: before the workers are forked.
 * 0 or -errno. */
int printer_start(bool serial);
/* printer_forget: in a worker. The printer waits until nobody can tell it anything. */
void printer_forget(void);
/* printer_quarantined: no run of this task will end any more. By the supervisor. */
void printer_quarantined(const struct task *t);
/* printer_died: did it? Message printed, and the job cannot continue. */
bool printer_died(void);
/* printer_turn (--serial) shows what can be shown. Returns the first error, as
 * output_flush(). */
struct output_error printer_turn(void);
/* printer_finish has everything shown that is there, in order; returns when it is. */
void printer_finish(void);

#endif
