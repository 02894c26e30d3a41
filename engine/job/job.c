#include "job/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/exit_status.h"
#include "base/log.h"
#include "base/path.h"
#include "task/section.h"
#include "base/utf8.h"

struct job job = {.notify_fd = -1};

void
job_tmpdir_find(void)
{
    const char *env = getenv("TMPDIR");
    job.tmpdir = env && *env ? path_whole(env) : "/var/tmp";
    if (job.config.tmpdir)
        job.tmpdir = job.config.tmpdir;
}

const char *
job_tmpdir(void)
{
    return job.tmpdir;
}

int
job_tmpdir_check(void)
{
    const char *env = getenv("TMPDIR"), *dir = job_tmpdir();
    struct stat st;
    int err = stat(dir, &st) ? errno : !S_ISDIR(st.st_mode)   ? ENOTDIR
                                   : access(dir, W_OK | X_OK) ? errno
                                                              : 0;
    if (!err)
        return 0;
    log_error("%s: no file can be made in \"%s\": %s. Name another directory by --tmpdir",
              job.config.tmpdir ? "--tmpdir"
              : env && *env     ? "$TMPDIR"
                                : "default",
              dir, strerror(err));
    return -err;
}

static char *
copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* A name is shown in a line of many texts: what a terminal would obey becomes '?'. */
static char *
copy_shown(const char *name)
{
    char *text = copy(name);
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = utf8_shown((unsigned char *)text + i, len - i);
        if (!n)
            text[i] = '?';
    }
    return text;
}

/* Room for functions up to `number`; those in between have no name. */
static bool
fns_room(uint32_t number)
{
    if (number < job.fns_cap)
        return true;
    uint32_t cap = job.fns_cap ? job.fns_cap : 512;
    while (cap <= number)
        cap *= 2;
    struct fn_info *grown = realloc(job.fns, cap * sizeof *grown);
    if (!grown)
        return false;
    if (!job.fns)
        grown[0] = (struct fn_info){0};
    job.fns = grown;
    job.fns_cap = cap;
    return true;
}

static const char in_c[] = "C"; /* where most of them are */

uint32_t
job_fn(uint32_t number, const char *name, const char *where)
{
    if (!number)
        number = job.nfns + 1;
    if (!fns_room(number))
        return 0;
    while (job.nfns < number)
        job.fns[++job.nfns] = (struct fn_info){.options = {-1, -1, -1, 0, false}};
    struct fn_info *f = &job.fns[number];
    free((char *)f->name);
    if (f->where != in_c)
        free((char *)f->where);
    f->name = copy_shown(name);
    f->where = where && strcmp(where, in_c) == 0 ? in_c : copy(where);
    return number;
}

const struct fn_info *
job_fn_info(uint32_t number)
{
    static const struct fn_info unknown = {"?", "?", {-1, -1, -1, 0, false}};
    static const struct fn_info begin = {"begin", "", {-1, -1, -1, 0, false}};
    if (!number)
        return &begin;
    if (number > job.nfns || !job.fns[number].name)
        return &unknown;
    return &job.fns[number];
}

bool
job_class(uint32_t number, const char *name)
{
    if (!array_reserve_zeroed(&job.classes, &job.classes_cap, number + 1, sizeof *job.classes))
        return false;
    free(job.classes[number]);
    job.classes[number] = copy_shown(name);
    return job.classes[number] != NULL;
}

const char *
job_class_name(uint32_t number)
{
    bool named = number < job.classes_cap && job.classes[number];
    return named ? job.classes[number] : "?";
}

int
job_act(uint32_t slot)
{
    if (job.self.arena) { /* the slot's that was acted for until now */
        section_close(&job.self);
        self_close(&job.self);
    }
    int err = self_open(&job.self, &job.arena, slot, arena_workers(&job.arena) + 1);
    job.self.lifo = job.config.order == TASKS_LIFO;
    return err;
}

/* In the new process. While the script loads it may continue instead of its parent, as
 * daemons do. */
static void
disown(void)
{
    if (job.forking || job.stage == STAGE_LOADING || !job.arena.base)
        return;
    job.stranger = true;
    job.stage = STAGE_RUNNING; /* no posts */
    arena_revoke(&job.arena);
}

void
job_watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, disown);
}

pid_t
job_fork(void)
{
    job.forking = true;
    pid_t pid = fork();
    job.forking = false;
    return pid;
}

void
job_end_stranger(const char *where)
{
    if (!job.stranger)
        return;
    log_error("%s was left by a process that it had forked (%d), which is not part of the job "
              "and ends here: it should call os.exit() or exec",
              where, (int)getpid());
    _exit(EXIT_FATAL);
}

void
job_notify(void)
{
    uint64_t one = 1;
    ssize_t n = write(job.notify_fd, &one, sizeof one);
    (void)n; /* full: it was poked often enough */
}

uint32_t
job_retries(uint32_t fn)
{
    int32_t own = job_fn_info(fn)->options.retries;
    return own >= 0 ? (uint32_t)own : job.config.retries;
}

uint32_t
job_max_crashes(uint32_t fn)
{
    int32_t own = job_fn_info(fn)->options.max_crashes;
    return own >= 0 ? (uint32_t)own : job.config.max_crashes;
}

int64_t
job_timeout_ns(uint32_t fn)
{
    int64_t own = job_fn_info(fn)->options.timeout_ns;
    return own >= 0 ? own : job.config.timeout_ns;
}

uint64_t
job_backoff_ns(uint32_t fn, uint32_t errors)
{
    return (uint64_t)job_fn_info(fn)->options.backoff_ns << (errors < 10 ? errors : 10);
}
