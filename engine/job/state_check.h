/* state_check: is what a state file says possible, before anything of it is believed?
 *
 * Bytes of a file are treated like bytes of a network: whatever they are, nothing
 * that resume(), recover() or the job afterwards does with an arena that passed may
 * reach outside of it, loop for ever, or put one piece of memory to two uses. What
 * kill -9 at any instruction leaves behind must pass: each check says in which
 * order the stores are that it relies on. Numbers that only people read are not
 * looked at. Last, if the job keeps sums (sums.h): is it what was written?
 *
 * Takes time and memory in proportion to what the arena holds; no recursion. */
#ifndef PRN_STATE_CHECK_H
#define PRN_STATE_CHECK_H

#include "memory/arena.h"

/* state_check looks at all of an arena that nobody else uses, and changes nothing.
 * 0; -EINVAL, -ENOMEM with *problem in words that follow the file's name. */
int state_check(struct arena *a, const char **problem);

#endif
