/* Tasks with threads as workers, for ThreadSanitizer: the same modules, each thread
 * with a self and a slot of its own. STRESS=long makes it longer.
 *
 *   smoke          one worker, every kind of argument, both orders
 *   one_thief      all work begins at one worker; the other lives by stealing
 *   stampede       eight workers, tasks that do next to nothing
 *   nothing_lost   1 to 8 workers: blocks, errors, parts
 *   no_starvation  a task that goes on for long shares its posts with all others */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "report.h"
#include "tree.h"

enum { THREADS_MAX = 8,
       LIMIT_S = 60 };

struct crew {
    struct arena arena;
    struct self super;
    struct self workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    uint32_t n;
    const struct tree *tree;
    void (*loop)(struct self *self, const struct tree *t);
};

struct hand {
    struct crew *crew;
    struct self *self;
};

static bool
is_long(void)
{
    const char *s = getenv("STRESS");
    return s && strcmp(s, "long") == 0;
}

static void *
thread_main(void *arg)
{
    struct hand *h = arg;
    h->crew->loop(h->self, h->crew->tree);
    return NULL;
}

/* A worker that does not come back hangs: say what can be seen and give up. */
static void
join_or_die(struct crew *c, uint32_t i)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += LIMIT_S;
    if (pthread_timedjoin_np(c->threads[i], NULL, &limit) == 0)
        return;
    printf("# no end after %d s; mode %u\n", LIMIT_S, atom_load(&c->arena.header->mode));
    for (uint32_t k = 0; k <= c->n; k++) {
        struct slot *s = slot_at(&c->arena, k);
        printf("# slot %u: phase %u park %u head %lu tail %lu posted %lu finished %lu\n", k,
               atom_load(&s->phase), atom_load(&s->park), (unsigned long)atom_load(&s->head),
               (unsigned long)atom_load(&s->tail), (unsigned long)atom_load(&s->posted),
               (unsigned long)atom_load(&s->finished));
    }
    printf("not ok %d - hangs\n", tests_run + 1);
    fflush(stdout);
    _exit(1);
}

static void
crew_run(struct crew *c, const struct tree *t, uint32_t n, bool lifo,
         void (*loop)(struct self *, const struct tree *))
{
    struct hand hands[THREADS_MAX];
    c->n = n;
    c->tree = t;
    c->loop = loop;
    tree_plant(&c->arena, &c->super, t, n);
    for (uint32_t i = 0; i < n; i++) {
        int err = self_open(&c->workers[i], &c->arena, i + 1, n + 1);
        if (err)
            tree_die("self_open", err);
        c->workers[i].lifo = lifo;
        hands[i] = (struct hand){c, &c->workers[i]};
        err = pthread_create(&c->threads[i], NULL, thread_main, &hands[i]);
        if (err)
            tree_die("pthread_create", err);
    }
    for (uint32_t i = 0; i < n; i++)
        join_or_die(c, i);
}

static void
crew_end(struct crew *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        self_close(&c->workers[i]);
    self_close(&c->super);
    arena_close(&c->arena);
}

/* One job from its first to its last task. */
static bool
one_job(const struct tree *t, uint32_t n, bool lifo)
{
    struct crew c;
    crew_run(&c, t, n, lifo, tree_work);
    bool ok = tree_check(&c.arena, &c.super, t);
    if (!ok)
        printf("# with %u workers, %s\n", n, lifo ? "lifo" : "fifo");
    crew_end(&c);
    return ok;
}

static void
smoke(void)
{
    struct tree t = {.first_leaf = 512, .fan = 10};
    bool ok = true;
    for (int lifo = 0; lifo < 2; lifo++)
        ok = one_job(&t, 1, lifo) && ok;
    report("smoke", ok);
}

static void
one_thief(void)
{
    struct tree t = {.first_leaf = is_long() ? 1 << 17 : 1 << 11, .fan = 0, .plain = true};
    bool ok = true;
    for (int i = 0; i < 4; i++)
        ok = one_job(&t, 2, i % 2) && ok;
    report("one_thief", ok);
}

static void
stampede(void)
{
    struct tree t = {.first_leaf = is_long() ? 1 << 17 : 1 << 11, .fan = 0, .plain = true};
    bool ok = true;
    for (int i = 0; i < (is_long() ? 10 : 4); i++)
        ok = one_job(&t, THREADS_MAX, i % 2) && ok;
    report("stampede", ok);
}

static void
nothing_lost(void)
{
    struct tree t = {.first_leaf = is_long() ? 1 << 14 : 1 << 9, .fan = is_long() ? 4500 : 1100};
    bool ok = true;
    for (uint32_t n = 1; n <= THREADS_MAX; n++) {
        for (int lifo = 0; lifo < 2; lifo++)
            ok = one_job(&t, n, lifo) && ok;
    }
    /* Jobs so small that most workers are on their way to sleep all the time. */
    t.fan = 2;
    for (int i = 0; i < (is_long() ? 2000 : 60); i++) {
        t.first_leaf = 4u << i % 4;
        ok = one_job(&t, 2 + (uint32_t)i % 7, i % 2) && ok;
    }
    report("nothing_lost", ok);
}

/* no_starvation: node 1 posts more than enough and then does not end before every
 * other worker is in one of its children at the same time. */
static uint32_t meeting, too_late;

static bool
meet(uint32_t wanted)
{
    uint64_t begin_ns = clock_ns();
    while (atom_load(&meeting) < wanted) {
        if (clock_ns() - begin_ns > 10 * (uint64_t)1000000000 || atom_load(&too_late))
            return false;
        sched_yield();
    }
    return true;
}

/* Everybody but the caller sleeps, or is about to. */
static void
wait_until_parked(const struct self *self)
{
    uint32_t parked = 0, others = self->arena->header->nworkers - 1;
    while (parked < others) {
        sched_yield();
        parked = 0;
        for (uint32_t k = 1; k <= others + 1; k++)
            parked += atom_peek(&slot_at(self->arena, k)->park);
    }
}

static void
meeting_work(struct self *self, const struct tree *t)
{
    uint32_t workers = self->arena->header->nworkers;
    while (atom_load(&self->arena->header->mode) == ARENA_RUN) {
        if (!queue_take(self) && !queue_steal(self) && !idle_wait(self))
            continue;
        commit_begin(self);
        uint32_t node = tree_args(self, t);
        if (node == 1) {
            wait_until_parked(self);
            for (uint32_t i = 2; i < 100; i++)
                tree_post(self, t, i);
            int err = commit_part(self);
            if (err)
                tree_die("commit_part", err);
            idle_wake(self, 98);
        } else {
            __atomic_fetch_add(&meeting, 1, __ATOMIC_RELAXED);
        }
        if (!meet(workers - 1))
            atom_store(&too_late, 1);
        idle_wake(self, commit_end(self, OUTCOME_DONE));
    }
}

static void
no_starvation(void)
{
    struct tree t = {.first_leaf = 100, .fan = 0, .plain = true};
    for (int i = 0; i < (is_long() ? 200 : 20); i++) {
        struct crew c;
        meeting = 0;
        crew_run(&c, &t, THREADS_MAX, i % 2, meeting_work);
        crew_end(&c);
    }
    report("no_starvation", !too_late);
}

int
main(void)
{
    printf("1..5\n");
    smoke();
    one_thief();
    stampede();
    nothing_lost();
    no_starvation();
    return tests_failed != 0;
}
