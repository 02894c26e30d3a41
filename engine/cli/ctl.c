#include "cli/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/exit_status.h"
#include "job/config.h"
#include "supervisor/control_dir.h"
#include "supervisor/control_request.h"
#include "cli/help.h"

enum {
    PATIENCE_S = 10, /* for an answer */
    JOBS_MAX = 100,  /* that are listed */
};

const struct option_row ctl_options[] = {
    {"Options", 'n', "nprocess", OPTION_OTHER, .value = "N", .example = "-n 4",
     .help = "change the number of workers to N (1 to 4000);\n"
             "surplus workers exit after their current task"},
    {"Options", 0, "now", OPTION_OTHER, .help = "with stop: kill the running tasks"},
    {"Options", 'h', "help", OPTION_HELP, .help = "print this and exit"},
    {0},
};

static const char who[] = "prunner ctl";

static const char help_text[] =
    "usage: prunner ctl [PID] [status | -n N | pause | resume | stop [--now] | kill TASK]\n"
    "\n"
    "Controls a running job of yours. PID is the process ID of prunner itself. It may be\n"
    "omitted if only one job is running. Without a command, the jobs are listed.\n"
    "\n"
    "  status               print the state of the job\n"
    "  pause                start no new tasks; running tasks continue\n"
    "  resume               start tasks again\n"
    "  stop                 like Ctrl-C: start no new tasks, running tasks finish\n"
    "  stop --now           like Ctrl-C twice: kill the running tasks\n"
    "  kill TASK            kill a running task: it fails, and is not run again. TASK is its\n"
    "                       number in prunner top, the joblog and messages\n";

/* What the command line asks for. */
struct control_args {
    pid_t pid;        /* 0: not said */
    char request[64]; /* as in control_request.h; "": none */
    bool now, help;
};

/* ---- words of the command line ---- */

/* 0: it is not a whole number from 1 to max. */
static long
number(const char *word, long max)
{
    size_t len = strlen(word);
    if (!len || len > 10 || strspn(word, "0123456789") != len)
        return 0;
    long n = strtol(word, NULL, 10);
    return n <= max ? n : 0;
}

/* 0, or an exit status with its message printed. */
static int
want(struct control_args *w, const char *request)
{
    if (w->request[0])
        return help_complain(who, "one thing at a time: \"%s\" or \"%s\"", w->request, request);
    snprintf(w->request, sizeof w->request, "%s", request);
    return 0;
}

static int
want_workers(struct control_args *w, const char *value)
{
    char request[32];
    long n = value ? number(value, CONFIG_WORKERS_MAX) : 0;
    if (!value)
        return help_complain(who, "-n: a value is missing, such as -n 4");
    if (!n && strspn(value, "0") == strlen(value) && *value)
        return help_complain(who,
                             "-n: \"%s\": a job has at least one worker; prunner ctl pause lets "
                             "it start nothing new",
                             value);
    if (!n)
        return help_complain(who, "-n: \"%s\" is not a number of workers (1 to %d)", value,
                             CONFIG_WORKERS_MAX);
    snprintf(request, sizeof request, "workers %ld", n);
    return want(w, request);
}

/* -n 4, -n4, --nprocess 4, --nprocess=4: the value; *used: words that it takes. */
static const char *
workers_value(char **words, int left, int *used)
{
    static const char name[] = "--nprocess";
    const char *word = words[0];
    *used = 1;
    if (strncmp(word, name, sizeof name - 1) == 0 && word[sizeof name - 1] == '=')
        return word + sizeof name;
    if (word[1] == 'n' && word[2])
        return word + 2;
    *used = left > 1 ? 2 : 1;
    return left > 1 ? words[1] : NULL;
}

/* kill TASK, or kill #TASK as messages have it. */
static int
want_kill(struct control_args *w, const char *task)
{
    char request[32];
    if (!task)
        return help_complain(who, "kill: which task? See TASK in prunner top");
    const char *digits = task + (task[0] == '#');
    if (!control_request_task(digits, strlen(digits)))
        return help_complain(who,
                             "kill: \"%s\" is not the number of a task: see TASK in prunner "
                             "top",
                             task);
    snprintf(request, sizeof request, "kill %s", digits);
    return want(w, request);
}

static bool
is_pid(const char *word)
{
    return isdigit((unsigned char)word[0]);
}

static int
read_pid(struct control_args *w, const char *word)
{
    if (w->pid)
        return help_complain(who,
                             "\"%s\": one job at a time, and %d is named already", word,
                             (int)w->pid);
    w->pid = (pid_t)number(word, INT_MAX);
    return w->pid ? 0 : help_complain(who, "\"%s\" is not the number of a process", word);
}

static int
read_action(struct control_args *w, const char *word)
{
    static const char *const actions[] = {"status", "pause", "resume", "stop"};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(word, actions[i]) == 0)
            return want(w, word);
    }
    return help_complain(who,
                         "\"%s\" is neither a process nor one of status, pause, resume, stop, "
                         "kill: see prunner ctl --help",
                         word);
}

/* 0, or an exit status with its message printed. */
static int
read_words(struct control_args *w, int argc, char **argv)
{
    int err = 0, used;
    for (int i = 1; i < argc && !err; i += used) {
        const char *word = argv[i];
        used = 1;
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
            w->help = true;
        else if (strcmp(word, "--now") == 0)
            w->now = true;
        else if (strncmp(word, "-n", 2) == 0 || strcmp(word, "--nprocess") == 0 ||
                 strncmp(word, "--nprocess=", 11) == 0)
            err = want_workers(w, workers_value(argv + i, argc - i, &used));
        else if (word[0] == '-')
            err = help_complain(who, "unknown option %s: see prunner ctl --help", word);
        else if (strcmp(word, "kill") == 0)
            used = 2, err = want_kill(w, argv[i + 1]); /* NULL behind the last word */
        else
            err = is_pid(word) ? read_pid(w, word) : read_action(w, word);
    }
    if (err || w->help)
        return err;
    if (w->now && strcmp(w->request, "stop") != 0)
        return help_complain(who, "--now belongs to stop: prunner ctl stop --now");
    if (w->now)
        snprintf(w->request, sizeof w->request, "stop now");
    return 0;
}

/* ---- the job ---- */

/* The places that are looked at: some may be the same, or not there. */
static bool
trusted_place(int i, char *dir, size_t cap)
{
    return control_dir_path(i, dir, cap) && control_dir_trusted(dir);
}

struct search {
    const char *dir;
    pid_t *pids;
    size_t max, n;
};

static void
add_job(void *arg, pid_t pid)
{
    struct search *s = arg;
    int fd = control_dir_connect(s->dir, pid);
    if (fd < 0)
        return;
    close(fd);
    if (s->n < s->max)
        s->pids[s->n] = pid;
    s->n++;
}

static int
by_number(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

/* Writes the process numbers of up to `max` running jobs, lowest first. Returns how many there
 * are. Sockets that dead jobs have left are removed. */
static size_t
list_jobs(pid_t *pids, size_t max)
{
    char dir[PATH_MAX];
    struct search s = {dir, pids, max, 0};
    for (int i = 0; i < CONTROL_DIRS; i++) {
        if (trusted_place(i, dir, sizeof dir))
            control_dir_each(dir, add_job, &s);
    }
    qsort(pids, s.n < max ? s.n : max, sizeof *pids, by_number);
    return s.n;
}

/* A socket that speaks to the job, or -errno. */
static int
connect_job(pid_t pid)
{
    char dir[PATH_MAX];
    for (int i = 0; i < CONTROL_DIRS; i++) {
        int fd = trusted_place(i, dir, sizeof dir) ? control_dir_connect(dir, pid) : -ENOENT;
        if (fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED && fd != -ENAMETOOLONG))
            return fd;
    }
    return -ENOENT;
}

/* Puts a request to the job of process pid and waits for the answer, which is cut at `cap`
 * bytes and gets a 0. 0; -ENOENT: that is not a job of this user; -ETIMEDOUT: it does not
 * answer; or another -errno. */
static int
ask_job(pid_t pid, const char *request, char *answer, size_t cap)
{
    struct timeval patience = {PATIENCE_S, 0};
    /* The kernel picks a name to which the answer can be sent. */
    struct sockaddr_un self = {.sun_family = AF_UNIX};
    int err = 0, fd = connect_job(pid);
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&self, sizeof self.sun_family) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience))
        err = -errno;
    ssize_t n = err ? 0 : send(fd, request, strlen(request), MSG_NOSIGNAL);
    if (!err && n >= 0)
        n = recv(fd, answer, cap - 1, 0);
    if (!err && n < 0)
        err = errno == EAGAIN ? -ETIMEDOUT : -errno;
    close(fd);
    if (!err)
        answer[n] = '\0';
    return err;
}

/* ---- what the user is told ---- */

/* Why there is nothing to speak to. */
static int
no_such_job(pid_t pid)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &st))
        return help_complain(who, "there is no process %d", (int)pid);
    if (st.st_uid != geteuid())
        return help_complain(who,
                             "process %d is another user's (number %u): only they can control it",
                             (int)pid, (unsigned)st.st_uid);
    return help_complain(who,
                         "process %d is not a job that can be controlled: it is not prunner, it is "
                         "over, or it runs with --serial",
                         (int)pid);
}

static int
failed(pid_t pid, int err)
{
    if (err == -ENOENT)
        return no_such_job(pid);
    if (err == -ECONNREFUSED || err == -ECONNRESET || err == -EPIPE)
        return help_complain(who, "job %d has ended meanwhile", (int)pid);
    if (err == -ETIMEDOUT)
        help_complain(who, "job %d does not answer: is it stopped (SIGSTOP)?", (int)pid);
    else
        help_complain(who, "job %d: %s", (int)pid, strerror(-err));
    return EXIT_NO_ANSWER;
}

static int
ask(pid_t pid, const char *request)
{
    char answer[CONTROL_LINE + 1];
    int err = ask_job(pid, request, answer, sizeof answer);
    if (err)
        return failed(pid, err);
    if (answer[0] == '+') {
        printf("%d: %s\n", (int)pid, answer + 1);
        return 0;
    }
    return help_complain(who, "job %d: %s", (int)pid, answer[0] ? answer + 1 : "it said nothing");
}

static void
list(const pid_t *jobs, size_t n)
{
    for (size_t i = 0; i < n && i < JOBS_MAX; i++)
        (void)ask(jobs[i], "status");
    if (n > JOBS_MAX)
        printf("... and %zu more\n", n - JOBS_MAX);
}

int
ctl_run(int argc, char **argv)
{
    struct control_args w = {0};
    pid_t jobs[JOBS_MAX];
    int err = read_words(&w, argc, argv);
    if (err)
        return err;
    if (w.help) {
        fputs(help_text, stdout);
        help_options(stdout, ctl_options);
        return 0;
    }
    if (w.pid)
        return ask(w.pid, w.request[0] ? w.request : "status");
    size_t n = list_jobs(jobs, JOBS_MAX);
    if (!n)
        return help_complain(who, "no job of yours is running");
    if (n == 1)
        return ask(jobs[0], w.request[0] ? w.request : "status");
    list(jobs, n);
    if (!w.request[0] || strcmp(w.request, "status") == 0)
        return 0;
    return help_complain(who, "%zu jobs are running: say which, such as prunner ctl %d %s", n,
                         (int)jobs[0], strncmp(w.request, "workers", 7) ? w.request : "-n 4");
}
