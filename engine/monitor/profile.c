#include "monitor/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <luajit.h>

#include "job/job.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "base/outfile.h"
#include "base/large.h"

enum {
    EVERY_MS = 4,   /* of CPU time, between two samples; the kernel makes it a few more */
    ENTRIES = 4096, /* different stacks of a slot: a power of two */
    ENTRIES_FULL = ENTRIES - ENTRIES / 8,
    TABLE_BYTES = 1 << 20,
    FRAMES = 128, /* the innermost ones of a stack */
    STACK_BYTES = 16 << 10,
};

struct entry {
    uint64_t samples; /* 0: free */
    uint32_t at, len; /* of its text in texts[] */
};

struct table {
    uint64_t lost; /* samples of stacks for which there was no room */
    uint32_t used, entries_used;
    struct entry entries[ENTRIES];
    char texts[];
};

/* Between frames while a stack is put together: no name has it. */
#define MARK '\1'

static struct {
    struct outfile file;
    char *tables;
    uint32_t slots;
    bool on, states;
    struct table *own;
    lua_State *tasks;
} profile;

static struct table *
table_of(uint32_t slot)
{
    return (struct table *)(void *)(profile.tables + (size_t)slot * TABLE_BYTES);
}

/* ---- in a worker: counting ---- */

/* The entry of this text, a new one if need be; NULL: no room. */
static struct entry *
find(struct table *t, const char *text, uint32_t len)
{
    uint32_t i = (uint32_t)hash_bytes(text, len) % ENTRIES;
    for (; t->entries[i].samples; i = (i + 1) % ENTRIES) {
        struct entry *e = &t->entries[i];
        if (e->len == len && memcmp(t->texts + e->at, text, len) == 0)
            return e;
    }
    if (t->entries_used >= ENTRIES_FULL || len > TABLE_BYTES - sizeof *t - t->used)
        return NULL;
    struct entry *e = &t->entries[i];
    memcpy(t->texts + t->used, text, len);
    e->at = t->used;
    e->len = len;
    t->used += len;
    t->entries_used++;
    return e;
}

static void
count(const char *text, size_t len, int samples)
{
    struct table *t = profile.own;
    struct entry *e = find(t, text, (uint32_t)len);
    /* release: its text is there, should this process die now. */
    if (e)
        atom_store(&e->samples, e->samples + (uint64_t)samples);
    else
        t->lost += (uint64_t)samples;
}

/* ---- in a worker: what a stack is called ---- */

struct stack {
    char text[STACK_BYTES];
    size_t len;
};

/* A name as one frame: it has no ';' and no end of line. */
static void
put(struct stack *s, const char *name, size_t len)
{
    if (len > STACK_BYTES - s->len)
        len = STACK_BYTES - s->len;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        char c = name[i];
        n = utf8_shown((const unsigned char *)name + i, len - i);
        if (n > 1) {
            memcpy(s->text + s->len, name + i, n);
            s->len += n;
            continue;
        }
        s->text[s->len++] = c == MARK ? ';' : c == ';' ? ':'
                                          : !n         ? '?'
                                                       : c;
    }
}

static void
put_frame(struct stack *s, const char *name)
{
    put(s, (const char[]){MARK}, s->len ? 1 : 0);
    put(s, name, strlen(name));
}

/* The outermost frame of `frames` that `begins` so is left out. */
static void
skip_frame(const char **frames, size_t *len, const char *begin)
{
    if (*len < strlen(begin) || memcmp(*frames, begin, strlen(begin)) != 0)
        return;
    const char *end = memchr(*frames, MARK, *len);
    size_t skipped = end ? (size_t)(end - *frames) + 1 : *len;
    *frames += skipped;
    *len -= skipped;
}

static size_t
count_frames(const char *frames, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += frames[i] == MARK;
    return n;
}

/* The thread of the tasks begins with our loop and the task's function, whose name is the
 * root already; a coroutine has its own stack. */
static void
put_frames(struct stack *s, lua_State *L, const char *frames, size_t len)
{
    bool whole = count_frames(frames, len) < FRAMES;
    if (whole && L == profile.tasks && job_in_task()) {
        skip_frame(&frames, &len, "prunner.task_loop");
        if (!len)
            put_frame(s, "(between tasks)");
        skip_frame(&frames, &len, "");
    }
    if (!whole)
        put_frame(s, "...");
    while (len > 0) {
        const char *end = memchr(frames, MARK, len);
        size_t frame = end ? (size_t)(end - frames) : len;
        put(s, (const char[]){MARK}, 1);
        put(s, frames, frame);
        frames += frame + (end != NULL);
        len -= frame + (end != NULL);
    }
}

static void
put_state(struct stack *s, int state)
{
    static const struct {
        char state;
        const char *name;
    } states[] = {
        {'N', "(compiled)"},
        {'I', "(interpreted)"},
        {'C', "(C)"},
        {'G', "(garbage)"},
        {'J', "(compiling)"},
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (states[i].state == state)
            put_frame(s, states[i].name);
    }
}

/* Called by LuaJIT where it may be called: no lock of ours is held, no task is being ended. */
static void
sample(void *data, lua_State *L, int samples, int state)
{
    static LARGE_BSS struct stack s;
    static const char frame[] = {'F', MARK, 'Z', '\0'};
    size_t len;
    (void)data;
    const char *frames = luaJIT_profile_dumpstack(L, frame, -FRAMES, &len);
    bool task = job_in_task();
    s.len = 0;
    put_frame(&s, task ? job_fn_info(metrics.slot->fn)->name : "(hooks)");
    put_frames(&s, L, frames, len);
    if (profile.states)
        put_state(&s, state);
    count(s.text, s.len, samples);
}

void
profile_start(lua_State *tasks)
{
    char mode[16];
    if (!profile.on || job.self.me >= profile.slots)
        return;
    profile.own = table_of(job.self.me);
    profile.tasks = tasks;
    snprintf(mode, sizeof mode, "fi%d", EVERY_MS);
    luaJIT_profile_start(tasks, mode, sample, NULL);
}

void
profile_follow(lua_State *task)
{
    profile.tasks = task;
}

void
profile_stop(lua_State *tasks)
{
    if (profile.own)
        luaJIT_profile_stop(tasks);
    profile.own = NULL;
}

/* ---- in the supervisor ---- */

struct stack_ref {
    const char *text;
    uint32_t len;
    uint64_t samples;
};

static int
by_text(const void *pa, const void *pb)
{
    const struct stack_ref *a = pa, *b = pb;
    int by = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return by ? by : a->len < b->len ? -1
                                     : a->len > b->len;
}

/* All entries of all tables: *out is malloc'ed. false: no memory. */
static bool
gather(struct stack_ref **out, size_t *n, uint64_t *lost)
{
    uint32_t have = metrics.header->nworkers;
    uint32_t last = have < profile.slots ? have : profile.slots - 1;
    size_t all = 0;
    for (uint32_t k = 1; k <= last; k++)
        all += table_of(k)->entries_used;
    struct stack_ref *refs = malloc((all + 1) * sizeof *refs);
    *out = refs;
    *n = 0;
    *lost = 0;
    for (uint32_t k = 1; refs && k <= last; k++) {
        const struct table *t = table_of(k);
        *lost += t->lost;
        for (uint32_t i = 0; i < ENTRIES && *n < all; i++) {
            const struct entry *e = &t->entries[i];
            if (t->entries_used && e->samples)
                refs[(*n)++] = (struct stack_ref){t->texts + e->at, e->len, e->samples};
        }
    }
    return refs != NULL;
}

/* The same stack of several workers is one line. */
static void
write_stacks(const struct stack_ref *refs, size_t n)
{
    for (size_t i = 0; i < n;) {
        const struct stack_ref *r = &refs[i];
        uint64_t samples = 0;
        for (; i < n && by_text(r, &refs[i]) == 0; i++)
            samples += refs[i].samples;
        text_bytes(&profile.file.text, r->text, r->len);
        text_print(&profile.file.text, " %llu\n", (unsigned long long)samples);
        outfile_more(&profile.file);
    }
}

static void
end(void)
{
    struct stack_ref *refs;
    size_t n;
    uint64_t lost;
    outfile_clear(&profile.file);
    if (gather(&refs, &n, &lost)) {
        qsort(refs, n, sizeof *refs, by_text);
        write_stacks(refs, n);
        if (lost)
            text_print(&profile.file.text, "(other stacks) %llu\n", (unsigned long long)lost);
    } else {
        profile.file.text.failed = true;
    }
    if (n == 0 && !lost && !profile.file.text.failed)
        log_warn("--profile: \"%s\" is empty: the tasks used too little CPU time for a single "
                 "sample, which is taken every %d ms of it",
                 profile.file.path, EVERY_MS);
    free(refs);
    outfile_close(&profile.file);
}

static struct observer observer = {.end = end};

/* Holes until they are touched. Under a limit on addresses fewer workers are sampled. */
static bool
map_tables(void)
{
    for (profile.slots = ARENA_SLOTS; profile.slots > 1; profile.slots /= 8) {
        void *at = mmap(NULL, (size_t)profile.slots * TABLE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at != MAP_FAILED) {
            (void)madvise(at, (size_t)profile.slots * TABLE_BYTES, MADV_DONTDUMP);
            profile.tables = at;
            return true;
        }
    }
    return false;
}

int
profile_open(const char *path, bool states)
{
    int err = outfile_open(&profile.file, "--profile", path);
    if (err)
        return err;
    if (!map_tables()) {
        log_error("--profile: cannot allocate memory for it: is there a limit on the address "
                  "space (ulimit -v)?");
        outfile_close(&profile.file);
        return -ENOMEM;
    }
    profile.on = true;
    profile.states = states;
    observers_add(&observer);
    return 0;
}
