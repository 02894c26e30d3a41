#include "monitor/stack_dump.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/codec.h"
#include "job/job.h"
#include "base/human.h"
#include "base/log.h"
#include "base/nudge.h"
#include "base/procstat.h"
#include "monitor/metrics.h"
#include "monitor/metrics_read.h"
#include "store/names.h"
#include "monitor/observers.h"
#include "monitor/progress.h"
#include "task/task.h"
#include "base/text.h"
#include "base/large.h"

enum {
    LEVELS = 20,      /* of a stack that are shown */
    STACK = 2000,     /* bytes of it */
    SUSPENDED = 8000, /* bytes of the stacks of suspended tasks */
    BUSY_SHOWN = 100, /* workers */
    MS = 1000 * 1000, /* ns */
};
static const uint64_t NEVER_NS = (uint64_t)1 << 62;
static const uint64_t LOOK_NS = 10 * MS;      /* are all answers there? */
static const uint64_t PATIENCE_NS = 300 * MS; /* an instruction of Lua is nearer than that */

#define GAP "  "        /* before a line about a worker */
#define MARGIN "      " /* ... about its task */

/* What a worker says of itself. */
struct answer {
    uint32_t to; /* the `asked` that it answers. writer: the worker, last */
    uint32_t len;
    char stack[STACK];
};

/* ... of its suspended tasks. */
struct suspended_answer {
    uint32_t to; /* as above */
    uint32_t len;
    char text[SUSPENDED];
};

struct shared {
    uint32_t asked; /* counts. writer: the supervisor */
    struct answer answers[ARENA_SLOTS];
    struct suspended_answer suspended[ARENA_SLOTS];
};

/* Why a worker was not asked, or has not answered. */
enum state {
    GONE = 0,
    COMPUTES,
    SLEEPS,
    STOPPED,
};

static void tick(uint64_t now);

static struct shared *shared;
static lua_State *volatile state; /* that the signal is about */
static unsigned me;               /* slot; 0: nobody prints in our place */

/* In the supervisor. */
static struct {
    struct observer observer;
    bool waiting;
    uint64_t deadline;
} stack_dump = {.observer = {.tick = tick, .every_ns = NEVER_NS}};
static uint8_t states[ARENA_SLOTS] LARGE_BSS; /* enum state, when it was asked */

/* ---- the process that is asked ---- */

/* The hook that the script has set itself, and that ours takes the place of. */
static struct {
    lua_Hook hook;
    int mask, count;
} before;

/* "    job.lua:12: in fetch" Allocates nothing: a task's memory may be at its limit. */
static size_t
put_level(char *at, size_t room, lua_State *L, lua_Debug *ar)
{
    int n;
    (void)lua_getinfo(L, "Snl", ar);
    const char *name = ar->name ? ar->name : "a function";
    if (*ar->what == 'C')
        n = snprintf(at, room, MARGIN "[C]: in %s\n", name);
    else if (*ar->what == 'm')
        n = snprintf(at, room, MARGIN "%s:%d: in the script\n", ar->short_src, ar->currentline);
    else if (ar->name)
        n = snprintf(at, room, MARGIN "%s:%d: in %s\n", ar->short_src, ar->currentline, name);
    else
        n = snprintf(at, room, MARGIN "%s:%d: in the function at line %d\n", ar->short_src,
                     ar->currentline, ar->linedefined);
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

size_t
stack_dump_put_stack(char *text, size_t room, lua_State *L)
{
    size_t len = 0;
    lua_Debug ar;
    for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++)
        len += put_level(text + len, room - len, L, &ar);
    return len;
}

/* Nobody else does: under --serial, in begin() and end_(). */
static void
print_own(lua_State *L)
{
    static const char *const names[] = {
        [STAGE_LOADING] = "the script is being loaded",
        [STAGE_BEGIN] = "begin() runs",
        [STAGE_TASK] = "a task runs",
        [STAGE_HOOK] = "a hook runs",
        [STAGE_UPDATE] = "the function of an update runs",
        [STAGE_RUNNING] = "the workers run",
        [STAGE_END] = "the job is over, end_() runs",
    };
    static LARGE_BSS char text[80 + STACK + SUSPENDED];
    size_t n = (size_t)snprintf(text, 80, "prunner: %s\n", names[job.stage]);
    n += stack_dump_put_stack(text + n, STACK, L);
    log_text(text, n + stack_dump_put_suspended(text + n, SUSPENDED));
}

void
stack_dump_look(void)
{
    if (likely(!me))
        return;
    struct suspended_answer *a = &shared->suspended[me];
    uint32_t asked = atom_load(&shared->asked);
    if (likely(atom_peek(&a->to) == asked))
        return;
    a->len = (uint32_t)stack_dump_put_suspended(a->text, SUSPENDED);
    atom_store(&a->to, asked); /* release: as in answer() */
    job_notify();
}

static void
answer(lua_State *L)
{
    stack_dump_look();
    struct answer *a = &shared->answers[me];
    uint32_t asked = atom_load(&shared->asked);
    if (atom_peek(&a->to) == asked)
        return;
    a->len = (uint32_t)stack_dump_put_stack(a->stack, STACK, L);
    atom_store(&a->to, asked); /* release: it is whole; pairs with has_answered() */
    job_notify();
}

/* Lua runs: its stack is whole. */
static void
at_instruction(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, before.hook, before.mask, before.count);
    if (me)
        answer(L);
    else
        print_own(L);
}

/* lua_sethook() is made for this: luajit's own Ctrl-C does the same. */
static void
on_signal(int sig)
{
    (void)sig;
    lua_State *L = state;
    if (!L)
        return;
    if (lua_gethook(L) != at_instruction) {
        before.hook = lua_gethook(L);
        before.mask = lua_gethookmask(L);
        before.count = lua_gethookcount(L);
    }
    lua_sethook(L, at_instruction, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

void
stack_dump_open(lua_State *L)
{
    struct sigaction now, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (state || sigaction(SIGUSR1, NULL, &now) || now.sa_handler != SIG_DFL)
        return;
    state = L;
    sigemptyset(&ours.sa_mask);
    (void)sigaction(SIGUSR1, &ours, NULL);
}

void
stack_dump_close(void)
{
    lua_State *L = state;
    state = NULL;
    if (L && lua_gethook(L) == at_instruction)
        lua_sethook(L, before.hook, before.mask, before.count);
}

void
stack_dump_in_worker(unsigned k, lua_State *L)
{
    if (state)
        state = L;
    me = shared ? k : 0;
}

/* ---- the supervisor ---- */

void
stack_dump_start(void)
{
    void *at = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!state || at == MAP_FAILED)
        return;
    shared = at;
    observers_add(&stack_dump.observer);
}

/* What the kernel says of the process: its letter in /proc/PID/stat. */
static enum state
state_of(uint32_t pid)
{
    struct procstat p;
    if (!procstat_read(&p, (int)pid))
        return GONE;
    return p.state == 'R'                     ? COMPUTES
           : p.state == 'S' || p.state == 'D' ? SLEEPS
           : p.state == 'T' || p.state == 't' ? STOPPED
                                              : GONE;
}

static bool
has_task(const struct metrics_slot *s)
{
    return atom_peek(&s->pid) && atom_peek(&s->fn) && !atom_peek(&s->idle_since_ns);
}

/* Tasks wait in it, and none runs: it sleeps in epoll, or is about to look for the question. */
static bool
only_waits(const struct metrics_slot *s)
{
    return atom_peek(&s->pid) && atom_peek(&s->waiting) && !atom_peek(&s->fn);
}

/* A signal only to a worker that computes, or sleeps in epoll. The process is there: it was not
 * waited for. */
static void
ask_slot(uint32_t k)
{
    const struct metrics_slot *s = &metrics.header->slot[k];
    states[k] = has_task(s) ? state_of(s->pid) : GONE;
    if (states[k] == COMPUTES)
        kill((pid_t)s->pid, SIGUSR1);
    else if (only_waits(s))
        (void)nudge(s->pid);
}

void
stack_dump_ask(void)
{
    if (stack_dump.waiting || !shared)
        return;
    atom_store(&shared->asked, shared->asked + 1);
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++)
        ask_slot(k);
    stack_dump.waiting = true;
    stack_dump.deadline = clock_ns() + PATIENCE_NS;
    stack_dump.observer.every_ns = LOOK_NS;
    stack_dump.observer.next_ns = 0;
}

static bool
has_answered(uint32_t k)
{
    return atom_load(&shared->answers[k].to) == shared->asked;
}

static bool
suspended_answered(uint32_t k)
{
    return atom_load(&shared->suspended[k].to) == shared->asked;
}

static bool
all_answered(void)
{
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        if (states[k] == COMPUTES && has_task(s) && !has_answered(k))
            return false;
        if (only_waits(s) && !suspended_answered(k))
            return false;
    }
    return true;
}

/* ---- what is printed ---- */

/* The arguments of what slot k runs, if it runs the same before and after: else the bytes
 * may be another task's by now. */
static void
put_arguments(struct text *t, uint32_t k)
{
    const struct arena *a = &job.arena;
    const struct slot *s = slot_at(a, k);
    char text[120] = "";
    uint32_t cur = atom_load(&s->phase) == PHASE_ACTIVE ? atom_load(&s->cur) : 0;
    if (!cur)
        return;
    const struct task *task = task_at(a, cur);
    uint64_t word = atom_load(&task->word);
    const char *args = task_args(a, task), *end = a->base + a->bytes;
    size_t bytes = task->bytes;
    if (args < a->base || args > end || bytes > (size_t)(end - args))
        return;
    codec_describe((const unsigned char *)args, bytes, text, sizeof text);
    bool same = atom_load(&s->phase) == PHASE_ACTIVE && atom_load(&task->word) == word;
    if (same && task_state(word) == TASK_RUN && task_worker(word) == k)
        text_put(t, text);
}

static void
put_how_long(struct text *t, const struct metrics_slot *s, uint64_t now)
{
    char text[HUMAN_TEXT];
    uint64_t runs = atom_peek(&s->runs);
    if (atom_load(&s->since_run) == runs)
        text_print(t, "for %s", human_time(text, now - s->since_ns));
    else if (s->seen_run == runs)
        text_print(t, "for more than %s", human_time(text, now - s->seen_ns));
    else
        text_put(t, "just begun");
}

/* The lock that slot k sleeps for. */
static bool
put_lock(struct text *t, uint32_t k)
{
    const struct arena *a = &job.arena;
    uint64_t at = atom_load(&slot_at(a, k)->waits_for);
    if (at < a->names_at || at >= a->names_at + ARENA_NAMES * sizeof(struct name))
        return false;
    const struct name *n = name_at(a, (uint32_t)((at - a->names_at) / sizeof *n));
    text_print(t, MARGIN "(waits for the lock \"%.*s\")\n", (int)n->len, n->text);
    return true;
}

/* Where in the kernel: hrtimer_nanosleep, do_wait ... "": it does not say. */
static void
put_sleep(struct text *t, uint32_t pid)
{
    char path[32], where[64] = "";
    snprintf(path, sizeof path, "/proc/%u/wchan", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        where[fread(where, 1, sizeof where - 1, file)] = '\0';
        fclose(file);
    }
    bool known = where[0] && where[0] != '0';
    text_print(t, MARGIN "(sleeps in a call of the system%s%s: no stack)\n", known ? ", " : "",
               known ? where : "");
}

static void
put_stack_of(struct text *t, uint32_t k)
{
    const struct answer *a = &shared->answers[k];
    if (has_answered(k)) {
        text_bytes(t, a->stack, a->len <= STACK ? a->len : 0);
        return;
    }
    switch ((enum state)states[k]) {
    case COMPUTES: text_put(t, MARGIN "(in compiled code or in a C function: no stack)\n"); break;
    case SLEEPS:
        if (!put_lock(t, k))
            put_sleep(t, metrics.header->slot[k].pid);
        break;
    case STOPPED: text_put(t, MARGIN "(stopped by a signal: no stack)\n"); break;
    case GONE: break; /* it has just begun, or just died */
    }
}

/* What it has said of its suspended tasks, or how many there are. */
static void
put_suspended(struct text *t, uint32_t k)
{
    const struct suspended_answer *a = &shared->suspended[k];
    if (suspended_answered(k))
        text_bytes(t, a->text, a->len <= SUSPENDED ? a->len : 0);
    else
        text_print(t, GAP GAP "suspended: %u (no stacks)\n",
                   atom_peek(&metrics.header->slot[k].waiting));
}

static void
put_worker(struct text *t, uint32_t k, uint64_t now)
{
    const struct metrics_slot *s = &metrics.header->slot[k];
    text_print(t, GAP "worker %u (process %u): ", k, s->pid);
    if (!has_task(s)) {
        text_put(t, "waits\n");
        return;
    }
    text_print(t, "task %s(", job_fn_info(s->fn)->name);
    put_arguments(t, k);
    text_print(t, ") #%llu, ", (unsigned long long)atom_peek(&s->id));
    put_how_long(t, s, now);
    text_put(t, "\n");
    put_stack_of(t, k);
}

static void
put_workers(struct text *t)
{
    uint32_t busy = 0, idle = 0, none = 0;
    uint64_t now = clock_ns();
    for (uint32_t k = 1, n = metrics_last_slot(metrics.header); k <= n; k++) {
        const struct metrics_slot *s = &metrics.header->slot[k];
        bool waits = s->pid && atom_peek(&s->waiting);
        if (!has_task(s) && !waits) {
            idle += s->pid != 0;
            none += s->pid == 0;
        } else if (busy++ < BUSY_SHOWN) {
            put_worker(t, k, now);
            if (waits)
                put_suspended(t, k);
        }
    }
    if (busy > BUSY_SHOWN)
        text_print(t, "  %u more have tasks\n", busy - BUSY_SHOWN);
    if (idle)
        text_print(t, "  %u without a task\n", idle);
    if (none)
        text_print(t, "  %u not running\n", none);
}

static void
tick(uint64_t now)
{
    struct text t = {0};
    if (!stack_dump.waiting || (!all_answered() && now < stack_dump.deadline))
        return;
    stack_dump.waiting = false;
    stack_dump.observer.every_ns = NEVER_NS;
    text_put(&t, "prunner: ");
    progress_describe(&t);
    text_put(&t, "\n");
    put_workers(&t);
    if (!t.failed)
        log_text(t.at, t.len);
    text_free(&t);
}
