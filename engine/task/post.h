/* post: adding a task to the transaction at hand, and when to publish a part of
 * a long one (docs/internals/task.md, "Long producers"). */
#ifndef PRN_POST_H
#define PRN_POST_H

#include "memory/arena.h"

struct self;

/* post adds a task: function number, encoded arguments. Publishes what is staged
 * after 1,000 posts or 128 KiB, when the oldest post is 20 ms old, or after 64
 * posts if a worker is idle (never in begin(), nor with self->partial off).
 * 0; -ENOSPC, -ENOMEM: not posted; -EINVAL: an earlier run of this task, whose
 * posts are public, posted something else. */
int post(struct self *self, uint32_t fn, const void *args, size_t bytes);
/* post_joined: the same, of arguments in two places: see task_stage_joined(). */
int post_joined(struct self *self, uint32_t fn, const void *args, size_t bytes, const void *more,
                size_t more_bytes);
/* post_is_known comes before post() if the arguments have a key in front (once.h): was a task
 * with this key claimed already? Then there is nothing to post. In the sequence of the run's posts
 * it counts as one all the same: when the run is repeated the key may be known or not, and the
 * posts must be those of before. 0; -ENOSPC, -ENOMEM. */
int post_is_known(struct self *self, uint32_t fn, const void *args, size_t bytes, bool *known);

#endif
