/* top_line: what `prunner top` shows, as lines of text, for the screen or to print; and in
 * which order functions and workers are shown. */
#ifndef PRN_TOP_LINE_H
#define PRN_TOP_LINE_H

#include "cli/snapshot.h"

enum {
    TOP_LINE_BYTES = 2048,
    TOP_LINE_HEAD = 4,    /* lines above the tables */
    TOP_LINE_PLAIN = 500, /* columns of a line that is printed */
};

/* One line. It takes no more than `width` columns; bytes that are not text become '?'. */
struct top_line {
    char text[TOP_LINE_BYTES];
    int bytes, columns, width;
};

void top_line_start(struct top_line *l, int width);
void top_line_put(struct top_line *l, const char *s);
__attribute__((format(printf, 2, 3))) void top_line_print(struct top_line *l, const char *fmt, ...);
/* top_line_head writes line i of TOP_LINE_HEAD. */
void top_line_head(struct top_line *l, const struct snapshot *g, int i);
/* top_line_names returns how many columns the names of functions may take in each table. */
int top_line_names(const struct snapshot *g, int width);
/* The headings of the tables, and their rows. */
void top_line_fn_heading(struct top_line *l, int names);
void top_line_fn(struct top_line *l, const struct snapshot *g, uint32_t fn, int names);
void top_line_worker_heading(struct top_line *l, const struct snapshot *g, int names);
void top_line_worker(struct top_line *l, const struct snapshot *g, const struct snapshot_worker *w,
                     int names);

/* What the rows of the tables are sorted by; the letter is the key that asks for it. */
enum top_order_fns {
    FNS_BY_NAME = 'F',
    FNS_BY_DONE = 'D',
    FNS_BY_P95 = 'P',
    FNS_BY_TIME = 'T', /* share of all tasks' time */
};
enum top_order_workers {
    WORKERS_BY_SLOT = 's',
    WORKERS_BY_FUNCTION = 'f',
    WORKERS_BY_TIME = 't', /* for how long it has been doing what it does */
    WORKERS_BY_TASKS = 'n',
    WORKERS_BY_CPU = 'c',
    WORKERS_BY_MEMORY = 'm',
    WORKERS_BY_IDLE = 'i',
};

struct top_order {
    enum top_order_fns fns;
    enum top_order_workers workers;
    bool reverse; /* workers only */
};

/* top_line_order_key: the order after this key. false: it is not a key of ours. */
bool top_line_order_key(struct top_order *o, int key);
/* top_line_order_fns, top_line_order_workers write the numbers of functions that have been used, or
 * the indexes of all workers, in order; there is room for all. Returns how many. */
uint32_t top_line_order_fns(const struct top_order *o, const struct snapshot *g, uint32_t *out);
uint32_t top_line_order_workers(const struct top_order *o, const struct snapshot *g, uint32_t *out);

#endif
