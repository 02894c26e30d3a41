#include "task/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/self.h"
#include "base/clock.h"
#include "task/commit.h"
#include "task/idle.h"
#include "task/once.h"
#include "task/queue.h"
#include "task/record.h"
#include "task/task.h"

enum {
    PART_POSTS = 1000,
    PART_BYTES = 1 << 17, /* still in the cache when the part is hashed */
    PART_IDLE_POSTS = 64,
    PART_AGE_NS = 20 * 1000 * 1000,
};

/* One post that is staged may be long alone: a run that has published before publishes it at once
 * if its last part is old. One that has not does not: what posts little is all or nothing. */
static bool
is_late(const struct self *self, uint64_t now)
{
    bool before = self->part_ns != PART_NONE && self->part_ns != PART_NONE_HURRIED;
    return before && now - self->part_ns > PART_AGE_NS;
}

static bool
part_is_due(struct self *self)
{
    if (self->staged_count >= PART_POSTS || self->staged_bytes >= PART_BYTES)
        return true;
    if (self->staged_count >= PART_IDLE_POSTS && idle_any(self))
        return true;
    uint64_t now = clock_coarse_ns(); /* good enough to see that 20 ms have passed */
    if (!self->staged_since_ns)
        self->staged_since_ns = now;
    return now - self->staged_since_ns > PART_AGE_NS ||
           (self->staged_count == 1 && is_late(self, now));
}

/* A second run: an earlier one has published this post. */
static int
repeat(struct self *self, uint32_t fn, const void *args, size_t bytes)
{
    self->post_hash = task_hash(self->post_hash, fn, args, bytes, self->post_unordered);
    bool last = --self->skip == 0;
    if (last)
        self->part_ns = clock_coarse_ns();
    return last && self->post_hash != record_current(self)->post_hash ? -EINVAL : 0;
}

static int
repeat_joined(struct self *self, uint32_t fn, const void *args, size_t bytes, const void *more,
              size_t more_bytes)
{
    char *whole = malloc(bytes + more_bytes);
    if (!whole)
        return -ENOMEM;
    memcpy(whole, args, bytes);
    memcpy(whole + bytes, more, more_bytes);
    int err = repeat(self, fn, whole, bytes + more_bytes);
    free(whole);
    return err;
}

/* One more than the posts: a task that fails goes back into the ring. */
ALWAYS_INLINE int
reserve(struct self *self)
{
    return queue_reserve(self, self->staged_count + 2);
}

ALWAYS_INLINE void
publish_if_due(struct self *self)
{
    if (self->partial && self->slot->cur && part_is_due(self)) {
        uint32_t n = self->staged_count;
        if (commit_part(self) == 0) {
            self->part_ns = clock_coarse_ns();
            idle_wake(self, n);
        }
        /* Else there is no memory for the record: the posts wait for the end of the task. */
    }
}

/* A first post is not a reason to look at the clock where that costs more than it is worth. */
ALWAYS_INLINE void
publish_when_due(struct self *self)
{
    if (self->staged_count > 1 || self->part_ns != PART_NONE_HURRIED)
        publish_if_due(self);
}

int
post(struct self *self, uint32_t fn, const void *args, size_t bytes)
{
    if (unlikely(self->skip))
        return repeat(self, fn, args, bytes);
    int err = reserve(self);
    if (likely(!err))
        err = task_stage(self, fn, args, bytes);
    if (likely(!err))
        publish_when_due(self);
    return err;
}

/* Next to post(), not one body for both: that took 23 instructions more of each task. */
int
post_joined(struct self *self, uint32_t fn, const void *args, size_t bytes, const void *more,
            size_t more_bytes)
{
    if (unlikely(self->skip))
        return repeat_joined(self, fn, args, bytes, more, more_bytes);
    int err = reserve(self);
    if (likely(!err))
        err = task_stage_joined(self, fn, args, bytes, more, more_bytes);
    if (likely(!err))
        publish_when_due(self);
    return err;
}

int
post_is_known(struct self *self, uint32_t fn, const void *args, size_t bytes, bool *known)
{
    *known = false;
    /* While an earlier run is repeated nobody looks: its own children have their keys by now. */
    int err = self->skip ? 0 : once_is_known(self, args, bytes, known);
    if (err || !*known)
        return err;
    uint64_t h = self->slot->cur ? task_hash_staged(self) : 0; /* begin() is not repeated */
    self->post_hash = task_hash(h, fn, args, bytes, self->post_unordered);
    self->hashed = self->staged_tail;
    self->unstaged++;
    if (self->staged_count) /* what was posted before may have become old */
        publish_if_due(self);
    return 0;
}
