/* progress_text: how a job stands, in words: rows for a terminal, a line for a file, JSON for
 * a program. Writes into a text and touches nothing else. */
#ifndef PRN_PROGRESS_TEXT_H
#define PRN_PROGRESS_TEXT_H

#include "monitor/totals.h"
#include "monitor/rate.h"
#include "base/text.h"

enum { PROGRESS_FNS = 6 }; /* functions that have a row of their own */

struct progress_view {
    const struct totals *totals;
    struct totals_memory memory;
    struct rate_view rate;
    uint64_t p50_ns[PROGRESS_FNS], p95_ns[PROGRESS_FNS]; /* of the first functions */
    bool stopping;                                       /* nothing new is started */
    bool over;
};

/* progress_line: one line, without its end. */
void progress_line(struct text *t, const struct progress_view *v);
/* progress_json: one object on one line, without its end. */
void progress_json(struct text *t, const struct progress_view *v);
/* progress_rows: at most `rows` of them, `columns` wide, each ended by \n. */
void progress_rows(struct text *t, const struct progress_view *v, int columns, int rows,
                   bool colours);

#endif
