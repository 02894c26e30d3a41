/* progress: shows on standard error how the job stands, while it runs: drawn on a terminal,
 * as lines elsewhere, as JSON for programs. An observer: see observers.h. */
#ifndef PRN_PROGRESS_H
#define PRN_PROGRESS_H

#include "job/config.h"

/* progress_open, before the fork: what the user wants to see. */
void progress_open(const struct config *c);
/* progress_shown: was anything shown to people so far? */
bool progress_shown(void);

struct text;

/* progress_describe adds how the job stands now, on one line without its end. */
void progress_describe(struct text *t);

#endif
