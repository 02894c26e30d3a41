#define _GNU_SOURCE
#include "monitor/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "memory/self.h"
#include "base/clock.h"
#include "codec/codec.h"
#include "monitor/failure_kind.h"
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

struct watch watch = {.fd = -1};

/* ---- the mapping ---- */

static size_t
bytes_for(uint32_t slots)
{
    return sizeof(struct watch_head) + slots * sizeof(struct watch_slot);
}

/* A file that others can find below /proc/PID/fd. -1: a limit forbids it (asked before:
 * beyond RLIMIT_FSIZE is a signal). */
static int
open_memory(size_t bytes)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < bytes)
        return -1;
    int fd = memfd_create(WATCH_FILE, MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes)) {
        close(fd);
        return -1;
    }
    return fd;
}

static struct watch_head *
map_slots(uint32_t slots)
{
    size_t bytes = bytes_for(slots);
    int fd = open_memory(bytes), flags = MAP_SHARED | MAP_NORESERVE;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, fd < 0 ? flags | MAP_ANONYMOUS : flags,
                    fd, 0);
    if (at == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    watch.fd = fd; /* stays open for those who look */
    (void)madvise(at, bytes, MADV_DONTDUMP);
    return at;
}

int
watch_open(void (*full)(void))
{
    struct watch_head *h = NULL;
    uint32_t slots = ARENA_SLOTS;
    /* Under a limit on addresses fewer workers can be seen: more would not fit either. */
    while (!(h = map_slots(slots)) && slots > 8)
        slots /= 8;
    if (!h)
        return -ENOMEM;
    h->bytes = bytes_for(slots);
    h->slot_bytes = sizeof(struct watch_slot);
    h->slots = slots;
    h->ring = WATCH_RING;
    h->interval_ns = 1000000000 / TIMED_PER_SECOND;
    h->pid = (uint32_t)getpid();
    h->start_ns = clock_ns();
    h->start_unix_ns = clock_unix_ns();
    h->magic = WATCH_MAGIC;
    watch.head = h;
    watch.full = full;
    watch_act(0);
    return 0;
}

void
watch_start_job(uint32_t n, const char *script)
{
    struct watch_head *h = watch.head;
    uint32_t ring = WATCH_RING;
    while (ring > RING_MIN && n * (size_t)ring * sizeof(struct watch_event) > RINGS_BYTES)
        ring /= 2;
    h->ring = ring;
    h->nworkers = n;
    h->interval_ns = (uint64_t)n * 1000000000 / TIMED_PER_SECOND;
    h->start_ns = clock_ns();
    h->start_unix_ns = clock_unix_ns();
    snprintf(h->script, sizeof h->script, "%s", script ? script : "");
}

void
watch_crew(uint32_t n)
{
    watch.head->nworkers = n;
}

/* There may be thousands: no snprintf(). */
static void
copy_name(char to[WATCH_NAME], const char *text)
{
    size_t len = strnlen(text, WATCH_NAME - 1);
    memcpy(to, text, len);
    to[len] = '\0';
}

void
watch_name(uint32_t fn, const char *name, const char *where)
{
    struct watch_head *h = watch.head;
    if (fn >= WATCH_FNS)
        return;
    copy_name(h->names[fn].name, name ? name : "?");
    copy_name(h->names[fn].where, where ? where : "");
    if (fn > h->nfns)
        h->nfns = fn;
}

/* A worker beyond the slots that could be mapped counts where nobody looks. */
static struct watch_slot *
unseen_slot(void)
{
    void *at = mmap(NULL, sizeof(struct watch_slot), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? &watch.head->slot[watch.head->slots - 1] : at;
}

/* Of those that the slot remembers, with their arguments, the one that took least. */
static struct watch_event *
fastest_slow(void)
{
    struct watch_event *least = watch.slot->slowest;
    for (int i = 1; i < WATCH_SLOWEST; i++) {
        struct watch_event *e = &watch.slot->slowest[i];
        if (e->to_ns - e->from_ns < least->to_ns - least->from_ns)
            least = e;
    }
    return least;
}

void
watch_in_worker(void)
{
    if (watch.fd >= 0)
        close(watch.fd);
    watch.fd = -1;
}

/* Half a ring: the other half is for what comes before the supervisor reads it. A job of a
 * few milliseconds is over by then. */
static double
credit_max(void)
{
    return watch.head->ring / 2;
}

void
watch_act(uint32_t k)
{
    struct watch_head *h = watch.head;
    watch.slot = k < h->slots ? &h->slot[k] : unseen_slot();
    watch.left = watch.every = 1;
    watch.credit = credit_max();
    watch.last_ns = clock_ns();
    watch.last_run = watch.slot->runs;
    watch.described = false;
    watch.lock_told = 0; /* a new actor counts from 0 */
    watch.slow_ns = fastest_slow()->to_ns - fastest_slow()->from_ns;
}

void
watch_started(uint32_t k, int pid)
{
    struct watch_head *h = watch.head;
    if (k > h->nworkers)
        atom_set(&h->nworkers, k); /* prunner ctl wants more of them */
    if (k < h->slots)
        atom_set(&h->slot[k].pid, (uint32_t)pid);
}

void
watch_ended(uint32_t k)
{
    struct watch_slot *s = &watch.head->slot[k];
    if (k >= watch.head->slots)
        return;
    uint64_t since = s->idle_since_ns;
    s->pid = 0;
    s->fn = 0;
    s->idle_since_ns = 0;
    if (since)
        s->idle_ns += clock_ns() - since;
}

/* ---- counting ---- */

void
watch_mark_used(uint32_t fn)
{
    uint64_t *bits = &watch.slot->used[fn / 64];
    atom_set(bits, *bits | (uint64_t)1 << fn % 64);
}

void
watch_dropped(const struct arena *a, uint32_t k)
{
    const struct slot *slot = slot_at(a, k);
    struct watch_slot *s = k < watch.head->slots ? &watch.head->slot[k] : watch.slot;
    if (atom_load(&slot->phase) != PHASE_ACTIVE)
        return;
    for (uint32_t i = atom_load(&slot->staged); i; i = atom_peek(&task_at(a, i)->next)) {
        struct watch_fn *f = &s->fns[watch_index(task_at(a, i)->fn)];
        atom_set(&f->posted, f->posted - 1);
    }
}

void
watch_dead(uint32_t fn)
{
    struct watch_fn *f = &watch.slot->fns[watch_index(fn)];
    watch_mark_used(watch_index(fn));
    atom_set(&f->done, f->done + 1);
    atom_set(&f->dead, f->dead + 1);
}

static uint32_t
time_index(uint64_t ns)
{
    if (ns < (uint64_t)1 << WATCH_FIRST)
        return 0;
    uint32_t log2 = 63 - (uint32_t)__builtin_clzll(ns);
    uint32_t i = (log2 - WATCH_FIRST) * 4 + (uint32_t)(ns >> (log2 - 2) & 3);
    return i < WATCH_TIMES ? i : WATCH_TIMES - 1;
}

/* ---- time ---- */

uint64_t
watch_time(const struct actor *x)
{
    struct watch_slot *s = watch.slot;
    uint64_t now = clock_ns();
    s->since_ns = now;
    atom_store(&s->since_run, s->runs); /* release: since_ns is this run's */
    watch.steals = x->slot->steals;
    watch.lock_ns = x->lock_ns;
    return now;
}

/* When the next task is timed: all of them while there is credit, which time gives and
 * timed tasks take. Between the timed ones a varying number, not to follow a pattern. */
static void
plan_next(uint64_t now)
{
    uint64_t interval = watch.head->interval_ns, passed = now - watch.last_ns;
    uint64_t ran = watch.slot->runs - watch.last_run;
    watch.last_ns = now;
    watch.last_run = watch.slot->runs;
    watch.credit += (double)passed / (double)interval - 1;
    if (watch.credit > credit_max())
        watch.credit = credit_max();
    if (watch.credit >= 1 || (watch.head->record & WATCH_ALL)) {
        watch.every = watch.left = 1;
        return;
    }
    uint64_t every = passed ? ran * interval / passed + 1 : watch.every * 2;
    watch.every = every < EVERY_MAX ? (uint32_t)every : EVERY_MAX;
    watch.left = watch.every / 2 + (uint32_t)(now >> 3) % watch.every + 1;
}

static void
count_time(const struct watch_event *e)
{
    struct watch_fn *f = &watch.slot->fns[watch_index(e->fn)];
    uint64_t ns = e->to_ns - e->from_ns;
    uint64_t *times = &f->times[time_index(ns)];
    atom_set(&f->timed, f->timed + e->weight);
    atom_set(&f->busy_ns, f->busy_ns + ns * e->weight);
    if (ns > f->longest_ns)
        atom_set(&f->longest_ns, ns);
    atom_set(times, *times + e->weight);
}

/* ---- events ---- */

static size_t
put_text(struct watch_event *e, size_t at, const char *text, size_t len)
{
    size_t room = WATCH_TEXT - at;
    len = len < room ? len : room;
    memcpy(e->text + at, text, len);
    return len;
}

/* The arguments, then the error's first line. */
static void
describe_text(const struct actor *x, const struct task *t, const char *error)
{
    struct watch_event *e = &watch.event;
    char args[WATCH_TEXT];
    size_t room = error ? ARGS_WITH_ERROR : sizeof args;
    codec_describe(task_args(x->arena, t), t->bytes, args, (uint32_t)room);
    e->args_len = (uint16_t)put_text(e, 0, args, strlen(args));
    size_t len = error ? strcspn(error, "\n") : 0;
    e->kind = error ? failure_key(t->fn, error, len) : 0;
    e->error_len = (uint16_t)put_text(e, e->args_len, error ? error : "", len);
}

static bool
is_slow(const struct watch_event *e)
{
    return e->to_ns - e->from_ns > watch.slow_ns;
}

static void
remember_slow(const struct watch_event *e)
{
    struct watch_event *least;
    *fastest_slow() = *e;
    least = fastest_slow();
    watch.slow_ns = least->to_ns - least->from_ns;
}

void
watch_describe(const struct actor *x, const struct task *t, uint64_t from, const char *error)
{
    struct watch_slot *s = watch.slot;
    uint64_t now = clock_ns(), locked = x->lock_ns - watch.lock_ns;
    atom_set(&s->lock_ns, s->lock_ns + (x->lock_ns - watch.lock_told));
    watch.lock_told = x->lock_ns;
    bool rough = !from;
    if (rough) /* it was marked, or it failed among those that are not timed */
        from = s->seen_run == s->runs && s->seen_ns < now ? s->seen_ns : now;
    struct watch_event *e = &watch.event;
    uint32_t attempt = task_attempt(atom_peek(&t->word));
    *e = (struct watch_event){
        .id = t->id,
        .parent = t->parent,
        .from_ns = from,
        .to_ns = now,
        .runs = s->runs,
        .fn = t->fn,
        .parent_fn = t->parent_fn & 0xffff,
        .weight = rough ? 1 : (uint32_t)(s->runs - watch.last_run),
        .worker = (uint16_t)x->me,
        .attempt = (uint8_t)attempt,
        .stolen = !rough && watch.steals != x->slot->steals,
        .rough = rough,
    };
    if (!rough && locked) {
        e->lock_from_ns = x->lock_from_ns;
        e->lock_to_ns = x->lock_to_ns;
        e->lock_ns = locked;
    }
    watch.described = true;
    if ((watch.head->record & WATCH_ARGS) || error || is_slow(e))
        describe_text(x, t, error);
}

/* Only these are read by somebody. */
static bool
is_seen(const struct watch_slot *s)
{
    const struct watch_head *h = watch.head;
    return s >= h->slot && s < h->slot + h->slots;
}

/* No lock is held here, and no task: whoever waits keeps nobody from anything. */
static void
wait_for_room(const struct watch_slot *s, uint32_t ring)
{
    while (s->event_tail - atom_load(&s->event_head) >= ring) {
        struct timespec pause = {0, FULL_PAUSE_NS};
        watch.full();
        nanosleep(&pause, NULL);
    }
}

static void
put_event(const struct watch_event *e)
{
    struct watch_slot *s = watch.slot;
    if ((watch.head->record & WATCH_ALL) && is_seen(s))
        wait_for_room(s, watch.head->ring);
    /* acquire: what is overwritten was read; pairs with the release in observe.c. */
    uint64_t tail = s->event_tail, used = tail - atom_load(&s->event_head);
    uint32_t ring = watch.head->ring;
    if (used >= ring) {
        atom_set(&s->events_lost, s->events_lost + 1);
        return;
    }
    if (used >= ring / 2 && used % (ring / 8) == 0)
        watch.full();
    s->events[tail % ring] = *e;
    atom_store(&s->event_tail, tail + 1); /* release: the event is there; pairs with observe.c */
}

void
watch_publish(enum watch_outcome outcome)
{
    struct watch_event *e = &watch.event;
    watch.described = false;
    e->outcome = (uint8_t)outcome;
    if (outcome == WATCH_DONE || !e->rough)
        count_time(e);
    if (is_slow(e))
        remember_slow(e);
    if (outcome != WATCH_DONE || (watch.head->record & WATCH_TASKS))
        put_event(e);
    if (!e->rough || watch.slot->mark == watch.slot->runs)
        plan_next(e->to_ns);
}

void
watch_keep(const struct task *t, const char *error, const char *traceback)
{
    struct watch_slot *s = watch.slot;
    uint64_t n = s->nkept, key = failure_key(t->fn, error, strlen(error));
    if (!(watch.head->record & WATCH_WHOLES) || n == WATCH_KEPT)
        return;
    for (uint64_t i = 0; i < n; i++) {
        if (s->kept[i].key == key)
            return;
    }
    struct watch_kept *k = &s->kept[n];
    int len = snprintf(k->text, sizeof k->text, "%s%s%s", error, traceback ? "\n" : "",
                       traceback ? traceback : "");
    k->id = t->id;
    k->key = key;
    k->fn = t->fn;
    k->len = len < WATCH_WHOLE ? (uint32_t)len : WATCH_WHOLE - 1;
    atom_store(&s->nkept, n + 1); /* release: it is there, for whoever looks */
}

/* ---- without a task ---- */

void
watch_idle_start(void)
{
    struct watch_slot *s = watch.slot;
    atom_set(&s->fn, 0);
    atom_set(&s->idle_since_ns, clock_ns());
}

void
watch_idle_end(void)
{
    struct watch_slot *s = watch.slot;
    uint64_t since = s->idle_since_ns;
    atom_set(&s->idle_ns, s->idle_ns + (clock_ns() - since));
    atom_set(&s->idle_since_ns, 0);
}
