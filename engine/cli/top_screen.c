#include "cli/top_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "base/clock.h"
#include "cli/top_line.h"

enum {
    ROWS_FOR_BLANKS = 16, /* a lower screen has no empty lines, and no line of keys */
    ESCAPE_MS = 25,       /* an Esc without more is one */
    PAIR_ERRORS = 1,
};

struct screen {
    struct snapshot *g;
    struct top_order order;
    uint32_t *fns, *workers; /* numbers in order */
    uint32_t nfns, nworkers;
    uint32_t first; /* of the workers in sight: index */
    uint32_t page;  /* how many there are */
    bool paused, help;
    uint64_t every_ns, next_ns;
};

static volatile sig_atomic_t asked_to_end;

static void
on_signal(int sig)
{
    (void)sig;
    asked_to_end = 1;
}

/* ---- drawing ---- */

static void
draw_line(int row, const struct top_line *l, attr_t how)
{
    if (row >= LINES)
        return;
    attrset(how);
    mvaddstr(row, 0, l->text);
    attrset(A_NORMAL);
}

static void
draw_text(int row, const char *text, attr_t how)
{
    struct top_line l;
    top_line_start(&l, COLS);
    top_line_put(&l, text);
    draw_line(row, &l, how);
}

static int
draw_head(const struct screen *s)
{
    const struct snapshot *g = s->g;
    bool any = g->failed || g->quarantined;
    attr_t errors = any ? A_BOLD | COLOR_PAIR(has_colors() ? PAIR_ERRORS : 0) : A_NORMAL;
    for (int i = 0; i < TOP_LINE_HEAD; i++) {
        struct top_line l;
        top_line_start(&l, COLS);
        top_line_head(&l, g, i);
        draw_line(i, &l, i == 0 ? A_BOLD : i == TOP_LINE_HEAD - 1 ? errors
                                                                  : A_NORMAL);
    }
    if (LINES < ROWS_FOR_BLANKS)
        return TOP_LINE_HEAD;
    draw_text(LINES - 1, s->paused ? "paused: space continues" : "q quit   ? keys   space pauses",
              s->paused ? A_BOLD : A_DIM);
    return TOP_LINE_HEAD + 1;
}

/* At most a third of what is left: the workers have the rest. */
static int
draw_fns(const struct screen *s, int row, int names)
{
    struct top_line l;
    uint32_t room = LINES - row > 6 ? (uint32_t)(LINES - row) / 3 : 1;
    uint32_t shown = s->nfns <= room ? s->nfns : room > 1 ? room - 1
                                                          : room;
    top_line_start(&l, COLS);
    top_line_fn_heading(&l, names);
    draw_line(row++, &l, A_REVERSE);
    for (uint32_t i = 0; i < shown; i++) {
        top_line_start(&l, COLS);
        top_line_fn(&l, s->g, s->fns[i], names);
        draw_line(row++, &l, A_NORMAL);
    }
    if (shown < s->nfns && room > 1) {
        top_line_start(&l, COLS);
        top_line_print(&l, "... and %u more", s->nfns - shown);
        draw_line(row++, &l, A_DIM);
    }
    return row + (LINES >= ROWS_FOR_BLANKS);
}

static void
draw_workers(struct screen *s, int row, int names)
{
    struct top_line l;
    int end = LINES - (LINES >= ROWS_FOR_BLANKS);
    top_line_start(&l, COLS);
    top_line_worker_heading(&l, s->g, names);
    draw_line(row++, &l, A_REVERSE);
    s->page = end > row ? (uint32_t)(end - row) : 1;
    if (s->first + s->page > s->nworkers)
        s->first = s->nworkers > s->page ? s->nworkers - s->page : 0;
    for (uint32_t i = s->first; i < s->nworkers && row < end; i++) {
        const struct snapshot_worker *w = &s->g->workers[s->workers[i]];
        top_line_start(&l, COLS);
        top_line_worker(&l, s->g, w, names);
        draw_line(row++, &l, w->fn ? A_NORMAL : A_DIM);
    }
}

static void
draw_help(void)
{
    static const char *const text[] = {
        "q             quit: the job continues",
        "space         pause the display, and continue",
        "up down       scroll the workers; also page up, page down, home, end",
        "",
        "The order of workers:",
        "s slot   f function   t running time   n tasks started",
        "c CPU    m memory     i idle           r reverse order",
        "",
        "The order of functions:",
        "T share of time   D tasks done   P 95th percentile   F name",
        "",
        "P50, P95: 50 % or 95 % of the runs took no longer.",
        "CPU%, IDLE%, RATE/s: lately. STARTED: task runs. POSTED: so far.",
        "",
        "Any key goes back.",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        draw_text((int)i, text[i], A_NORMAL);
}

static void
draw(struct screen *s)
{
    erase();
    if (s->help) {
        draw_help();
    } else {
        int names = top_line_names(s->g, COLS), row = draw_head(s);
        row = draw_fns(s, row, names);
        draw_workers(s, row, names);
    }
    refresh();
}

/* ---- looking ---- */

/* 0; -EIO; -ENOMEM. */
static int
put_in_order(struct screen *s)
{
    const struct snapshot *g = s->g;
    uint32_t *fns = realloc(s->fns, (g->nfns + 1) * sizeof *fns);
    if (fns)
        s->fns = fns;
    uint32_t *workers = realloc(s->workers, (g->nworkers + 1) * sizeof *workers);
    if (workers)
        s->workers = workers;
    if (!fns || !workers)
        return -ENOMEM;
    s->nfns = top_line_order_fns(&s->order, g, s->fns);
    s->nworkers = top_line_order_workers(&s->order, g, s->workers);
    return 0;
}

/* The next look is due when ten times as long has passed as this one took. */
static int
look(struct screen *s)
{
    int err = snapshot_look(s->g);
    uint64_t took = clock_ns() - s->g->now_ns;
    s->next_ns = s->g->now_ns + (10 * took > s->every_ns ? 10 * took : s->every_ns);
    return err ? err : put_in_order(s);
}

/* ---- keys ---- */

static void
scroll_to(struct screen *s, int64_t to)
{
    int64_t last = (int64_t)s->nworkers - s->page;
    s->first = to < 0 || last < 0 ? 0 : to > last ? (uint32_t)last
                                                  : (uint32_t)to;
}

static bool
scrolled(struct screen *s, int key)
{
    switch (key) {
    case KEY_DOWN: scroll_to(s, (int64_t)s->first + 1); return true;
    case KEY_UP: scroll_to(s, (int64_t)s->first - 1); return true;
    case KEY_NPAGE: scroll_to(s, (int64_t)s->first + s->page); return true;
    case KEY_PPAGE: scroll_to(s, (int64_t)s->first - s->page); return true;
    case KEY_HOME: scroll_to(s, 0); return true;
    case KEY_END: scroll_to(s, s->nworkers); return true;
    }
    return false;
}

/* true: the user wants to leave. */
static bool
take_key(struct screen *s, int key)
{
    if (key == KEY_RESIZE)
        return false;
    if (s->help) {
        s->help = false;
        return false;
    }
    if (key == 'q' || key == 'Q' || key == 27)
        return true;
    if (key == '?' || key == 'h')
        s->help = true;
    else if (key == ' ')
        s->paused = !s->paused;
    else if (!scrolled(s, key) && top_line_order_key(&s->order, key))
        (void)put_in_order(s);
    return false;
}

/* ---- the terminal ---- */

static void
catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &a, NULL);
}

/* false: it cannot move its cursor, or nobody knows what it can. */
static bool
open_terminal(void)
{
    const char *no_color = getenv("NO_COLOR");
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (!terminal)
        return false;
    if (!tigetstr("cup") || tigetstr("cup") == (char *)-1) {
        endwin();
        delscreen(terminal);
        return false;
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    if (has_colors() && !(no_color && *no_color)) {
        start_color();
        use_default_colors();
        init_pair(PAIR_ERRORS, COLOR_RED, -1);
    }
    return true;
}

/* Waits for a key, the job's end, or the time of the next look. false: no terminal any
 * more. */
static bool
wait_for_something(const struct screen *s)
{
    struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {s->g->job->pid_fd, POLLIN, 0}};
    uint64_t now = clock_ns();
    int ms = now < s->next_ns ? (int)((s->next_ns - now) / 1000000) + 1 : 0;
    if (poll(fds, 2, s->paused ? -1 : ms) < 0)
        return errno == EINTR;
    return !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static enum top_screen_end
live(struct screen *s)
{
    if (put_in_order(s))
        return TOP_SCREEN_BROKEN;
    for (;;) {
        draw(s);
        if (!wait_for_something(s) || asked_to_end)
            return TOP_SCREEN_QUIT;
        for (int key; (key = getch()) != ERR;) {
            if (take_key(s, key))
                return TOP_SCREEN_QUIT;
        }
        bool ended = attach_ended(s->g->job);
        if (!ended && (s->paused || clock_ns() < s->next_ns))
            continue;
        if (look(s))
            return TOP_SCREEN_BROKEN;
        if (ended)
            return TOP_SCREEN_ENDED;
    }
}

enum top_screen_end
top_screen_run(struct snapshot *g, uint64_t every_ns)
{
    struct screen s = {
        .g = g,
        .order = {FNS_BY_TIME, WORKERS_BY_SLOT, false},
        .every_ns = every_ns,
        .next_ns = g->now_ns + every_ns,
    };
    catch_signals();
    if (!open_terminal())
        return TOP_SCREEN_NONE;
    enum top_screen_end end = live(&s);
    endwin();
    free(s.fns);
    free(s.workers);
    return end;
}
