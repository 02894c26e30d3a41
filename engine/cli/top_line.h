/* topline: what `prunner top` shows, as lines of text: for the screen, or to print. */
#ifndef PRN_TOP_LINE_H
#define PRN_TOP_LINE_H

#include "cli/snapshot.h"

enum {
    TOPLINE_BYTES = 2048,
    TOPLINE_HEAD = 4,    /* lines above the tables */
    TOPLINE_PLAIN = 500, /* columns of a line that is printed */
};

/* One line. It takes no more than `width` columns; bytes that are no text become '?'. */
struct topline {
    char text[TOPLINE_BYTES];
    int bytes, columns, width;
};

void topline_start(struct topline *l, int width);
void topline_put(struct topline *l, const char *s);
__attribute__((format(printf, 2, 3))) void topline_print(struct topline *l, const char *fmt, ...);
/* topline_head writes line i of TOPLINE_HEAD. */
void topline_head(struct topline *l, const struct glance *g, int i);
/* topline_names returns how many columns the names of functions may take in each table. */
int topline_names(const struct glance *g, int width);
/* The headings of the tables, and their rows. */
void topline_fn_heading(struct topline *l, int names);
void topline_fn(struct topline *l, const struct glance *g, uint32_t fn, int names);
void topline_worker_heading(struct topline *l, int names);
void topline_worker(struct topline *l, const struct glance *g, const struct glance_worker *w,
                    int names);

#endif
