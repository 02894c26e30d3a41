#include "monitor/progress_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/columns.h"
#include "job/job.h"
#include "base/human.h"

enum {
    PIECES = 12,
    PIECE_BYTES = 64,
    NAME_COLUMNS = 24, /* of a function, at most */
};

enum colour { PLAIN,
              BOLD,
              RED,
              DIM };

/* A word or two of what is shown. In order of importance; a row takes what fits. */
struct piece {
    char text[PIECE_BYTES];
    enum colour colour;
};

struct pieces {
    struct piece at[PIECES];
    int n;
};

__attribute__((format(printf, 3, 4))) static void
add(struct pieces *p, enum colour colour, const char *fmt, ...)
{
    va_list ap;
    if (p->n == PIECES)
        return;
    struct piece *piece = &p->at[p->n++];
    piece->colour = colour;
    va_start(ap, fmt);
    vsnprintf(piece->text, sizeof piece->text, fmt, ap);
    va_end(ap);
}

static void
add_count(struct pieces *p, enum colour colour, const char *what, uint64_t n)
{
    if (n)
        add(p, colour, "%s %llu", what, (unsigned long long)n);
}

static void
add_bytes(struct pieces *p, const char *what, uint64_t bytes)
{
    char size[HUMAN_TEXT];
    if (bytes)
        add(p, PLAIN, "%s %s", what, human_bytes(size, bytes));
}

/* 100 when all are done and not before. */
static int
percent(const struct totals *f)
{
    uint64_t known = totals_known(f);
    return known ? (int)(100.0 * (double)f->finished / (double)known) : 100;
}

static uint64_t
left_ns(const struct rate_view *v)
{
    return v->left_s < 1e9 ? (uint64_t)(v->left_s * 1e9) : (uint64_t)1e18;
}

/* How far it is. */
static void
first_pieces(struct pieces *p, const struct progress_view *v)
{
    const struct totals *f = v->totals;
    unsigned long long done = f->finished, known = totals_known(f);
    char text[HUMAN_TEXT];
    add(p, PLAIN, "%s", human_clock(text, f->elapsed_ns));
    if (v->rate.growing)
        add(p, BOLD, "%llu of %llu tasks, growing", done, known);
    else
        add(p, BOLD, "%llu of %llu tasks (%d%%)", done, known, percent(f));
    if (v->stopping)
        add(p, RED, "stopping");
    else if (v->rate.has_left)
        add(p, PLAIN, "eta %s", human_clock(text, left_ns(&v->rate)));
    add(p, PLAIN, "%s/s", human_rate(text, v->rate.rate));
    add(p, PLAIN, "%u of %u %s busy", f->busy, f->workers, f->workers == 1 ? "worker" : "workers");
    add_count(p, PLAIN, "suspended", f->suspended);
}

/* What else there is. */
static void
more_pieces(struct pieces *p, const struct progress_view *v)
{
    const struct totals *f = v->totals;
    add_count(p, PLAIN, "waiting", totals_waiting(f));
    add_count(p, RED, "failed", f->failed);
    add_count(p, RED, "quarantined", f->quarantined);
    add_count(p, PLAIN, "retried", f->retried);
    add_bytes(p, "shared", v->memory.arena);
    add_bytes(p, "workers", v->memory.workers);
    add_bytes(p, "disk", v->memory.spill);
}

void
progress_line(struct text *t, const struct progress_view *v)
{
    struct pieces p = {.n = 0};
    first_pieces(&p, v);
    more_pieces(&p, v);
    for (int i = 0; i < p.n; i++)
        text_print(t, "%s%s", i ? ", " : "", p.at[i].text);
}

/* ---- a program ---- */

static void
json_function(struct text *t, const struct totals_fn *f, uint64_t p50_ns, uint64_t p95_ns)
{
    text_put(t, "{");
    json_field(t, "name", job_fn_info(f->fn)->name);
    json_field(t, "where", job_fn_info(f->fn)->where);
    json_integer(t, "posted", f->posted);
    json_integer(t, "finished", f->finished);
    json_integer(t, "failed", f->failed);
    json_integer(t, "retried", f->retried);
    json_integer(t, "quarantined", f->quarantined);
    json_number(t, "busy_seconds", (double)f->busy_ns / 1e9);
    json_number(t, "longest_seconds", (double)f->longest_ns / 1e9);
    json_number(t, "p50_seconds", (double)p50_ns / 1e9);
    json_number(t, "p95_seconds", (double)p95_ns / 1e9);
    text_put(t, "}");
}

static void
json_functions(struct text *t, const struct totals *f)
{
    json_name(t, "functions");
    text_put(t, "[");
    for (uint32_t i = 0; i < f->nfns; i++) {
        uint64_t p50_ns, p95_ns;
        totals_quantiles(f->fns[i].fn, &p50_ns, &p95_ns);
        text_put(t, i ? "," : "");
        json_function(t, &f->fns[i], p50_ns, p95_ns);
    }
    text_put(t, "]");
}

void
progress_json(struct text *t, const struct progress_view *v)
{
    const struct totals *f = v->totals;
    text_put(t, "{");
    json_number(t, "elapsed_seconds", (double)f->elapsed_ns / 1e9);
    json_integer(t, "workers", f->workers);
    json_integer(t, "busy", f->busy);
    json_integer(t, "posted", f->posted);
    json_integer(t, "finished", f->finished);
    json_integer(t, "known", totals_known(f));
    json_boolean(t, "growing", v->rate.growing);
    if (v->rate.has_left)
        json_number(t, "eta_seconds", v->rate.left_s);
    json_number(t, "rate", v->rate.rate);
    json_integer(t, "waiting", totals_waiting(f));
    json_integer(t, "suspended", f->suspended);
    json_integer(t, "failed", f->failed);
    json_integer(t, "retried", f->retried);
    json_integer(t, "quarantined", f->quarantined);
    json_integer(t, "shared_bytes", v->memory.arena);
    json_integer(t, "disk_bytes", v->memory.spill);
    json_integer(t, "worker_bytes", v->memory.workers);
    json_boolean(t, "stopping", v->stopping);
    json_boolean(t, "over", v->over);
    json_functions(t, f);
    text_put(t, "}");
}

/* ---- a terminal ---- */

static void
put_coloured(struct text *t, enum colour colour, bool colours, const char *s)
{
    static const char *const codes[] = {"", "\033[1m", "\033[31m", "\033[2m"};
    if (!colours || colour == PLAIN)
        text_put(t, s);
    else
        text_print(t, "%s%s\033[m", codes[colour], s);
}

/* The pieces that fit, two blanks between them. The first one in any case: cut. */
static void
put_row(struct text *t, const struct pieces *p, int columns, bool colours)
{
    int used = 0;
    for (int i = 0; i < p->n; i++) {
        int width = (int)strlen(p->at[i].text), gap = used ? 2 : 0;
        if (used + gap + width > columns)
            continue;
        text_print(t, "%*s", gap, "");
        put_coloured(t, p->at[i].colour, colours, p->at[i].text);
        used += gap + width;
    }
    if (!used && p->n)
        (void)columns_put(t, p->at[0].text, columns, false);
    text_put(t, "\n");
}

static void
function_pieces(struct pieces *p, const struct progress_view *v, uint32_t i)
{
    const struct totals_fn *f = &v->totals->fns[i];
    unsigned long long done = f->finished, posted = f->posted;
    char p50[HUMAN_TEXT], p95[HUMAN_TEXT];
    if (posted >= done)
        add(p, PLAIN, "%llu/%llu", done, posted);
    else /* of a job that was resumed: posted before */
        add(p, PLAIN, "%llu", done);
    if (f->timed)
        add(p, DIM, "p50 %s  p95 %s", human_time(p50, v->p50_ns[i]),
            human_time(p95, v->p95_ns[i]));
    add_count(p, RED, "failed", f->failed + f->quarantined);
}

/* Of the names that are shown, the widest. */
static int
name_columns(const struct totals *f, uint32_t n, int columns)
{
    int widest = 0, most = columns / 2 < NAME_COLUMNS ? columns / 2 : NAME_COLUMNS;
    for (uint32_t i = 0; i < n; i++) {
        int width = columns_of(job_fn_info(f->fns[i].fn)->name);
        widest = width > widest ? width : widest;
    }
    return widest < most ? widest : most;
}

/* One for each function with most time, and how many others there are. */
static void
put_functions(struct text *t, const struct progress_view *v, int columns, int rows, bool colours)
{
    const struct totals *f = v->totals;
    uint32_t n = f->nfns < PROGRESS_FNS ? f->nfns : PROGRESS_FNS;
    if (n > (uint32_t)rows)
        n = (uint32_t)rows;
    if (n < f->nfns && n == (uint32_t)rows && n > 0)
        n--; /* room for the last one */
    int name = name_columns(f, n, columns - 2);
    for (uint32_t i = 0; i < n; i++) {
        struct pieces p = {.n = 0};
        function_pieces(&p, v, i);
        text_put(t, "  ");
        (void)columns_put(t, job_fn_info(f->fns[i].fn)->name, name, true);
        text_put(t, "  ");
        put_row(t, &p, columns - 4 - name, colours);
    }
    if (n < f->nfns && (uint32_t)rows > n) {
        struct pieces p = {.n = 0};
        add(&p, DIM, "  %u more", f->nfns - n);
        put_row(t, &p, columns, colours);
    }
}

void
progress_rows(struct text *t, const struct progress_view *v, int columns, int rows, bool colours)
{
    struct pieces first = {.n = 0}, more = {.n = 0};
    if (rows < 1 || columns < 1)
        return;
    first_pieces(&first, v);
    more_pieces(&more, v);
    put_row(t, &first, columns, colours);
    if (rows > 1 && more.n) {
        put_row(t, &more, columns, colours);
        rows--;
    }
    if (columns >= 16)
        put_functions(t, v, columns, rows - 1, colours);
}
