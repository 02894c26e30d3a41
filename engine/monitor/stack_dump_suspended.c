/* The part of stack_dump that is about suspended tasks: in the process in which they wait.
 * Thousands may have the same stack, so each is told once. */
#include "monitor/stack_dump.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/large.h"
#include "codec/codec.h"
#include "job/job.h"
#include "task/task.h"

enum {
    STACKS = 10,    /* different ones that are told */
    ROOM = 640,     /* bytes of each */
    COROUTINES = 8, /* of the script, within each other */
};

#define MARGIN "    "

struct kind {
    uint64_t hash;
    uint32_t tasks, first; /* how many; one of them */
    const char *what;      /* they wait for */
    size_t len;
    char stack[ROOM];
};

static struct {
    void (*each)(stack_dump_fn *fn, void *arg);
    uint32_t tasks, nkinds, others; /* `others`: of kinds that have no room */
    struct kind kinds[STACKS];
} suspended LARGE_BSS;

void
stack_dump_follow(void (*each)(stack_dump_fn *fn, void *arg))
{
    suspended.each = each;
}

static struct kind *
find(uint64_t hash)
{
    for (uint32_t i = 0; i < suspended.nkinds; i++) {
        if (suspended.kinds[i].hash == hash)
            return &suspended.kinds[i];
    }
    return NULL;
}

/* The script's own coroutine in which L waits: a local of prunner.coroutines, which has resumed it.
 * NULL: it waits in none. */
static lua_State *
resumed_by(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; lua_checkstack(L, 1) && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "S", &ar) || !strstr(ar.source, "prunner/coroutines.lua"))
            continue;
        for (int i = 1; lua_getlocal(L, &ar, i); i++) {
            lua_State *co = lua_tothread(L, -1);
            lua_pop(L, 1);
            if (co && lua_status(co) == LUA_YIELD)
                return co;
        }
    }
    return NULL;
}

/* The innermost coroutine first. */
static size_t
put_stacks(char *text, size_t room, lua_State *L, int depth)
{
    lua_State *co = depth < COROUTINES ? resumed_by(L) : NULL;
    size_t len = co ? put_stacks(text, room, co, depth + 1) : 0;
    return len + stack_dump_put_stack(text + len, room - len, L);
}

static void
note(void *arg, lua_State *L, uint32_t task, const char *what)
{
    char stack[ROOM];
    size_t len = put_stacks(stack, sizeof stack, L, 0);
    uint64_t hash = hash_more(task_at(&job.arena, task)->fn, stack, len);
    hash = hash_more(hash, what, strlen(what));
    struct kind *kind = find(hash);
    (void)arg;
    suspended.tasks++;
    if (!kind && suspended.nkinds == STACKS) {
        suspended.others++;
        return;
    }
    if (!kind) {
        kind = &suspended.kinds[suspended.nkinds++];
        *kind = (struct kind){hash, 0, task, what, len, ""};
        memcpy(kind->stack, stack, len);
    }
    kind->tasks++;
}

static size_t
put_kind(char *text, size_t room, const struct kind *kind)
{
    char args[120] = "";
    const struct task *t = task_at(&job.arena, kind->first);
    codec_describe(task_args(&job.arena, t), t->bytes, args, sizeof args);
    int n = snprintf(text, room, MARGIN "suspended: %u, %s%s(%s) #%llu, for %s\n%.*s", kind->tasks,
                     kind->tasks > 1 ? "as " : "", job_fn_info(t->fn)->name, args,
                     (unsigned long long)t->id, kind->what, (int)kind->len, kind->stack);
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

size_t
stack_dump_put_suspended(char *text, size_t room)
{
    size_t len = 0;
    suspended.tasks = suspended.nkinds = suspended.others = 0;
    if (suspended.each)
        suspended.each(note, NULL);
    for (uint32_t i = 0; i < suspended.nkinds; i++)
        len += put_kind(text + len, room - len, &suspended.kinds[i]);
    int n = suspended.others ? snprintf(text + len, room - len, MARGIN "suspended: %u more\n",
                                        suspended.others)
                             : 0;
    return len + (n > 0 && (size_t)n < room - len ? (size_t)n : 0);
}
