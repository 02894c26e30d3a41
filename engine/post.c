#define _GNU_SOURCE
#include "post.h"

#include <errno.h>
#include <time.h>

#include "actor.h"
#include "commit.h"
#include "hash.h"
#include "idle.h"
#include "queue.h"
#include "record.h"
#include "task.h"

enum {
    PART_POSTS = 1000,
    PART_BYTES = 1 << 20,
    PART_IDLE_POSTS = 64,
    PART_AGE_NS = 20 * 1000 * 1000,
};

/* Over everything a post says, so that a second run can be held against the
 * first one's. Not for security: the two runs are the same program's. */
static uint64_t
hash_post(const struct actor *x, uint32_t fn, const void *bytes, size_t len)
{
    uint64_t h = hash_mix(x->post_hash, (uint64_t)fn << 32 | (uint32_t)len);
    return unlikely(x->post_bag) ? hash_bag(h, bytes, len) : hash_more(h, bytes, len);
}

/* A few ns and 1 to 10 ms off: good enough to see that 20 ms have passed. */
static uint64_t
coarse_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool
part_is_due(struct actor *x)
{
    if (x->staged_count >= PART_POSTS || x->staged_bytes >= PART_BYTES)
        return true;
    if (x->staged_count >= PART_IDLE_POSTS && idle_any(x))
        return true;
    uint64_t now = coarse_ns();
    if (!x->staged_since_ns)
        x->staged_since_ns = now;
    return now - x->staged_since_ns > PART_AGE_NS;
}

int
post(struct actor *x, uint32_t fn, const void *args, size_t bytes)
{
    uint64_t hash = hash_post(x, fn, args, bytes);
    if (unlikely(x->skip)) {
        x->post_hash = hash;
        bool last = --x->skip == 0;
        return last && x->post_hash != record_current(x)->post_hash ? -EINVAL : 0;
    }
    /* One more than the posts: a task that fails goes back into the ring. */
#ifdef PRN_BUG_NO_ROOM_FIRST
    int err = 0;
#else
    int err = queue_reserve(x, x->staged_count + 2);
#endif
    if (likely(!err))
        err = task_stage(x, fn, args, bytes);
    if (unlikely(err))
        return err;
    x->post_hash = hash; /* not before: what was refused was not posted */
    /* A first post is no reason to look at the clock. */
    if (x->staged_count > 1 && x->partial && x->slot->cur && part_is_due(x)) {
        uint32_t n = x->staged_count;
        err = commit_part(x);
        if (!err)
            idle_wake(x, n);
        /* No memory for the record: the posts wait for the end of the task. */
    }
    return 0;
}
