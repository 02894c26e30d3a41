/* chaos: the real command with 8 workers, of which random ones get SIGKILL, SIGSEGV,
 * SIGABRT, or SIGSTOP and a little later SIGCONT, every 1 to 20 ms.
 *
 *   chaos [-s SECONDS] [-n WORKERS] [-i MIN-MAX ms] [-S SEED] [-V VARIANT] [-v] [JOB...]
 *
 * The jobs (tests/crash/jobs/) say in their first lines what they print and with which
 * status they end. One after the other is run, each time with another variant, until
 * the seconds are over:
 *
 *   plain    nothing special          fsize   RLIMIT_FSIZE of 64 MiB
 *   spill    --memory 256K            small   the same, --tmpdir is a tmpfs of 16 MiB
 *   full     --memory 256K, --tmpdir is a tmpfs of 1 MiB: a right answer, or status 1
 *            with the error that says that there is no more room; no hang
 *
 * After each: the right answer and status, nobody left, TMPDIR empty, /dev/shm as it
 * was. Signals go by pidfd to what is a child of the command, so that no one else is
 * ever hit. PRUNNER in the environment names the command (build/prunner). */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "proc.h"

enum variant { PLAIN,
               SPILL,
               SMALL,
               FSIZE,
               FULL,
               VARIANTS };

static const char *const variant_names[] = {"plain", "spill", "small", "fsize", "full"};

enum { STOPPED_MAX = 16,
       LIMIT_S = 120 }; /* for one job, after which it hangs */

static struct {
    int seconds, workers, min_ms, max_ms, only; /* variant; -1: all in turn */
    bool verbose;
    const char *prunner;
} opt = {10, 8, 1, 20, -1, false, NULL};

static struct {
    unsigned rounds, failed, skipped, full;
    unsigned kills, segvs, aborts, stops;
    unsigned by_variant[VARIANTS];
} sum;

/* A worker that was stopped, and when it goes on. */
struct stopped {
    int pidfd;
    double until;
};

struct round {
    const struct job *job;
    enum variant variant;
    char dir[64], tmp[80]; /* ours; the command's TMPDIR */
    bool mounted;
    pid_t pid;
    struct stopped stopped[STOPPED_MAX];
    int nstopped;
    char out[TEXT], err[TEXT];
    char why[512]; /* what is wrong; empty: nothing */
};

/* How many names a directory holds, and a hash of them. */
static unsigned
entries(const char *dir, uint64_t *hash)
{
    unsigned n = 0;
    struct dirent *e;
    DIR *d = opendir(dir);
    *hash = 0;
    while (d && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        uint64_t h = 5381;
        for (const char *p = e->d_name; *p; p++)
            h = h * 33 + (unsigned char)*p;
        *hash += h;
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void
wrong(struct round *r, const char *what)
{
    if (!r->why[0])
        snprintf(r->why, sizeof r->why, "%s", what);
}

/* ---- starting the command ---- */

static bool
mount_tmp(struct round *r)
{
    const char *size = r->variant == FULL ? "size=1m" : "size=16m";
    r->mounted = mount("chaos", r->tmp, "tmpfs", 0, size) == 0;
    return r->mounted;
}

__attribute__((noreturn)) static void
child(const struct round *r)
{
    char workers[16], path[128];
    const char *argv[32] = {opt.prunner, r->job->path, "-n", workers, "--max-crashes", "255", "--quiet"};
    int n = 7;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    snprintf(workers, sizeof workers, "%d", opt.workers);
    setenv("TMPDIR", r->tmp, 1);
    snprintf(path, sizeof path, "%s/out", r->dir);
    int out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    snprintf(path, sizeof path, "%s/err", r->dir);
    int err = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(99);
    if (r->variant == FSIZE) {
        struct rlimit limit = {64 << 20, 64 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
    } else if (r->variant != PLAIN) {
        argv[n++] = "--memory";
        argv[n++] = "256K";
        argv[n++] = "--tmpdir";
        argv[n++] = r->tmp;
    }
    argv[n] = NULL;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    execv(opt.prunner, (char **)argv);
    _exit(98);
}

/* ---- signals ---- */

/* A pidfd of a random child of the command; -1: there is none. */
static int
some_child(const struct round *r)
{
    pid_t pids[CHILDREN_MAX];
    int n = children_of(r->pid, pids);
    return n ? child_pidfd(r->pid, pids[dice((uint32_t)n)]) : -1;
}

static void
wake_stopped(struct round *r, bool all)
{
    double t = now();
    for (int i = 0; i < r->nstopped;) {
        if (!all && t < r->stopped[i].until) {
            i++;
            continue;
        }
        (void)send_signal(r->stopped[i].pidfd, SIGCONT);
        close(r->stopped[i].pidfd);
        r->stopped[i] = r->stopped[--r->nstopped];
    }
}

static void
hit(struct round *r)
{
    int fd = some_child(r);
    if (fd < 0)
        return;
    uint32_t d = dice(10);
    if (d >= 8 && r->nstopped < STOPPED_MAX) {
        if (send_signal(fd, SIGSTOP)) {
            r->stopped[r->nstopped++] = (struct stopped){fd, now() + dice(40) / 1000.0};
            sum.stops++;
            return;
        }
    } else if (d < 5) {
        sum.kills += send_signal(fd, SIGKILL);
    } else if (d < 7) {
        sum.segvs += send_signal(fd, SIGSEGV);
    } else {
        sum.aborts += send_signal(fd, SIGABRT);
    }
    close(fd);
}

/* ---- a round ---- */

/* Signals until the command has ended; after `until` it is left in peace. */
static int
torment(struct round *r, double until)
{
    double begin = now(), next = 0;
    int status;
    for (;;) {
        pid_t pid = waitpid(r->pid, &status, WNOHANG);
        if (pid == r->pid)
            return status;
        double t = now();
        if (t - begin > LIMIT_S) {
            wrong(r, "no end: it hangs");
            kill(-r->pid, SIGKILL);
            kill(r->pid, SIGKILL);
            waitpid(r->pid, &status, 0);
            return status;
        }
        wake_stopped(r, t >= until);
        if (t < until && t >= next) {
            hit(r);
            next = t + (opt.min_ms + dice((uint32_t)(opt.max_ms - opt.min_ms + 1))) / 1000.0;
        }
        (void)poll(NULL, 0, 1);
    }
}

static void
check_answer(struct round *r, int status)
{
    char what[400];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    size_t n = strlen(r->job->prints);
    bool right = strncmp(r->out, r->job->prints, n) == 0 && strcmp(r->out + n, "\n") == 0;
    if (r->variant == FULL && code == 1 && strstr(r->err, "room")) {
        sum.full++;
        return;
    }
    snprintf(what, sizeof what, "status %d instead of %d", code, r->job->status);
    if (code != r->job->status)
        wrong(r, what);
    snprintf(what, sizeof what, "the answer is \"%.200s\"", r->out);
    if (!right)
        wrong(r, what);
}

static void
report(const struct round *r, double seconds)
{
    if (opt.verbose || r->why[0])
        printf("%-28s %-6s %5.1f s  %s\n", r->job->path, variant_names[r->variant], seconds,
               r->why[0] ? r->why : "ok");
    if (r->why[0])
        printf("    standard error: %.3000s\n", r->err);
    fflush(stdout);
}

static void
run_round(const struct job *job, enum variant variant, double until)
{
    static struct round r;
    uint64_t shm, shm_after, names;
    char path[128];
    double begin = now();
    r = (struct round){.job = job, .variant = variant};
    snprintf(r.dir, sizeof r.dir, "/tmp/chaos-XXXXXX");
    if (!mkdtemp(r.dir))
        die("mkdtemp");
    snprintf(r.tmp, sizeof r.tmp, "%s/tmp", r.dir);
    if (mkdir(r.tmp, 0700))
        die(r.tmp);
    bool skip = (variant == SMALL || variant == FULL) && !mount_tmp(&r);
    if (skip) {
        sum.skipped++;
    } else {
        (void)entries("/dev/shm", &shm);
        fflush(NULL);
        r.pid = fork();
        if (r.pid < 0)
            die("fork");
        if (!r.pid)
            child(&r);
        int status = torment(&r, until);
        wake_stopped(&r, true);
        snprintf(path, sizeof path, "%s/out", r.dir);
        slurp(path, r.out);
        snprintf(path, sizeof path, "%s/err", r.dir);
        slurp(path, r.err);
        check_answer(&r, status);
        if (!wait_orphans(2)) /* all are ours: we are a subreaper */
            wrong(&r, "a process is left");
        (void)entries("/dev/shm", &shm_after);
        if (shm != shm_after)
            wrong(&r, "/dev/shm is not what it was");
        if (entries(r.tmp, &names))
            wrong(&r, "a file is left in TMPDIR");
        sum.rounds++;
        sum.by_variant[variant]++;
        sum.failed += r.why[0] != '\0';
        report(&r, now() - begin);
    }
    if (r.mounted)
        (void)umount2(r.tmp, MNT_DETACH);
    const char *const made[] = {"out", "err", "tmp"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", r.dir, made[i]);
        (void)remove(path);
    }
    (void)remove(r.dir);
}

/* ---- options ---- */

__attribute__((noreturn)) static void
usage(void)
{
    fprintf(stderr, "usage: chaos [-s SECONDS] [-n WORKERS] [-i MIN-MAX] [-S SEED] "
                    "[-V plain|spill|small|fsize|full] [-v] JOB...\n");
    exit(2);
}

static void
read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "s:n:i:S:V:v")) != -1;) {
        if (o == 's')
            opt.seconds = atoi(optarg);
        else if (o == 'n')
            opt.workers = atoi(optarg);
        else if (o == 'i' && sscanf(optarg, "%d-%d", &opt.min_ms, &opt.max_ms) == 2)
            continue;
        else if (o == 'S')
            seed = strtoull(optarg, NULL, 10);
        else if (o == 'v')
            opt.verbose = true;
        else if (o == 'V') {
            for (opt.only = VARIANTS - 1; opt.only >= 0; opt.only--) {
                if (strcmp(variant_names[opt.only], optarg) == 0)
                    break;
            }
            if (opt.only < 0)
                usage();
        } else
            usage();
    }
    if (opt.seconds < 1 || opt.workers < 1 || opt.min_ms < 1 || opt.max_ms < opt.min_ms ||
        optind == argc)
        usage();
}

int
main(int argc, char **argv)
{
    struct job jobs[64];
    char full[PATH_MAX];
    int n = 0;
    seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
    read_options(argc, argv);
    const char *command = getenv("PRUNNER");
    opt.prunner = realpath(command ? command : "build/prunner", full);
    if (!opt.prunner)
        die("the command (PRUNNER)");
    for (int i = optind; i < argc && n < 64; i++)
        read_job(&jobs[n++], argv[i]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    printf("chaos: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);

    double begin = now(), until = begin + opt.seconds;
    for (int i = 0; now() < until; i++) {
        const struct job *job = &jobs[i % n];
        int v = opt.only >= 0 ? opt.only : i / n % VARIANTS;
        run_round(job, (enum variant)v, until);
    }
    printf("chaos: %u jobs in %.0f s (", sum.rounds, now() - begin);
    for (int v = 0; v < VARIANTS; v++)
        printf("%s%u %s", v ? ", " : "", sum.by_variant[v], variant_names[v]);
    printf("%s), %u SIGKILL, %u SIGSEGV, %u SIGABRT, %u SIGSTOP and SIGCONT; %u ran out of "
           "room and said so; %u FAILED\n",
           sum.skipped ? "; no tmpfs can be mounted here: small and full were skipped" : "",
           sum.kills, sum.segvs, sum.aborts, sum.stops, sum.full, sum.failed);
    return sum.failed != 0;
}
