#include "supervisor/child.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/ensure.h"
#include "job/config.h"
#include "base/large.h"

#define PAUSE_NS (10 * CLOCK_MILLISECOND) /* after the first early death; doubles */
#define PAUSE_MAX_NS CLOCK_SECOND

/* Room for all there can be: memory that is not touched costs nothing, and so there may
 * be more of them at any time, whatever memory there is. */
static struct {
    uint32_t n;                /* 1..n are in use */
    uint32_t in[CHILD_STATES]; /* how many are in each state */
    struct child at[CONFIG_WORKERS_MAX + 1];
} children LARGE_BSS;

/* ---- all of them ---- */

void
children_open(uint32_t n)
{
    for (uint32_t k = 1; k <= children.n; k++)
        children.at[k] = (struct child){.state = CHILD_NONE};
    memset(children.in, 0, sizeof children.in);
    children.n = 0;
    children_grow(n);
}

void
children_grow(uint32_t n)
{
    ENSURE(n <= CONFIG_WORKERS_MAX);
    if (n <= children.n)
        return;
    children.in[CHILD_NONE] += n - children.n;
    children.n = n;
}

uint32_t
children_count(void)
{
    return children.n;
}

uint32_t
children_in(enum child_state state)
{
    return children.in[state];
}

uint32_t
children_alive(void)
{
    return children.in[CHILD_ALIVE] + children.in[CHILD_DYING];
}

bool
children_expected(void)
{
    return children_alive() || children.in[CHILD_WANTED] || children.in[CHILD_UNRECOVERED];
}

void
children_freeze(void)
{
    for (uint32_t k = 1; k <= children.n; k++)
        child_freeze(&children.at[k]);
}

void
children_kill(void)
{
    for (uint32_t k = 1; k <= children.n; k++)
        child_kill(&children.at[k]);
}

/* ---- one ---- */

struct child *
child_at(uint32_t k)
{
    return &children.at[k];
}

bool
child_has_process(const struct child *c)
{
    return c->state == CHILD_ALIVE || c->state == CHILD_DYING;
}

bool
child_may_become(enum child_state from, enum child_state to)
{
#define TO(state) (1u << CHILD_##state)
    static const unsigned arrows[CHILD_STATES] = {
        [CHILD_NONE] = TO(WANTED),
        [CHILD_WANTED] = TO(NONE) | TO(ALIVE),
        [CHILD_ALIVE] = TO(DYING) | TO(NONE) | TO(WANTED) | TO(UNRECOVERED),
        [CHILD_DYING] = TO(NONE) | TO(WANTED) | TO(UNRECOVERED),
        [CHILD_UNRECOVERED] = TO(NONE) | TO(WANTED) | TO(GIVEN_UP),
    };
#undef TO
    return arrows[from] >> to & 1;
}

void
child_become(struct child *c, enum child_state to)
{
    ENSURE(child_may_become(c->state, to));
    children.in[c->state]--;
    children.in[to]++;
    c->state = to;
}

void
child_freeze(const struct child *c)
{
    if (child_has_process(c))
        kill(c->pid, SIGSTOP);
}

void
child_kill(const struct child *c)
{
    if (!child_has_process(c))
        return;
    kill(c->pid, SIGKILL);
}

bool
child_died_early(struct child *c, struct child_progress to, uint64_t now_ns)
{
    struct child_early *e = &c->early;
    if (to.claims != c->from.claims || to.parks != c->from.parks) {
        *e = (struct child_early){0};
        return false;
    }
    if (!e->deaths++) {
        e->since_ns = now_ns;
        e->pause_ns = PAUSE_NS;
    } else if (e->pause_ns < PAUSE_MAX_NS) {
        e->pause_ns *= 2;
    }
    e->not_before_ns = now_ns + e->pause_ns;
    return e->deaths >= CHILD_EARLY_DEATHS &&
           now_ns - e->since_ns >= CHILD_EARLY_SECONDS * CLOCK_SECOND;
}
