#define _GNU_SOURCE
#include "job/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "job/state.h"
#include "monitor/metrics.h"

struct job job = {.notify_fd = -1};

const char *
job_tmpdir(void)
{
    const char *env = getenv("TMPDIR");
    if (job.config.tmpdir)
        return job.config.tmpdir;
    return env && *env ? env : "/var/tmp";
}

/* Where the queue goes on when memory is used up. Without a place for it the job
 * runs all the same, in memory alone. */
static int
open_spill(void)
{
    const struct config *c = &job.config;
    const char *dir = job_tmpdir();
    uint64_t budget = c->memory_bytes ? c->memory_bytes : memory_limit_bytes("") / 2;
    int err = arena_spill(&job.arena, dir, budget);
    if (!err)
        return 0;
    if (c->tmpdir) {
        log_error("--tmpdir: no file can be made in \"%s\": %s", dir, strerror(-err));
        return err;
    }
    log_debug("no file for the queue can be made in \"%s\" (%s): it stays in memory", dir,
              strerror(-err));
    if (c->memory_bytes)
        arena_budget(&job.arena, budget);
    return 0;
}

/* What the script's file says, to know it again. 0: it cannot be read. */
static uint64_t
script_hash(const char *path)
{
    char part[16 << 10];
    uint64_t h = 1;
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        h = hash_more(hash_mix(h, n), part, n);
    fclose(f);
    return h | 1;
}

/* --state, --resume */
static int
open_state(void)
{
    const struct config *c = &job.config;
    const char *path = c->state ? c->state : c->resume, *problem = "";
    uint64_t hash = script_hash(c->script);
    int err;
    if (!hash) {
        log_error("%s: %s", c->script, strerror(errno));
        return -errno;
    }
    err = c->state ? state_create(&job.arena, path, hash, &problem)
                   : state_open(&job.arena, path, hash, &problem);
    if (err)
        log_error("--%s: \"%s\" %s", c->state ? "state" : "resume", path, problem);
    return err;
}

/* Whoever started us may have closed these: the arena must not become what tasks
 * print to. Opened the wrong way round, so that using them is an error still. */
static void
occupy_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int
job_memory(void)
{
    if (job.arena.base)
        return 0;
    occupy_standard_fds();
    if (job.config.state || job.config.resume)
        return open_state();
    int err = arena_open(&job.arena, 0);
    return err ? err : open_spill();
}

int
job_open(lua_State *L)
{
    if (job.opened)
        return 0;
    int err = job_memory();
    if (err)
        return err;
    if (!slot_at(&job.arena, 0)->ring)
        self_slot_init(&job.arena, 0);
    err = self_open(&job.self, &job.arena, 0, 1);
    if (!err)
        err = codec_open(&job.codec, L);
    if (err)
        return err;
    job.notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job.notify_fd < 0)
        return -errno;
    err = metrics_open(job_notify);
    if (err)
        return err;
    if (!job.config.attempts)
        config_init(&job.config);
    job.opened = true;
    return 0;
}

static char *
copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* Room for functions up to `number`; those in between have no name. */
static bool
fns_room(uint32_t number)
{
    if (number < job.fns_cap)
        return true;
    uint32_t cap = job.fns_cap ? job.fns_cap : 256;
    while (cap <= number)
        cap *= 2;
    struct fn_info *grown = realloc(job.fns, cap * sizeof *grown);
    if (!grown)
        return false;
    for (uint32_t i = job.fns_cap; i < cap; i++)
        grown[i] = (struct fn_info){.options = {-1, -1, -1, 0, true}};
    job.fns = grown;
    job.fns_cap = cap;
    return true;
}

uint32_t
job_fn(uint32_t number, const char *name, const char *where)
{
    if (!number)
        number = job.nfns + 1;
    if (!fns_room(number))
        return 0;
    if (number > job.nfns)
        job.nfns = number;
    struct fn_info *f = &job.fns[number];
    free((char *)f->name);
    free((char *)f->where);
    f->name = copy(name);
    f->where = copy(where);
    return number;
}

const struct fn_info *
job_fn_info(uint32_t number)
{
    static const struct fn_info unknown = {"?", "?", {-1, -1, -1, 0, true}};
    static const struct fn_info begin = {"begin", "", {-1, -1, -1, 0, true}};
    if (!number)
        return &begin;
    if (number > job.nfns || !job.fns[number].name)
        return &unknown;
    return &job.fns[number];
}

bool
job_class(uint32_t number, const char *name)
{
    if (number > job.nclasses || !job.classes) {
        uint32_t had = job.classes ? job.nclasses + 1 : 0, want = number * 2 + 1;
        char **grown = realloc(job.classes, want * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + had, 0, (want - had) * sizeof *grown);
        job.classes = grown;
        job.nclasses = want - 1;
    }
    free(job.classes[number]);
    job.classes[number] = copy(name);
    return job.classes[number] != NULL;
}

const char *
job_class_name(uint32_t number)
{
    bool named = number <= job.nclasses && job.classes && job.classes[number];
    return named ? job.classes[number] : "?";
}

int
job_act(uint32_t slot)
{
    self_close(&job.self);
    int err = self_open(&job.self, &job.arena, slot, arena_workers(&job.arena) + 1);
    job.self.lifo = job.config.order == TASKS_LIFO;
    metrics_act(slot);
    return err;
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
job_attempts(uint32_t fn)
{
    int32_t own = job_fn_info(fn)->options.attempts;
    return own >= 0 ? (uint32_t)own : job.config.attempts;
}

int64_t
job_timeout_ns(uint32_t fn)
{
    int64_t own = job_fn_info(fn)->options.timeout_ns;
    return own >= 0 ? own : job.config.timeout_ns;
}
