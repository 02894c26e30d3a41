/* The job of the simulator: a tree of tasks. See sim_job.h. Longer than 500 lines: what a node is, and
 * what it does, are one story. */
#include "sim_job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/accumulator.h"
#include "memory/self.h"
#include "memory/block.h"
#include "task/record.h"
#include "task/begin.h"
#include "task/commit.h"
#include "base/hash.h"
#include "codec/scalar.h"
#include "task/idle.h"
#include "store/names.h"
#include "task/once.h"
#include "task/post.h"
#include "task/queue.h"
#include "task/suspend.h"
#include "task/task.h"
#include "task/section.h"

enum { DEPTH = 3,
       NEVER = 1000,
       FN = 7,
       ARGS_MAX = 40000 };

struct job job;
struct job_names names;

static bool waits[SIM_WORKERS + 1];     /* by slot: runs a patient that waits */
static uint32_t depth[SIM_WORKERS + 1]; /* by slot: tasks that wait, one within the other; NEVER:
                                         * it has no words */

/* ---- what a node is ---- */

uint64_t
node_bits(uint32_t node, uint32_t what)
{
    uint64_t h = hash_mix(job.seed + what, node);
    return hash_mix(h, h >> 31);
}

uint32_t
node_top(void)
{
    return 2 * job.first_leaf + job.producers * job.fan + job.first_posts;
}

bool
node_is_inner(uint32_t node)
{
    return node < job.first_leaf + (job.fan ? job.producers : 0);
}

bool
node_is_pointing(uint32_t node)
{
    return node >= job.first_leaf && node_is_inner(node) && node_bits(node, 10) % 2;
}

bool
node_has_key(uint32_t node)
{
    return job.once && node > 1 && node != job.poison && !node_is_patient(node) &&
           node_bits(node, 13) % 2;
}

static size_t
arg_bytes(uint32_t node)
{
    uint64_t r = node_bits(node, 1);
    if (!job.blocks || r % 3)
        return sizeof node + (r >> 8) % (TASK_INLINE - sizeof node + 1);
    if (r % 97 == 0)
        return ARGS_MAX; /* a chunk of its own */
    return 20 + (r >> 8) % (r % 2 ? 100 : 5000);
}

bool
node_is_patient(uint32_t node)
{
    return node != job.poison && !node_is_inner(node) && node + job.patients >= node_top();
}

uint32_t
node_errors(uint32_t node)
{
    uint64_t r = node_bits(node, 2);
    if (node == job.poison || node_is_patient(node))
        return 0;
    return job.errors && r % 8 == 0 ? 1 + (r >> 8) % 2 : 0;
}

bool
node_fails(uint32_t node)
{
    return job.errors && node != job.poison && !node_is_inner(node) && !node_is_patient(node) &&
           !node_errors(node) && node_bits(node, 3) % 12 == 0;
}

uint32_t
node_ops(uint32_t node)
{
    uint64_t r = node_bits(node, 4);
    if (node == job.poison || node_is_patient(node) || r % job.ops_one_in)
        return 0;
    return job.ops & (uint32_t)(r >> 8) & (uint32_t)(r >> 24);
}

/* ---- posting and running ---- */

/* In front of a keyed node's arguments: the node as a number. */
enum { KEY_BYTES = 2 + sizeof(int32_t) };

static size_t
put_key(char *to, uint32_t node)
{
    int32_t number = (int32_t)node;
    to[0] = (char)CODEC_KEY;
    to[1] = (char)CODEC_I32;
    memcpy(to + 2, &number, sizeof number);
    return KEY_BYTES;
}

static int
post_node(struct self *self, uint32_t node)
{
    char bytes[KEY_BYTES + ARGS_MAX];
    size_t key = node_has_key(node) ? put_key(bytes, node) : 0, len = arg_bytes(node);
    bool known = false;
    _Static_assert(CODEC_KEY % 2 == 1, "arguments without a key begin with an even byte");
    uint32_t mark = node << 1;
    memset(bytes + key, (int)(node * 31 & 0xff), len);
    memcpy(bytes + key, &mark, sizeof mark);
    int err = key ? post_is_known(self, FN, bytes, key + len, &known) : 0;
    return err || known ? err : post(self, FN, bytes, key + len);
}

/* Posts of nodes with a key that others post as well. */
static int
post_again(struct self *self, uint32_t node)
{
    int err = 0;
    for (uint32_t i = 0; job.once && node_top() > 2 && !err && i < 3; i++) {
        uint32_t any = 2 + node_bits(node, 20 + i) % (node_top() - 2);
        if (node_has_key(any))
            err = post_node(self, any);
    }
    return err;
}

/* The arguments behind the key. */
static const char *
args_of(struct arena *a, const struct task *t, size_t *bytes)
{
    size_t key_len, key = codec_get_key(task_args(a, t), t->bytes, &key_len);
    *bytes = t->bytes - key;
    return (const char *)task_args(a, t) + key;
}

static uint32_t
read_args(struct self *self)
{
    const struct task *t = task_at(self->arena, self->slot->cur);
    size_t bytes;
    const char *args = args_of(self->arena, t, &bytes);
    uint32_t node;
    memcpy(&node, args, sizeof node);
    node >>= 1;
    if (t->fn != FN || !node || node >= node_top() || bytes != arg_bytes(node) ||
        (bytes != t->bytes) != node_has_key(node))
        sim_fail("a task with fn %u, node %u, %u bytes", t->fn, node, t->bytes);
    for (size_t i = sizeof node; i < bytes; i++) {
        if ((unsigned char)args[i] != (unsigned char)(node * 31))
            sim_fail("the arguments of node %u were overwritten", node);
    }
    return node;
}

static uint32_t
cursor_of(struct self *self)
{
    uint32_t at = 0;
    const struct task_record *r = task_record_of(self->arena, task_at(self->arena, self->slot->cur));
    if (r && r->cursor) {
        struct task_cursor *c = (struct task_cursor *)block_at(self->arena, r->cursor)->bytes;
        CHECK(c->bytes == sizeof at || c->bytes == 100);
        memcpy(&at, c->text, sizeof at);
    }
    return at;
}

static int
point(struct self *self, uint32_t cursor)
{
    char bytes[100] = {0};
    uint32_t ready = self->staged_count;
    memcpy(bytes, &cursor, sizeof cursor);
    int err = commit_checkpoint(self, bytes, cursor % 3 ? sizeof cursor : sizeof bytes);
    if (!err)
        idle_wake(self, ready);
    return err;
}

static int
post_by_points(struct self *self, uint32_t node, uint32_t from)
{
    uint32_t step = 1 + node_bits(node, 11) % 20;
    int err = 0;
    for (uint32_t i = cursor_of(self); !err && i < job.fan; i++) {
        err = post_node(self, from + i);
        accumulator_add(self, ACCUMULATOR_SUM, name_at(self->arena, names.pointed)->number, 1);
        if (!err && (i + 1) % step == 0)
            err = point(self, i + 1);
    }
    return err;
}

/* What pause_here() returns if the task was given back. */
enum { GIVEN_BACK = -ECANCELED };

/* Waits while the worker runs another task, which may wait as well. In the end it continues, or is
 * given back, as by a job that stops: then it is not this worker's any more. */
static int
pause_here(struct self *self)
{
    struct suspended s = {0};
    uint32_t *mode = &self->arena->header->mode;
    if (depth[self->me] >= DEPTH || !sim_one_in(2) || queue_reserve(self, 1) ||
        suspend_prepare(self, &s))
        return 0;
    suspend_task(self, &s);
    depth[self->me]++;
    if (atom_load(mode) == ARENA_RUN && !atom_load(&self->arena->header->gate) &&
        (queue_take(self) || queue_steal(self)) && job_run(self))
        sim_poke();
    depth[self->me]--;
    if (!sim_one_in(8))
        return suspend_resume(self, &s);
    suspend_give_back(self, &s);
    idle_wake(self, 1);
    return GIVEN_BACK;
}

void
job_open(struct self *self)
{
    depth[self->me] = job.waits && suspend_open(self, DEPTH) == 0 ? 0 : NEVER;
}

static int
post_children(struct self *self, uint32_t node)
{
    int err = 0;
    uint32_t turn = node_bits(node, 12) % 2; /* patients first? */
    if (node < job.first_leaf) {
        err = post_node(self, 2 * node + turn);
        return err ? err : post_node(self, 2 * node + !turn);
    }
    if (!node_is_inner(node))
        return 0;
    uint32_t from = 2 * job.first_leaf + (node - job.first_leaf) * job.fan;
    if (node_is_pointing(node))
        return post_by_points(self, node, from);
    for (uint32_t i = 0; !err && i < job.fan; i++) {
        err = post_node(self, turn ? from + job.fan - 1 - i : from + i);
        if (!err && i % 50 == 7)
            err = pause_here(self);
    }
    return err;
}

static int
add(struct self *self, uint32_t node)
{
    accumulator_add(self, ACCUMULATOR_SUM, name_at(self->arena, names.sum)->number, node);
    accumulator_add(self, ACCUMULATOR_SUM, name_at(self->arena, names.count)->number, 1);
    accumulator_add(self, ACCUMULATOR_MAX, name_at(self->arena, names.max)->number, node);
    char bytes[2000] = {0};
    memcpy(bytes, &node, sizeof node);
    size_t len = node % 5 ? sizeof node : sizeof node + node_bits(node, 7) % 1990;
    return accumulator_collect(self, name_at(self->arena, names.list)->number, bytes, len);
}

/* What the script's function would do. false: it ends by an error. */
static bool
body(struct self *self, uint32_t node, uint32_t run)
{
    if (node == job.poison) {
        for (uint32_t i = sim_dice(50); i; i--)
            sim_point();
        sim_kill(self->me);
    }
    if (node_is_patient(node)) {
        waits[self->me] = true;
        sim_sleep(0); /* until job_go_on() */
    }
    /* What comes before a point belongs to it. */
    bool pointing = node_is_pointing(node), ops_first = !pointing && node_bits(node, 8) % 2;
    if (ops_first)
        ops_do(self, node, run);
    int err = pointing && cursor_of(self) ? 0 : add(self, node);
    bool again_first = node_bits(node, 14) % 2;
    if (!err && again_first && !(pointing && cursor_of(self)))
        err = post_again(self, node);
    if (!err)
        err = pause_here(self);
    if (!err)
        err = post_children(self, node);
    if (!err)
        err = pause_here(self);
    if (!err && !again_first)
        err = post_again(self, node);
    if (err == GIVEN_BACK)
        return false;
    if (err && !(job.no_memory && (err == -ENOSPC || err == -ENOMEM)))
        sim_fail("node %u cannot post: error %d", node, err);
    if (err)
        return false;
    if (self->skip)
        sim_fail("node %u: %u posts were not repeated", node, self->skip);
    if (!ops_first)
        ops_do(self, node, task_at(self->arena, self->slot->cur)->errors);
    if (job.circles && !node_is_patient(node) && !ops_take_both(self, node))
        return false;
    run = task_at(self->arena, self->slot->cur)->errors; /* a point begins a new count */
    return run >= node_errors(node) && !node_fails(node);
}

bool
job_run(struct self *self)
{
    bool poke = false, first = true;
    const struct task *t = task_at(self->arena, self->slot->cur);
    self->partial = job.partial;
    commit_begin(self);
    uint32_t node = read_args(self);
    int err = once_enter(self, t, &first);
    if (err && !job.no_memory)
        sim_fail("node %u has no key: error %d", node, err);
    if (!err && !first) {
        (void)commit_end(self, OUTCOME_DUPLICATE);
        return false;
    }
    bool ok = !err && body(self, node, t->errors);
    if (self->slot->phase == PHASE_IDLE) /* given back */
        return false;
    if (journal_take_warning(self))
        sim_fail("node %u: a second run differs from the first", node);
    if (section_any_held(self))
        sim_fail("node %u holds a lock", node);
    if (ok) {
        idle_wake(self, commit_end(self, OUTCOME_DONE));
    } else if (node_fails(node) && !job.no_memory) {
        (void)commit_end(self, OUTCOME_FAILED);
    } else if (node_bits(node, 9) % 2) {
        idle_wake(self, commit_end(self, OUTCOME_RETRY));
    } else {
        commit_wait(self, sim_now_ns() + sim_dice(3) * 50000);
        poke = true;
    }
    return poke;
}

static uint32_t
node_of_task(struct arena *a, uint32_t task)
{
    uint32_t node;
    size_t bytes;
    memcpy(&node, args_of(a, task_at(a, task), &bytes), sizeof node);
    return node >> 1;
}

void
job_died(uint32_t k)
{
    waits[k] = false;
    depth[k] = NEVER;
    ops_died(k);
}

static void
count_others(void *arg, uint32_t index)
{
    struct self *super = ((void **)arg)[0];
    uint32_t *others = ((void **)arg)[1];
    enum task_state state = task_state(task_at(super->arena, index)->word);
    if (state != TASK_FREE && state != TASK_QUARANTINED && state != TASK_STAGED)
        *others += !node_is_patient(node_of_task(super->arena, index));
}

bool
job_go_on(struct self *super)
{
    uint32_t others = 0, patients = 0;
    void *arg[] = {super, &others};
    for (uint32_t k = 0; k <= super->arena->header->nworkers; k++)
        slab_each(super->arena, k, SLAB_TASK, count_others, arg);
    for (uint32_t k = 1; !others && k <= SIM_WORKERS; k++) {
        if (waits[k])
            sim_rouse(k);
        patients += waits[k];
        waits[k] = false;
    }
    return patients != 0;
}

uint32_t
job_max_crashes(struct arena *a, uint32_t task)
{
    return job.poison && node_of_task(a, task) == job.poison ? job.max_crashes : 255;
}

void
job_reported(struct arena *a, uint32_t task)
{
    if (node_of_task(a, task) != job.poison)
        sim_fail("node %u was quarantined", node_of_task(a, task));
    job.reported++;
}

void
job_forget_reports(void)
{
    job.no_reports = true;
}

/* ---- drawing and describing ---- */

void
job_draw(uint32_t nworkers)
{
    static const uint32_t fans[] = {0, 0, 0, 2, 12, 70, 130, 300};
    memset(waits, 0, sizeof waits);
    memset(&job, 0, sizeof job);
    job.seed = sim_random();
    job.first_leaf = 1u << sim_dice(5);
    job.fan = fans[sim_dice(8)];
    job.producers = 1 + sim_dice(2);
    if (job.producers > job.first_leaf)
        job.producers = job.first_leaf;
    job.first_posts = sim_dice(3) ? 0 : sim_dice(2 * nworkers);
    job.lifo = sim_dice(2);
    job.partial = sim_dice(4) != 0;
    job.blocks = sim_dice(2);
    job.errors = sim_dice(3) == 0;
    job.ops_one_in = 1;
    switch (sim_dice(6)) {
    case 0: /* tasks only */
        break;
    case 1:
        sim_policy.no_memory = 2 + sim_dice(20);
        job.no_memory = true;
        job.errors = false;
        break;
    case 2:
        job.circles = true;
        break;
    case 3: /* one kind of operation, by all */
        job.ops = 1u << sim_dice(13) | OP_TEXT * sim_dice(2) | OP_CROWD * sim_dice(2);
        break;
    default:
        job.ops = OP_ALL;
        job.ops_one_in = 1 + sim_dice(4);
    }
    job.poison = sim_dice(6) ? 0 : node_top() - 1;
    if (job.poison && node_is_inner(job.poison))
        job.poison = 0;
    job.patients = sim_dice(2) ? sim_dice(nworkers) : 0;
    job.max_crashes = 1 + sim_dice(3);
    job.once = sim_dice(3) == 0;
    job.waits = !job.patients && sim_dice(3) == 0;
}

bool
job_lifo(void)
{
    return job.lifo;
}

uint32_t
job_patients(void)
{
    return job.patients;
}

const char *
job_describe(void)
{
    static char text[200];
    snprintf(text, sizeof text, "%u tasks, %s, fan %u%s%s%s%s%s%s%s%s, %u patients, ops %x",
             node_top() - 1,
             job.lifo ? "lifo" : "fifo", job.fan, job.partial ? "" : " in one",
             job.blocks ? ", blocks" : "", job.errors ? ", errors" : "",
             job.once ? ", once" : "", job.waits ? ", waits" : "",
             job.no_memory ? ", no memory" : "", job.circles ? ", circles" : "",
             job.poison ? ", poison" : "", job.patients, job.ops);
    return text;
}

void
job_begin(struct self *self)
{
    static const struct {
        enum name_kind kind;
        const char *name;
        uint32_t *index;
    } all[] = {
        {NAMED_DICT, "d", &names.dict},
        {NAMED_SUM, "sum", &names.sum},
        {NAMED_SUM, "count", &names.count},
        {NAMED_MAX, "max", &names.max},
        {NAMED_COLLECT, "list", &names.list},
        {NAMED_SUM, "pointed", &names.pointed},
        {NAMED_LOCK, "bank", &names.bank},
        {NAMED_LOCK, "audit", &names.audit},
    };
    uint32_t refuse = sim_policy.no_memory;
    struct begin_left left;
    sim_policy.no_memory = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        CHECK(names_get(self, all[i].kind, all[i].name, strlen(all[i].name), all[i].index) == 0);
    begin_open(self);
    ops_begin(self);
    CHECK(post_node(self, 1) == 0);
    for (uint32_t i = 0; i < job.first_posts; i++)
        CHECK(post_node(self, node_top() - 1 - i) == 0);
    begin_close(self, true, &left);
    CHECK(!left.err);
    sim_policy.no_memory = refuse;
}
