#define _GNU_SOURCE
#include "task/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "base/clock.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"

enum {
    PART_POSTS = 1000,
    PART_BYTES = 1 << 17, /* still in the cache when the part is hashed */
    PART_IDLE_POSTS = 64,
    PART_AGE_NS = 20 * 1000 * 1000,
};

static bool
part_is_due(struct actor *x)
{
    if (x->staged_count >= PART_POSTS || x->staged_bytes >= PART_BYTES)
        return true;
    if (x->staged_count >= PART_IDLE_POSTS && idle_any(x))
        return true;
    uint64_t now = clock_coarse_ns(); /* good enough to see that 20 ms have passed */
    if (!x->staged_since_ns)
        x->staged_since_ns = now;
    return now - x->staged_since_ns > PART_AGE_NS;
}

/* A second run: an earlier one has published this post. */
static int
repeat(struct actor *x, uint32_t fn, const void *args, size_t bytes)
{
    x->post_hash = task_hash(x->post_hash, fn, args, bytes, x->post_bag);
    bool last = --x->skip == 0;
    return last && x->post_hash != record_current(x)->post_hash ? -EINVAL : 0;
}

static int
repeat_joined(struct actor *x, uint32_t fn, const void *args, size_t bytes, const void *more,
              size_t more_bytes)
{
    char *whole = malloc(bytes + more_bytes);
    if (!whole)
        return -ENOMEM;
    memcpy(whole, args, bytes);
    memcpy(whole + bytes, more, more_bytes);
    int err = repeat(x, fn, whole, bytes + more_bytes);
    free(whole);
    return err;
}

/* One more than the posts: a task that fails goes back into the ring. */
INTO_EACH int
reserve(struct actor *x)
{
#ifdef PRN_BUG_NO_ROOM_FIRST
    return 0;
#else
    return queue_reserve(x, x->staged_count + 2);
#endif
}

INTO_EACH void
publish_when_due(struct actor *x)
{
    /* A first post is no reason to look at the clock. */
    if (x->staged_count > 1 && x->partial && x->slot->cur && part_is_due(x)) {
        uint32_t n = x->staged_count;
        if (commit_part(x) == 0)
            idle_wake(x, n);
        /* Else there is no memory for the record: the posts wait for the end of the task. */
    }
}

int
post(struct actor *x, uint32_t fn, const void *args, size_t bytes)
{
    if (unlikely(x->skip))
        return repeat(x, fn, args, bytes);
    int err = reserve(x);
    if (likely(!err))
        err = task_stage(x, fn, args, bytes);
    if (likely(!err))
        publish_when_due(x);
    return err;
}

/* Beside post(), not one body for both: that took 23 instructions more of each task. */
int
post_joined(struct actor *x, uint32_t fn, const void *args, size_t bytes, const void *more,
            size_t more_bytes)
{
    if (unlikely(x->skip))
        return repeat_joined(x, fn, args, bytes, more, more_bytes);
    int err = reserve(x);
    if (likely(!err))
        err = task_stage_joined(x, fn, args, bytes, more, more_bytes);
    if (likely(!err))
        publish_when_due(x);
    return err;
}

uint32_t
post_count(const struct actor *x)
{
    return x->published + x->staged_count - x->skip;
}
