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

struct engine engine = {.poke_fd = -1};

const char *
engine_tmpdir(void)
{
    const char *env = getenv("TMPDIR");
    if (engine.config.tmpdir)
        return engine.config.tmpdir;
    return env && *env ? env : "/var/tmp";
}

/* Where the queue goes on when memory is used up. Without a place for it the job
 * runs all the same, in memory alone. */
static int
open_spill(void)
{
    const struct config *c = &engine.config;
    const char *dir = engine_tmpdir();
    uint64_t budget = c->memory_bytes ? c->memory_bytes : memlimit_bytes("") / 2;
    int err = arena_spill(&engine.arena, dir, budget);
    if (!err)
        return 0;
    if (c->tmpdir) {
        log_error("--tmpdir: no file can be made in \"%s\": %s", dir, strerror(-err));
        return err;
    }
    log_debug("no file for the queue can be made in \"%s\" (%s): it stays in memory", dir,
              strerror(-err));
    if (c->memory_bytes)
        arena_budget(&engine.arena, budget);
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
    const struct config *c = &engine.config;
    const char *path = c->state ? c->state : c->resume, *problem = "";
    uint64_t hash = script_hash(c->script);
    int err;
    if (!hash) {
        log_error("%s: %s", c->script, strerror(errno));
        return -errno;
    }
    err = c->state ? state_create(&engine.arena, path, hash, &problem)
                   : state_open(&engine.arena, path, hash, &problem);
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
engine_memory(void)
{
    if (engine.arena.base)
        return 0;
    occupy_standard_fds();
    if (engine.config.state || engine.config.resume)
        return open_state();
    int err = arena_open(&engine.arena, 0);
    return err ? err : open_spill();
}

int
engine_open(lua_State *L)
{
    if (engine.opened)
        return 0;
    int err = engine_memory();
    if (err)
        return err;
    if (!slot_at(&engine.arena, 0)->ring)
        actor_slot_init(&engine.arena, 0);
    err = actor_open(&engine.self, &engine.arena, 0, 1);
    if (!err)
        err = codec_open(&engine.codec, L);
    if (err)
        return err;
    engine.poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine.poke_fd < 0)
        return -errno;
    err = watch_open(engine_poke);
    if (err)
        return err;
    if (!engine.config.attempts)
        config_init(&engine.config);
    engine.opened = true;
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
    if (number < engine.fns_cap)
        return true;
    uint32_t cap = engine.fns_cap ? engine.fns_cap : 256;
    while (cap <= number)
        cap *= 2;
    struct fn_info *grown = realloc(engine.fns, cap * sizeof *grown);
    if (!grown)
        return false;
    for (uint32_t i = engine.fns_cap; i < cap; i++)
        grown[i] = (struct fn_info){.options = {-1, -1, -1, 0, true}};
    engine.fns = grown;
    engine.fns_cap = cap;
    return true;
}

uint32_t
engine_fn(uint32_t number, const char *name, const char *where)
{
    if (!number)
        number = engine.nfns + 1;
    if (!fns_room(number))
        return 0;
    if (number > engine.nfns)
        engine.nfns = number;
    struct fn_info *f = &engine.fns[number];
    free((char *)f->name);
    free((char *)f->where);
    f->name = copy(name);
    f->where = copy(where);
    return number;
}

const struct fn_info *
engine_fn_info(uint32_t number)
{
    static const struct fn_info unknown = {"?", "?", {-1, -1, -1, 0, true}};
    static const struct fn_info begin = {"begin", "", {-1, -1, -1, 0, true}};
    if (!number)
        return &begin;
    if (number > engine.nfns || !engine.fns[number].name)
        return &unknown;
    return &engine.fns[number];
}

bool
engine_class(uint32_t number, const char *name)
{
    if (number > engine.nclasses || !engine.classes) {
        uint32_t had = engine.classes ? engine.nclasses + 1 : 0, want = number * 2 + 1;
        char **grown = realloc(engine.classes, want * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + had, 0, (want - had) * sizeof *grown);
        engine.classes = grown;
        engine.nclasses = want - 1;
    }
    free(engine.classes[number]);
    engine.classes[number] = copy(name);
    return engine.classes[number] != NULL;
}

const char *
engine_class_name(uint32_t number)
{
    bool named = number <= engine.nclasses && engine.classes && engine.classes[number];
    return named ? engine.classes[number] : "?";
}

int
engine_act(uint32_t slot)
{
    actor_close(&engine.self);
    int err = actor_open(&engine.self, &engine.arena, slot, arena_workers(&engine.arena) + 1);
    engine.self.lifo = engine.config.lifo;
    watch_act(slot);
    return err;
}

void
engine_poke(void)
{
    uint64_t one = 1;
    ssize_t n = write(engine.poke_fd, &one, sizeof one);
    (void)n; /* full: it was poked often enough */
}

uint32_t
engine_retries(uint32_t fn)
{
    int32_t own = engine_fn_info(fn)->options.retries;
    return own >= 0 ? (uint32_t)own : engine.config.retries;
}

uint32_t
engine_attempts(uint32_t fn)
{
    int32_t own = engine_fn_info(fn)->options.attempts;
    return own >= 0 ? (uint32_t)own : engine.config.attempts;
}

int64_t
engine_timeout_ns(uint32_t fn)
{
    int64_t own = engine_fn_info(fn)->options.timeout_ns;
    return own >= 0 ? own : engine.config.timeout_ns;
}
