/* summary: what is said of a job when it is over: how long, how busy, the slowest tasks,
 * failures by kind, hints. An observer: see observers.h. */
#ifndef PRN_SUMMARY_H
#define PRN_SUMMARY_H

#include "job/config.h"

/* summary_open, before the fork and after progress_open(): where progress was shown a
 * summary follows. */
void summary_open(const struct config *c);

#endif
