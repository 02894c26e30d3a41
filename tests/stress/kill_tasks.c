/* Workers are killed at random while they run a tree of tasks; the answer must be
 * exact every time and nothing may be left over. No Lua: the modules, fork(2), and
 * a supervisor that does what the real one does, in a page.
 *
 *   bulk     thousands of small tasks: blocks, errors, long producers
 *   parts    long producers and next to no work: to be hit in the middle of a commit
 *   sleepy   few tasks, so that workers park and wake all the time
 *   poison   one task kills its worker whenever it runs: quarantined, the rest is done
 *
 * STRESS=long kills more often; SEED=n repeats a run as far as time allows. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "task/recover.h"
#include "report.h"
#include "tree.h"

enum { WORKERS = 4,
       LIMIT_S = 60,
       MAX_CRASHES = 255,
       POISON_MAX_CRASHES = 3 };

static uint64_t seed;
static uint32_t poison; /* node that kills its worker; 0: none */

struct crew {
    struct arena arena;
    struct self super;
    const struct tree *tree;
    pid_t pids[WORKERS + 1]; /* by slot; 0: ended */
    bool lifo;
    uint32_t max_crashes;
    uint32_t kills, rolled_back, quarantined;
    uint32_t phases[3]; /* deaths by enum phase */
    uint64_t begin_ns;
    bool ok;
};

static bool
is_long(void)
{
    const char *s = getenv("STRESS");
    return s && strcmp(s, "long") == 0;
}

static uint32_t
dice(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

static double
seconds_since(uint64_t begin_ns)
{
    return (double)(clock_ns() - begin_ns) / 1e9;
}

static void
pause_us(uint32_t us)
{
    struct timespec t = {0, (long)us * 1000};
    nanosleep(&t, NULL);
}

/* ---- what the tasks do ------------------------------------------------------ */

static void
spin_some(uint32_t node)
{
    for (uint32_t i = node * 2654435761u >> 18; i; i--)
        cpu_relax();
}

static void
sleep_some(uint32_t node)
{
    pause_us(node % 4 * 300);
}

static void
die_if_poisoned(uint32_t node)
{
    if (node == poison)
        raise(SIGKILL);
}

/* ---- the supervisor --------------------------------------------------------- */

static void
spawn(struct crew *c, uint32_t k)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        tree_die("fork", errno);
    if (pid) {
        c->pids[k] = pid;
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct self self;
    int err = self_open(&self, &c->arena, k, WORKERS + 1);
    if (err)
        tree_die("self_open", err);
    self.lifo = c->lifo;
    tree_work(&self, c->tree);
    _exit(0);
}

/* Repairs the slot of a worker that is gone, and fills it again. */
static void
replace(struct crew *c, uint32_t k)
{
    struct recovered found;
    struct self self;
    int err = self_open(&self, &c->arena, k, WORKERS + 1);
    if (err)
        tree_die("self_open", err);
    c->phases[phase_number(self.slot->phase)]++;
    err = recover(&self, &c->super, c->max_crashes, false, &found);
    if (err)
        tree_die("recover", err);
    c->rolled_back += found.task && !found.quarantined;
    c->quarantined += found.quarantined;
    self_close(&self);
    idle_wake_all(&c->arena);
    spawn(c, k);
}

/* Takes notice of the end of slot k's process. */
static void
reaped(struct crew *c, uint32_t k, int status)
{
    c->pids[k] = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        replace(c, k);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        printf("# worker %u ended with status %x\n", k, (unsigned)status);
        c->ok = false;
    }
}

static uint32_t
reap(struct crew *c)
{
    int status;
    pid_t pid;
    uint32_t left = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t k = 1; k <= WORKERS; k++) {
            if (c->pids[k] == pid) {
                reaped(c, k, status);
                break;
            }
        }
    }
    for (uint32_t k = 1; k <= WORKERS; k++)
        left += c->pids[k] != 0;
    return left;
}

static void
kill_one(struct crew *c)
{
    int status;
    uint32_t k = 1 + dice(WORKERS);
    if (!c->pids[k])
        return;
    kill(c->pids[k], SIGKILL);
    if (waitpid(c->pids[k], &status, 0) != c->pids[k])
        tree_die("waitpid", errno);
    c->kills += WIFSIGNALED(status);
    reaped(c, k, status);
}

static void
show(struct crew *c)
{
    printf("# no end after %d s: mode %u, %u kills\n", LIMIT_S,
           atom_load(&c->arena.header->mode), c->kills);
    for (uint32_t k = 0; k <= WORKERS; k++) {
        struct slot *s = slot_at(&c->arena, k);
        printf("# slot %u: phase %u park %u head %lu tail %lu posted %lu finished %lu\n", k,
               s->phase, s->park, (unsigned long)s->head, (unsigned long)s->tail,
               (unsigned long)s->posted, (unsigned long)s->finished);
    }
}

/* Runs a job to its end and kills a worker every 1 to 3 ms, `kills` times at most. */
static void
crew_run(struct crew *c, const struct tree *t, uint32_t kills)
{
    *c = (struct crew){.tree = t, .max_crashes = kills ? MAX_CRASHES : POISON_MAX_CRASHES, .ok = true};
    c->lifo = dice(2);
    c->begin_ns = clock_ns();
    tree_plant(&c->arena, &c->super, t, WORKERS);
    for (uint32_t k = 1; k <= WORKERS; k++)
        spawn(c, k);
    while (c->ok && reap(c)) {
        if (seconds_since(c->begin_ns) > LIMIT_S) {
            show(c);
            c->ok = false;
        }
        pause_us(kills ? 1000 + dice(2000) : 200);
        if (c->kills < kills)
            kill_one(c);
    }
    for (uint32_t k = 1; k <= WORKERS; k++) {
        if (c->pids[k]) {
            kill(c->pids[k], SIGKILL);
            waitpid(c->pids[k], NULL, 0);
        }
    }
}

static void
crew_end(struct crew *c)
{
    self_close(&c->super);
    arena_close(&c->arena);
}

/* Jobs until `kills` workers were killed. */
static bool
rounds(const char *name, struct tree t, uint32_t kills)
{
    uint32_t done = 0, n = 0, rolled_back = 0, phases[3] = {0};
    uint32_t first_leaf = t.first_leaf;
    bool ok = true;
    uint64_t begin_ns = clock_ns();
    while (ok && done < kills && n < 10 * kills && seconds_since(begin_ns) < (is_long() ? 300 : 15)) {
        struct crew c;
        uint64_t was = seed;
        t.first_leaf = first_leaf << dice(3);
        crew_run(&c, &t, kills - done);
        ok = c.ok && tree_check(&c.arena, &c.super, &t);
        ok = tree_same("quarantined", c.quarantined, 0) && ok;
        crew_end(&c);
        if (!ok)
            printf("# %s, round %u, SEED=%lu, %s, %u leaves, %u kills in it\n", name, n,
                   (unsigned long)was, c.lifo ? "lifo" : "fifo", t.first_leaf, c.kills);
        n++;
        done += c.kills;
        rolled_back += c.rolled_back;
        for (int i = 0; i < 3; i++)
            phases[i] += c.phases[i];
    }
    printf("# %s: %u rounds, %u kills: %u idle, %u active, %u in a commit; %u tasks rolled back\n",
           name, n, done, phases[0], phases[1], phases[2], rolled_back);
    return ok;
}

static void
bulk(void)
{
    struct tree t = {.first_leaf = 1 << 10, .fan = 1500, .work = spin_some};
    report("bulk", rounds("bulk", t, is_long() ? 5000 : 200));
}

static void
parts(void)
{
    struct tree t = {.first_leaf = 4, .fan = 40000, .plain = true};
    report("parts", rounds("parts", t, is_long() ? 3000 : 100));
}

static void
sleepy(void)
{
    struct tree t = {.first_leaf = 4, .fan = 2, .work = sleep_some};
    report("sleepy", rounds("sleepy", t, is_long() ? 3000 : 100));
}

static void
poisoned(void)
{
    struct tree t = {.first_leaf = 64, .fan = 70, .work = die_if_poisoned, .plain = true};
    struct crew c;
    poison = 100;
    crew_run(&c, &t, 0);
    double n = tree_top(&t) - 1, sum = tree_acc(&c.super, ACCUMULATOR_SUM, TREE_SUM);
    uint64_t quarantined = 0;
    for (uint32_t k = 1; k <= WORKERS; k++)
        quarantined += slot_at(&c.arena, k)->quarantined;
    bool ok = c.ok && idle_all_done(&c.arena);
    ok = tree_same("sum without the quarantined one", sum, n * (n + 1) / 2 - poison) && ok;
    ok = tree_same("quarantined", c.quarantined, 1) && ok;
    ok = tree_same("counted as quarantined", (double)quarantined, 1) && ok;
    ok = tree_same("rolled back before", c.rolled_back, POISON_MAX_CRASHES - 1) && ok;
    crew_end(&c);
    report("poison", ok);
}

int
main(void)
{
    const char *s = getenv("SEED");
    seed = s ? strtoull(s, NULL, 10) : clock_unix_ns() * 2 + 1;
    printf("1..4\n# SEED=%lu\n", (unsigned long)seed);
    bulk();
    parts();
    sleepy();
    poisoned();
    return tests_failed != 0;
}
