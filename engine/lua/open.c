#include "lua/open.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "base/signal_state.h"
#include "codec/codec.h"
#include "job/failures.h"
#include "job/job.h"
#include "job/state.h"
#include "monitor/metrics.h"
#include "task/idle.h"

/* Where the queue continues when memory is used up. Without a place for it the job
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
    if (c->memory_bytes && job_tmpdir_check())
        return err;
    log_debug("no file for the queue can be made in \"%s\" (%s): it stays in memory", dir,
              strerror(-err));
    if (c->memory_bytes)
        arena_budget(&job.arena, budget);
    return 0;
}

/* --state, --resume */
static int
open_state(void)
{
    const struct config *c = &job.config;
    const char *path = c->state ? c->state : c->resume, *problem = "";
    uint64_t hash = state_file_hash(c->script);
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
open_memory(void)
{
    if (job.arena.base)
        return 0;
    job.started_unix_ns = clock_unix_ns();
    job_tmpdir_find();
    signal_state_repair();
    occupy_standard_fds();
    if (job.config.state || job.config.resume)
        return open_state();
    int err = arena_open(&job.arena, 0);
    return err ? err : open_spill();
}

int
open_job(lua_State *L)
{
    if (job.opened)
        return 0;
    int err = open_memory();
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
    idle_notify = job_notify;
    err = metrics_open(job_notify);
    if (!err)
        err = failures_open();
    if (err)
        return err;
    if (!job.config.max_crashes)
        config_init(&job.config);
    job_watch_forks();
    job.opened = true;
    return 0;
}
