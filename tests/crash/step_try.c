/* step_try: what may happen after a death, tried on a copy of the arena. */
#include "step_run.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec/codec.h"
#include "job/state_check.h"
#include "store/dict.h"
#include "task/idle.h"
#include "task/task.h"

/* What --resume looks at before it believes a file. */
bool
try_state(struct crew *c)
{
    const char *problem;
    if (c->scenario->spill)
        return true; /* with --state there is no spill */
    int err = state_check(c->arena, &problem);
    return err ? crew_fail(c, "state_check: %s", problem) : true;
}

/* Everything may be killed when one death is repaired. */
static bool
finish_by_other(struct crew *c)
{
    return crew_recover(c) && try_state(c) && crew_finish(c, 1u << 2);
}

static bool
finish_by_successor(struct crew *c)
{
    if (!crew_recover(c))
        return false;
    crew_reopen(c, 1);
    /* Alone, unless the other one is in the middle of a task. */
    return crew_finish(c, 1u << 1 | (c->self[2].slot->phase == PHASE_ACTIVE ? 1u << 2 : 0));
}

/* Worker 2 goes on for a while before anybody knows of the death. */
static bool
others_first(struct crew *c, uint32_t n)
{
    c->dead = true;
    bool enough = crew_work(c, 2, n) < n;
    if (c->dead && !crew_recover(c))
        return false;
    crew_reopen(c, 1);
    if (!crew_finish(c, 1u << 2 | 1u << 1))
        return false;
    return !enough || n == 0;
}

static uint32_t others_n;
static bool others_were_idle; /* fewer tasks than asked for: no need to ask for more */

static bool
finish_after_others(struct crew *c)
{
    bool fine = others_first(c, others_n);
    others_were_idle = !fine && !c->why[0];
    return fine || others_were_idle;
}

static bool
recover_twice(struct crew *c)
{
    if (!crew_recover(c) || !crew_recover(c))
        return false;
    crew_reopen(c, 1);
    return crew_finish(c, 1u << 1 | 1u << 2);
}

static bool
is_over(struct crew *c)
{
    return idle_all_done(c->arena) || atom_load(&c->arena->header->mode) == ARENA_DONE;
}

/* Nobody may ever find that all is done while a task is owed. */
bool
try_never_early(struct crew *c)
{
    c->paused = true;
    for (int i = 0; i < 20; i++) {
        if (is_over(c) && check_owed(c->arena))
            return crew_fail(c, "early: counted as done after %d further tasks", i);
        if (!crew_work(c, 2, 1))
            break;
    }
    return true;
}

static bool
may_be_seen(const char *seen, const char *value)
{
    char between[STEP_TEXT + 2];
    snprintf(between, sizeof between, "|%s|", value);
    return strstr(seen, between) != NULL;
}

/* Readers take no lock: what they find is a value that was there at some time. */
static bool
readers_see(struct crew *c)
{
    struct self *self = &c->self[2];
    unsigned char text[8];
    size_t head = codec_put_string_head(text, 1), len;
    text[head] = 'k';
    struct dict_key k = {text, head + 1, hash_bytes(text, head + 1)};
    struct dict_value v;
    char value[STEP_TEXT] = "";
    if (dict_get(self, ops_dict(self), &k, &v))
        return crew_fail(c, "dict_get fails");
    if (v.present && v.is_number)
        snprintf(value, sizeof value, "%g", v.number);
    else if (v.present && (head = codec_get_string_head(v.bytes, v.len, &len)))
        snprintf(value, sizeof value, "%.*s", (int)len, (const char *)v.bytes + head);
    else if (v.present)
        snprintf(value, sizeof value, "?");
    if (!may_be_seen(c->scenario->seen, value))
        return crew_fail(c, "a reader sees k=%s", value);
    return true;
}

bool
try_resumed(struct crew *c)
{
    if (!crew_resume(c))
        return false;
    crew_reopen(c, 1);
    crew_reopen(c, 2);
    return crew_finish(c, 1u << 1 | 1u << 2);
}

bool
try_one(struct bench *b, const struct scenario *s, const char *name,
        bool (*fn)(struct crew *c), uint64_t at, pid_t pid)
{
    struct crew c;
    uint32_t woken = spy->woken;
    image_put(b->image, &b->arena);
    crew_open(&c, &b->arena, s);
    bool fine = crew_guard(&c, fn);
    crew_close(&c);
    spy->woken = woken;
    ++*b->checks;
    if (!fine)
        step_failed(s, name, c.why, at, pid);
    return fine;
}

void
try_all(struct bench *b, const struct scenario *s, uint64_t at, pid_t pid)
{
    (void)try_one(b, s, "killed, the other goes on", finish_by_other, at, pid);
    (void)try_one(b, s, "killed, a successor goes on", finish_by_successor, at, pid);
    for (others_n = 1, others_were_idle = false; others_n <= 3 && !others_were_idle; others_n++)
        (void)try_one(b, s, "killed, others first", finish_after_others, at, pid);
    (void)try_one(b, s, "recovered twice", recover_twice, at, pid);
    (void)try_one(b, s, "paused", try_never_early, at, pid);
    (void)try_one(b, s, "the whole tree killed", try_resumed, at, pid);
    (void)try_one(b, s, "state", try_state, at, pid);
    if (s->seen)
        (void)try_one(b, s, "reader", readers_see, at, pid);
}
