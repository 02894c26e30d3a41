/* treekill: everything is killed at once, supervisor and workers, at random moments;
 * the job goes on by --resume until it ends, and its answer must be exact.
 *
 *   treekill [-r ROUNDS] [-S SEED] [-v] JOB...
 *
 * A round is one job (tests/crash/jobs/, which say what they print), killed up to
 * eight times: the supervisor first, or last, or alone (its workers die with it), or
 * while it resumes. The number of workers is another one each time. Each line that
 * was printed must be the answer; more than one is no error: end_ may have printed
 * just before a kill. Signals go by pidfd to our own children and theirs only.
 * PRUNNER in the environment names the command (build/prunner). */
#include <limits.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "proc.h"

enum { KILLS_MAX = 8,
       LIMIT_S = 120 };

static const char *prunner;
static bool verbose;

static struct {
    unsigned rounds, failed, kills, resumes, in_use, anew, finished;
} sum;

struct round {
    const struct job *job;
    char dir[64], state[96], out_path[96], err_path[96];
    char out[TEXT], err[TEXT], why[512];
    unsigned kills;
};

static void
wrong(struct round *r, const char *what)
{
    if (!r->why[0])
        snprintf(r->why, sizeof r->why, "%s", what);
}

static pid_t
start(const struct round *r, bool resume)
{
    char workers[16];
    struct rlimit none = {0, 0};
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    snprintf(workers, sizeof workers, "%u", 1 + dice(6));
    int out = open(r->out_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int err = open(r->err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(99);
    setrlimit(RLIMIT_CORE, &none);
    execl(prunner, prunner, resume ? "--resume" : "--state", r->state, r->job->path, "-n",
          workers, "--quiet", (char *)NULL);
    _exit(98);
}

/* ---- killing everything ---- */

static void
kill_workers(pid_t super)
{
    pid_t pids[CHILDREN_MAX];
    for (int n = children_of(super, pids); n--;) {
        int fd = child_pidfd(super, pids[n]);
        if (fd >= 0) {
            (void)send_signal(fd, SIGKILL);
            close(fd);
        }
    }
}

/* true: it was still there. */
static bool
kill_all(pid_t super, int *status)
{
    int fd = child_pidfd(getpid(), super);
    uint32_t how = dice(4);
    if (fd < 0)
        die("pidfd_open");
    if (how == 1)
        kill_workers(super); /* which it may see before it dies */
    if (how == 2) {
        (void)send_signal(fd, SIGSTOP);
        kill_workers(super); /* which it does not */
    }
    if (how == 3) {
        kill_workers(super);
        struct timespec t = {0, dice(3000) * 1000};
        nanosleep(&t, NULL);
    }
    (void)send_signal(fd, SIGKILL);
    close(fd);
    if (waitpid(super, status, 0) != super)
        die("waitpid");
    return WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL;
}

/* Waits for its end, at most so long. false: it still runs. */
static bool
ended(pid_t pid, double seconds, int *status)
{
    double until = now() + seconds;
    while (now() < until) {
        if (waitpid(pid, status, WNOHANG) == pid)
            return true;
        (void)poll(NULL, 0, 1);
    }
    return false;
}

/* ---- a round ---- */

/* Runs the command once. true: the job has ended, well or not. */
static bool
run_once(struct round *r, bool *resume, unsigned kills_wanted)
{
    int status;
    pid_t pid = start(r, *resume);
    sum.resumes += *resume;
    bool kills = r->kills < kills_wanted;
    /* Now and then very early: while it starts, or resumes. */
    double wait = !kills ? LIMIT_S : dice(4) ? 0.02 + dice(600) / 1000.0
                                             : dice(30) / 1000.0;
    bool over = ended(pid, wait, &status);
    if (!over && !kills) {
        (void)kill_all(pid, &status);
        wrong(r, "no end: it hangs");
        return true;
    }
    if (!over && kill_all(pid, &status)) {
        r->kills++;
        sum.kills++;
        /* Its workers are dead soon; sometimes we do not wait for that. */
        if (dice(4))
            (void)wait_orphans(5);
        *resume = access(r->state, F_OK) == 0;
        return false;
    }
    slurp(r->err_path, r->err);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (strstr(r->err, "is in use")) {
        sum.in_use++;
        (void)wait_orphans(5);
        return false;
    }
    if (strstr(r->err, "did not get far") && *resume) {
        sum.anew++;
        (void)unlink(r->state);
        *resume = false;
        return false;
    }
    if (strstr(r->err, "finished already"))
        sum.finished++;
    else if (code != r->job->status)
        snprintf(r->why, sizeof r->why, "status %d instead of %d", code, r->job->status);
    return true;
}

static void
check_answer(struct round *r)
{
    size_t n = strlen(r->job->prints);
    const char *at = r->out;
    slurp(r->out_path, r->out);
    if (!*at)
        wrong(r, "no answer was printed");
    for (; *at; at += n + 1) {
        if (strncmp(at, r->job->prints, n) != 0 || at[n] != '\n') {
            char what[400];
            snprintf(what, sizeof what, "the answer is \"%.200s\"", at);
            wrong(r, what);
            return;
        }
    }
}

static void
run_round(const struct job *job)
{
    static struct round r;
    bool resume = false;
    unsigned kills_wanted = 1 + dice(KILLS_MAX);
    double begin = now();
    r = (struct round){.job = job};
    snprintf(r.dir, sizeof r.dir, "/tmp/treekill-XXXXXX");
    if (!mkdtemp(r.dir))
        die("mkdtemp");
    snprintf(r.state, sizeof r.state, "%s/state", r.dir);
    snprintf(r.out_path, sizeof r.out_path, "%s/out", r.dir);
    snprintf(r.err_path, sizeof r.err_path, "%s/err", r.dir);
    while (!run_once(&r, &resume, kills_wanted)) {
        (void)dice(2); /* else each run of the same moment draws the same numbers */
        if (now() - begin > 2 * LIMIT_S) {
            wrong(&r, "no end");
            break;
        }
    }
    if (!r.why[0])
        check_answer(&r);
    if (!wait_orphans(5))
        wrong(&r, "a process is left");
    sum.rounds++;
    sum.failed += r.why[0] != '\0';
    if (verbose || r.why[0])
        printf("%-28s %u kills, %.1f s: %s\n", job->path, r.kills, now() - begin,
               r.why[0] ? r.why : "ok");
    if (r.why[0]) {
        printf("    standard error: %.2000s\n    its state is kept: %s\n", r.err, r.state);
    } else {
        (void)unlink(r.state);
        (void)unlink(r.out_path);
        (void)unlink(r.err_path);
        (void)rmdir(r.dir);
    }
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    struct job jobs[64];
    char full[PATH_MAX];
    int rounds = 20, n = 0;
    seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
    for (int o; (o = getopt(argc, argv, "r:S:v")) != -1;) {
        if (o == 'r')
            rounds = atoi(optarg);
        else if (o == 'S')
            seed = strtoull(optarg, NULL, 10);
        else if (o == 'v')
            verbose = true;
        else
            optind = argc;
    }
    if (optind == argc || rounds < 1) {
        fprintf(stderr, "usage: treekill [-r ROUNDS] [-S SEED] [-v] JOB...\n");
        return 2;
    }
    const char *command = getenv("PRUNNER");
    prunner = realpath(command ? command : "build/prunner", full);
    if (!prunner)
        die("the command (PRUNNER)");
    for (int i = optind; i < argc && n < 64; i++)
        read_job(&jobs[n++], argv[i]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    printf("treekill: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);

    double begin = now();
    for (int i = 0; i < rounds; i++)
        run_round(&jobs[i % n]);
    printf("treekill: %u rounds in %.0f s, everything killed %u times, %u resumed, %u times in "
           "use still, %u times nothing was kept yet, %u times finished already; %u FAILED\n",
           sum.rounds, now() - begin, sum.kills, sum.resumes, sum.in_use, sum.anew, sum.finished,
           sum.failed);
    return sum.failed != 0;
}
