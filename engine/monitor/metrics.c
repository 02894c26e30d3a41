#include "monitor/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "memory/self.h"
#include "base/clock.h"
#include "codec/codec.h"
#include "memory/arena.h"
#include "job/failure_kind.h"
#include "job/job.h"
#include "task/task.h"

enum {
    RING_MIN = 256,
#ifdef PRN_BENCH_UNTIMED
    TIMED_PER_SECOND = 1, /* to count instructions: under valgrind time is another */
#else
    /* Timed tasks of all workers in a second, in the long run: less than 1 % of a CPU. */
    TIMED_PER_SECOND = 20000,
#endif
    EVERY_MAX = 1 << 20,
    ARGS_WITH_ERROR = 60,       /* bytes: the rest is for the error */
    FULL_PAUSE_NS = 200 * 1000, /* between two looks at a ring that is full */
};
#define RINGS_BYTES ((size_t)64 << 20) /* of all workers' rings in use */

_Static_assert((int)METRICS_SLOTS == (int)ARENA_SLOTS, "a slot of the arena has one here");

struct metrics metrics = {.fd = -1};

/* ---- the mapping ---- */

static size_t
bytes_for(uint32_t slots)
{
    return sizeof(struct metrics_header) + slots * sizeof(struct metrics_slot);
}

/* A file that others can find below /proc/PID/fd. -1: a limit forbids it (asked before:
 * beyond RLIMIT_FSIZE is a signal). */
static int
open_file(size_t bytes)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < bytes)
        return -1;
    int fd = memfd_create(METRICS_FILE, MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes)) {
        close(fd);
        return -1;
    }
    return fd;
}

static struct metrics_header *
map_slots(uint32_t slots)
{
    size_t bytes = bytes_for(slots);
    int fd = open_file(bytes), flags = MAP_SHARED | MAP_NORESERVE;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, fd < 0 ? flags | MAP_ANONYMOUS : flags,
                    fd, 0);
    if (at == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    metrics.fd = fd; /* stays open for those who look */
    (void)madvise(at, bytes, MADV_DONTDUMP);
    return at;
}

int
metrics_open(void (*full)(void))
{
    struct metrics_header *h = NULL;
    uint32_t slots = ARENA_SLOTS;
    /* Under a limit on addresses fewer workers can be seen: more would not fit either. */
    while (!(h = map_slots(slots)) && slots > 8)
        slots /= 8;
    if (!h)
        return -ENOMEM;
    h->bytes = bytes_for(slots);
    h->version = METRICS_VERSION;
    h->slot_bytes = sizeof(struct metrics_slot);
    h->slots = metrics.slots = slots;
    h->ring = metrics.ring = METRICS_RING;
    h->interval_ns = metrics.interval_ns = 1000000000 / TIMED_PER_SECOND;
    h->pid = (uint32_t)getpid();
    h->start_ns = clock_ns();
    h->start_unix_ns = clock_unix_ns();
    h->magic = METRICS_MAGIC;
    metrics.header = h;
    metrics.full = full;
    metrics_act(0);
    return 0;
}

void
metrics_start_job(uint32_t n, const char *script)
{
    struct metrics_header *h = metrics.header;
    uint32_t ring = METRICS_RING;
    while (ring > RING_MIN && n * (size_t)ring * sizeof(struct metrics_event) > RINGS_BYTES)
        ring /= 2;
    h->ring = metrics.ring = ring;
    h->nworkers = n;
    h->interval_ns = metrics.interval_ns = (uint64_t)n * 1000000000 / TIMED_PER_SECOND;
    h->start_ns = clock_ns();
    h->start_unix_ns = clock_unix_ns();
    snprintf(h->script, sizeof h->script, "%s", script ? script : "");
}

void
metrics_want(uint32_t what)
{
    metrics.record = metrics.header->record |= what;
}

void
metrics_set_workers(uint32_t n)
{
    metrics.header->nworkers = n;
}

/* There may be thousands: no snprintf(). */
static void
copy_name(char to[METRICS_NAME], const char *text)
{
    size_t len = strnlen(text, METRICS_NAME - 1);
    memcpy(to + 1, text + (len > 0), len - (len > 0));
    to[len] = '\0';
    atom_store(to, text[0]); /* release: who sees it sees the rest */
}

void
metrics_name(uint32_t fn, const char *name, const char *where)
{
    struct metrics_header *h = metrics.header;
    if (fn >= METRICS_FNS)
        return;
    metrics.named[fn / 64] |= (uint64_t)1 << fn % 64;
    copy_name(h->names[fn].where, where ? where : "");
    copy_name(h->names[fn].name, name ? name : "?");
    if (fn > h->nfns)
        h->nfns = fn;
}

/* A worker beyond the slots that could be mapped counts where nobody looks. */
static struct metrics_slot *
unseen_slot(void)
{
    void *at = mmap(NULL, sizeof(struct metrics_slot), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? &metrics.header->slot[metrics.header->slots - 1] : at;
}

/* Of those that the slot remembers, with their arguments, the one that took least. */
static struct metrics_event *
fastest_slow(void)
{
    struct metrics_event *least = metrics.slot->slowest;
    for (int i = 1; i < METRICS_SLOWEST; i++) {
        struct metrics_event *e = &metrics.slot->slowest[i];
        if (e->to_ns - e->from_ns < least->to_ns - least->from_ns)
            least = e;
    }
    return least;
}

void
metrics_in_worker(void)
{
    if (metrics.fd >= 0)
        close(metrics.fd);
    metrics.fd = -1;
}

/* Half a ring: the other half is for what comes before the supervisor reads it. A job of a
 * few milliseconds is over by then. */
static double
credit_max(void)
{
    return metrics.ring / 2;
}

void
metrics_act(uint32_t k)
{
    struct metrics_header *h = metrics.header;
    metrics.slot = k < metrics.slots ? &h->slot[k] : unseen_slot();
    metrics.left = metrics.every = 1;
    metrics.credit = credit_max();
    metrics.last_ns = clock_ns();
    metrics.last_run = metrics.slot->runs;
    metrics.described = false;
    metrics_waits_none();
    metrics.lock_told = 0; /* a new self counts from 0 */
    metrics.slow_ns = fastest_slow()->to_ns - fastest_slow()->from_ns;
}

void
metrics_started(uint32_t k, int pid)
{
    struct metrics_header *h = metrics.header;
    if (k > h->nworkers)
        atom_set(&h->nworkers, k); /* prunner ctl wants more of them */
    if (k < h->slots)
        atom_set(&h->slot[k].pid, (uint32_t)pid);
}

void
metrics_ended(uint32_t k)
{
    struct metrics_slot *s = &metrics.header->slot[k];
    if (k >= metrics.header->slots)
        return;
    uint64_t since = s->idle_since_ns;
    s->pid = 0;
    s->fn = 0;
    s->waiting = 0;
    s->idle_since_ns = 0;
    if (since)
        s->idle_ns += clock_ns() - since;
}

/* ---- counting ---- */

void
metrics_mark_used(uint32_t fn)
{
    uint64_t *bits = &metrics.slot->used[fn / 64];
    if (!(metrics.named[fn / 64] >> fn % 64 & 1))
        metrics_name(fn, job_fn_info(fn)->name, job_fn_info(fn)->where);
    atom_set(bits, *bits | (uint64_t)1 << fn % 64);
}

void
metrics_dropped(const struct arena *a, uint32_t k)
{
    const struct slot *slot = slot_at(a, k);
    struct metrics_slot *s = k < metrics.header->slots ? &metrics.header->slot[k] : metrics.slot;
    if (atom_load(&slot->phase) != PHASE_ACTIVE)
        return;
    for (uint32_t i = atom_load(&slot->staged); i; i = atom_peek(&task_at(a, i)->next)) {
        struct metrics_fn *f = &s->fns[metrics_index(task_at(a, i)->fn)];
        atom_set(&f->posted, f->posted - 1);
    }
}

void
metrics_quarantined(uint32_t fn)
{
    struct metrics_fn *f = &metrics.slot->fns[metrics_index(fn)];
    metrics_mark_used(metrics_index(fn));
    atom_set(&f->finished, f->finished + 1);
    atom_set(&f->quarantined, f->quarantined + 1);
}

static uint32_t
time_index(uint64_t ns)
{
    if (ns < (uint64_t)1 << METRICS_FIRST)
        return 0;
    uint32_t log2 = 63 - (uint32_t)__builtin_clzll(ns);
    uint32_t i = (log2 - METRICS_FIRST) * 4 + (uint32_t)(ns >> (log2 - 2) & 3);
    return i < METRICS_TIMES ? i : METRICS_TIMES - 1;
}

/* ---- time ---- */

uint64_t
metrics_time(const struct self *self)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t now = clock_ns();
    s->since_ns = now;
    atom_store(&s->since_run, s->runs); /* release: since_ns is this run's */
    metrics.steals = self->slot->steals;
    metrics.lock_ns = self->lock_ns;
    return now;
}

/* When the next task is timed: all of them while there is credit, which time gives and
 * timed tasks take. Between the timed ones a varying number, not to follow a pattern. */
static void
plan_next(uint64_t now)
{
    uint64_t interval = metrics.interval_ns, passed = now - metrics.last_ns;
    uint64_t ran = metrics.slot->runs - metrics.last_run;
    metrics.last_ns = now;
    metrics.last_run = metrics.slot->runs;
    metrics.credit += (double)passed / (double)interval - 1;
    if (metrics.credit > credit_max())
        metrics.credit = credit_max();
    if (metrics.credit >= 1 || (metrics.record & METRICS_ALL)) {
        metrics.every = metrics.left = 1;
        return;
    }
    uint64_t every = passed ? ran * interval / passed + 1 : metrics.every * 2;
    metrics.every = every < EVERY_MAX ? (uint32_t)every : EVERY_MAX;
    metrics.left = metrics.every / 2 + (uint32_t)(now >> 3) % metrics.every + 1;
}

static void
count_time(const struct metrics_event *e)
{
    struct metrics_fn *f = &metrics.slot->fns[metrics_index(e->fn)];
    uint64_t ns = e->to_ns - e->from_ns, ran = ns - e->waited_ns;
    uint64_t *times = &f->times[time_index(ns)];
    atom_set(&f->timed, f->timed + e->weight);
    atom_set(&f->busy_ns, f->busy_ns + ran * e->weight);
    if (ns > f->longest_ns)
        atom_set(&f->longest_ns, ns);
    atom_set(times, *times + e->weight);
}

/* ---- events ---- */

static size_t
put_text(struct metrics_event *e, size_t at, const char *text, size_t len)
{
    size_t room = METRICS_TEXT - at;
    len = len < room ? len : room;
    memcpy(e->text + at, text, len);
    return len;
}

/* The arguments, then the error's first line. */
static void
describe_text(const struct self *self, const struct task *t, const char *error)
{
    struct metrics_event *e = &metrics.event;
    char args[METRICS_TEXT];
    size_t room = error ? ARGS_WITH_ERROR : sizeof args;
    codec_describe(task_args(self->arena, t), t->bytes, args, (uint32_t)room);
    e->args_len = (uint16_t)put_text(e, 0, args, strlen(args));
    size_t len = error ? strcspn(error, "\n") : 0;
    e->kind = error ? failure_key(t->fn, error, len) : 0;
    e->error_len = (uint16_t)put_text(e, e->args_len, error ? error : "", len);
}

static bool
is_slow(const struct metrics_event *e)
{
    return e->to_ns - e->from_ns > metrics.slow_ns;
}

static void
remember_slow(const struct metrics_event *e)
{
    struct metrics_event *least;
    *fastest_slow() = *e;
    least = fastest_slow();
    metrics.slow_ns = least->to_ns - least->from_ns;
}

struct metrics_event
metrics_event_of(const struct task *t, uint32_t k, uint32_t attempt, uint64_t from, uint64_t to)
{
    return (struct metrics_event){
        .id = t->id,
        .parent = t->parent,
        .from_ns = from,
        .to_ns = to,
        .runs = metrics.header->slot[k < metrics.slots ? k : 0].runs,
        .fn = t->fn,
        .parent_fn = task_parent_fn(t),
        .weight = 1,
        .worker = (uint16_t)k,
        .attempt = (uint8_t)attempt,
    };
}

void
metrics_describe(const struct self *self, const struct task *t, uint64_t from, const char *error)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t now = clock_ns(), locked = self->lock_ns - metrics.lock_ns;
    atom_set(&s->lock_ns, s->lock_ns + (self->lock_ns - metrics.lock_told));
    metrics.lock_told = self->lock_ns;
    bool rough = !from;
    if (rough) /* it was marked, or it failed among those that are not timed */
        from = s->seen_run == s->runs && s->seen_ns < now ? s->seen_ns : now;
    struct metrics_event *e = &metrics.event;
    uint32_t attempt = task_attempt(atom_peek(&t->word));
    *e = metrics_event_of(t, self->me, attempt, from, now);
    e->waited_ns = metrics.waited_ns;
    e->wait_from_ns = metrics.wait_from_ns;
    e->wait_to_ns = metrics.wait_to_ns;
    e->weight = rough || e->waited_ns ? 1 : (uint32_t)(s->runs - metrics.last_run);
    e->stolen = !rough && metrics.steals != self->slot->steals;
    e->rough = rough;
    if (!rough && locked) {
        e->lock_from_ns = self->lock_from_ns;
        e->lock_to_ns = self->lock_to_ns;
        e->lock_ns = locked;
    }
    metrics.described = true;
    if ((metrics.record & METRICS_ARGS) || error || is_slow(e))
        describe_text(self, t, error);
}

void
metrics_describe_program(int status)
{
    struct metrics_event *e = &metrics.event;
    e->signal = WIFSIGNALED(status) ? (uint8_t)WTERMSIG(status) : 0;
    e->exit = WIFEXITED(status) ? (uint8_t)WEXITSTATUS(status) : 0;
}

/* Only these are read by somebody. */
static bool
is_seen(const struct metrics_slot *s)
{
    const struct metrics_header *h = metrics.header;
    return s >= h->slot && s < h->slot + metrics.slots;
}

/* No lock is held here, and no task: whoever waits keeps nobody from anything. */
static void
wait_for_room(const struct metrics_slot *s, uint32_t ring)
{
    while (s->event_tail - atom_load(&s->event_head) >= ring) {
        struct timespec pause = {0, FULL_PAUSE_NS};
        metrics.full();
        nanosleep(&pause, NULL);
    }
}

static void
put_event(const struct metrics_event *e)
{
    struct metrics_slot *s = metrics.slot;
    if ((metrics.record & METRICS_ALL) && is_seen(s))
        wait_for_room(s, metrics.ring);
    /* acquire: what is overwritten was read; pairs with the release in observers.c. */
    uint64_t tail = s->event_tail, used = tail - atom_load(&s->event_head);
    uint32_t ring = metrics.ring;
    if (used >= ring) {
        atom_set(&s->events_lost, s->events_lost + 1);
        return;
    }
    if (used >= ring / 2 && used % (ring / 8) == 0)
        metrics.full();
    s->events[tail % ring] = *e;
    atom_store(&s->event_tail, tail + 1); /* release: the event is there; pairs with observers.c */
}

void
metrics_publish(enum metrics_outcome outcome)
{
    struct metrics_event *e = &metrics.event;
    metrics.described = false;
    metrics_waits_none();
    e->outcome = (uint8_t)outcome;
    if (outcome == METRICS_DONE || !e->rough)
        count_time(e);
    if (is_slow(e))
        remember_slow(e);
    if (outcome != METRICS_DONE || (metrics.record & METRICS_TASKS))
        put_event(e);
    if (!e->waited_ns && (!e->rough || metrics.slot->mark == metrics.slot->runs))
        plan_next(e->to_ns);
}

void
metrics_keep(const struct task *t, const char *error, const char *traceback)
{
    struct metrics_slot *s = metrics.slot;
    uint64_t n = s->nkept, key = failure_key(t->fn, error, strlen(error));
    if (!(metrics.record & METRICS_WHOLES) || n == METRICS_KEPT)
        return;
    for (uint64_t i = 0; i < n; i++) {
        if (s->kept[i].key == key)
            return;
    }
    struct metrics_kept *k = &s->kept[n];
    int len = snprintf(k->text, sizeof k->text, "%s%s%s", error, traceback ? "\n" : "",
                       traceback ? traceback : "");
    k->id = t->id;
    k->key = key;
    k->fn = t->fn;
    k->len = len < METRICS_WHOLE ? (uint32_t)len : METRICS_WHOLE - 1;
    atom_store(&s->nkept, n + 1); /* release: it is there, for whoever looks */
}
