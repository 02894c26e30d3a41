/* trace: --trace FILE: a timeline of the job in Chrome's trace format (a JSON array of
 * events), which Perfetto opens: workers as tracks, runs as slices with arrows from the
 * task that posted to the one that was posted. An observer: written by the supervisor.
 *
 * Died in between: the array is not closed, which readers of the format tolerate. */
#ifndef PRN_TRACE_H
#define PRN_TRACE_H

#include <stdbool.h>

/* trace_open opens the file, whose contents are replaced when the workers start; `all`:
 * every run, whatever it costs. 0, or -errno with a message. Before the script runs; `path`
 * stays the caller's. */
int trace_open(const char *path, bool all);

#endif
