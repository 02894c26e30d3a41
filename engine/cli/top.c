#include "cli/top.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit_status.h"
#include "cli/help.h"
#include "cli/rows.h"
#include "cli/top_line.h"
#include "cli/top_screen.h"

enum {
    JOBS_SHOWN = 64,
};
#define EVERY_SECONDS 0.5
#define EVERY_LEAST 0.1
#define EVERY_MOST 3600.0

const struct option_row top_options[] = {
    {"Options", 'd', "delay", OPTION_OTHER, .value = "SECONDS", .example = "-d 2",
     .help = "update every SECONDS, 0.1 to 3600 (default 0.5)"},
    {"Options", 0, "once", OPTION_FLAG,
     .help = "print the state once and exit: for scripts; also the\n"
             "default when there is no terminal"},
    {"Options", 'h', "help", OPTION_HELP, .help = "print this and exit"},
    {0},
};

static const char who[] = "prunner top";

static void
print_help(void)
{
    fputs("usage: prunner top [options] [PID | STATE]\n"
          "\n"
          "Watches a running job without slowing it down: its tasks by function, and the state\n"
          "of each worker. PID is the process ID of the job or of one of its workers. STATE is\n"
          "its file of --state or --resume. Without either, the only job of this user is\n"
          "shown. On the screen, ? shows the keys, and q quits. When the job ends, its last\n"
          "state is printed.\n",
          stdout);
    help_options(stdout, top_options);
}

/* ---- words ---- */

struct words {
    double every;
    bool once;
    const char *job; /* PID or STATE; NULL: the only one there is */
};

static int
parse_delay(double *out, const char *s)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !(v >= EVERY_LEAST && v <= EVERY_MOST))
        return help_complain(who, "--delay: \"%s\" is not a number of seconds (0.1 to 3600)", s);
    *out = v;
    return 0;
}

/* 0; an exit status; -1: --help was printed. */
static int
parse(struct words *w, int argc, char **argv)
{
    struct rows_getopt table;
    int answer, err = 0;
    rows_prepare(&table, top_options, ":");
    opterr = 0;
    optind = 0;
    while ((answer = getopt_long(argc, argv, table.letters, table.names, NULL)) != -1) {
        const char *word = argv[optind - 1];
        if (answer == ':')
            return help_complain(who, "%s: a number of seconds is missing, such as 2", word);
        if (answer == '?')
            return help_complain(who, "unknown option %s: see prunner top --help", word);
        switch (rows_answer(top_options, answer)->kind) {
        case OPTION_HELP: print_help(); return -1;
        case OPTION_FLAG: w->once = true; break;
        default: err = parse_delay(&w->every, optarg);
        }
        if (err)
            return err;
    }
    if (argc - optind > 1)
        return help_complain(who, "one job is shown at a time: see prunner top --help");
    w->job = argv[optind];
    return 0;
}

/* ---- which job ---- */

static bool
all_digits(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

/* One line about a job, for the user to choose. */
static void
print_choice(int pid)
{
    char why[ATTACH_MESSAGE_MAX];
    struct attach a;
    if (attach_pid(&a, pid, why))
        return;
    struct top_line l;
    top_line_start(&l, TOP_LINE_PLAIN);
    top_line_put(&l, a.command);
    fprintf(stderr, "  %7d  %s\n", pid, l.text);
    attach_close(&a);
}

static int
attach_only(struct attach *out)
{
    char why[ATTACH_MESSAGE_MAX];
    int pids[JOBS_SHOWN];
    size_t n = attach_list(pids, JOBS_SHOWN);
    if (n == 0)
        return help_complain(who, "no job of yours is running");
    if (n == 1)
        return attach_pid(out, pids[0], why) ? help_complain(who, "%s", why) : 0;
    help_complain(who,
                  "%zu jobs of yours are running: choose one by its process, prunner top PID", n);
    for (size_t i = 0; i < n; i++)
        print_choice(pids[i]);
    return EXIT_USAGE;
}

static int
attach_job(struct attach *out, const char *job)
{
    char why[ATTACH_MESSAGE_MAX];
    int err;
    if (!job)
        return attach_only(out);
    if (all_digits(job)) {
        unsigned long pid = strtoul(job, NULL, 10);
        if (pid == 0 || pid > INT32_MAX)
            return help_complain(who, "\"%s\" is not the number of a process", job);
        err = attach_pid(out, (int)pid, why);
    } else {
        err = attach_state(out, job, why);
    }
    return err ? help_complain(who, "%s", why) : 0;
}

/* ---- printing ---- */

static void
print_fns(const struct snapshot *g, const uint32_t *fns, uint32_t n, int names)
{
    struct top_line l;
    top_line_start(&l, TOP_LINE_PLAIN);
    top_line_fn_heading(&l, names);
    printf("\n%s\n", l.text);
    for (uint32_t i = 0; i < n; i++) {
        top_line_start(&l, TOP_LINE_PLAIN);
        top_line_fn(&l, g, fns[i], names);
        puts(l.text);
    }
}

static void
print_workers(const struct snapshot *g, const uint32_t *workers, uint32_t n, int names)
{
    struct top_line l;
    top_line_start(&l, TOP_LINE_PLAIN);
    top_line_worker_heading(&l, g, names);
    printf("\n%s\n", l.text);
    for (uint32_t i = 0; i < n; i++) {
        top_line_start(&l, TOP_LINE_PLAIN);
        top_line_worker(&l, g, &g->workers[workers[i]], names);
        puts(l.text);
    }
}

/* All of it, as plain lines. */
static int
print_once(const struct snapshot *g)
{
    static const struct top_order order = {FNS_BY_TIME, WORKERS_BY_SLOT, false};
    int names = top_line_names(g, TOP_LINE_PLAIN);
    uint32_t *numbers = calloc(g->nfns + g->nworkers + 1, sizeof *numbers);
    struct top_line l;
    if (!numbers)
        return -ENOMEM;
    for (int i = 0; i < TOP_LINE_HEAD; i++) {
        top_line_start(&l, TOP_LINE_PLAIN);
        top_line_head(&l, g, i);
        puts(l.text);
    }
    print_fns(g, numbers, top_line_order_fns(&order, g, numbers), names);
    print_workers(g, numbers, top_line_order_workers(&order, g, numbers), names);
    free(numbers);
    return fflush(stdout) ? -errno : 0;
}

/* ---- */

static int
broken(int err)
{
    help_complain(who, err == -ENOMEM ? "not enough memory" : "the job's figures cannot be read");
    return EXIT_FATAL;
}

static int
printed(const struct snapshot *g)
{
    int err = print_once(g);
    if (err == -ENOMEM)
        return broken(err);
    if (!err)
        return 0;
    help_complain(who, "standard output: %s", strerror(-err));
    return EXIT_FATAL;
}

static int
show(struct snapshot *g, const struct words *w)
{
    int err = snapshot_look(g);
    if (err)
        return broken(err);
    if (w->once || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return printed(g);
    switch (top_screen_run(g, (uint64_t)(w->every * 1e9))) {
    case TOP_SCREEN_QUIT: return 0;
    case TOP_SCREEN_ENDED: return printed(g);
    case TOP_SCREEN_NONE:
        return help_complain(who, "this terminal (TERM) cannot be drawn on: use --once");
    case TOP_SCREEN_BROKEN: break;
    }
    return broken(-EIO);
}

int
top_run(int argc, char **argv)
{
    struct words w = {.every = EVERY_SECONDS};
    struct attach job;
    struct snapshot g;
    setlocale(LC_CTYPE, "");
    int status = parse(&w, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    status = attach_job(&job, w.job);
    if (status)
        return status;
    status = snapshot_open(&g, &job) ? broken(-ENOMEM) : show(&g, &w);
    snapshot_close(&g);
    attach_close(&job);
    return status;
}
