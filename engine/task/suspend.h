/* suspend: a task that waits while its worker continues with others.
 *
 * A slot has one transaction, that of the task which runs. A task that waits has none: all that
 * it staged (posts, adds, collected values) is taken back and kept in private memory, and staged
 * again when it continues. What stays in shared memory is its claim (RUN, by this slot), its
 * journal, which is put into its record, and a *word* of the slot that names it:
 *
 *   slot->words --> block: uint64_t[], each 0 or index | generation of a task
 *
 * writer: the owner. Which of them are free it knows by itself; the others' order means nothing.
 *
 *   suspend: (1) the journal's length goes into the record (2) the word (3) journal_on = 0
 *            (4) phase = IDLE
 *   resume:  (1) cur, expect (2) phase = ACTIVE (3) journal_len, journal_on (4) the word = 0
 *
 * Died at any point of either: the slot says that the task runs, or a word names it, or both;
 * recovery looks at the slot first, then at the words (suspend_recover()). With journal_on == 0
 * the record's length counts, and is left as it is.
 *
 * Given back: (1) READY, its run uncounted (2) its hint (3) the word = 0. Died at any point of it:
 * recovery does the same.
 *
 * Only the task that ran is to blame for a death. Those that waited are forgiven the run
 * (task_forgive()). If nothing ran and one waited, it is to blame: an alarm() or a thread of its
 * may have killed the worker in its sleep. suspend_adopt() then makes it the one that runs.
 *
 * docs/internals/waiting.md has the whole story. */
#ifndef PRN_SUSPEND_H
#define PRN_SUSPEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/arena.h"

struct self;
struct task;

/* The private half of a transaction that waits. Its owner's; dies with it. */
struct suspended {
    uint32_t task;   /* slot->cur */
    uint32_t word;   /* which one names it */
    uint64_t expect; /* slot->expect */
    bool journal_on;
    /* As in struct self. */
    bool partial, journal_warned, diverged;
    uint32_t unstaged, published, skip;
    uint32_t hashed; /* how many of the staged posts post_hash goes over */
    uint64_t part_ns, staged_since_ns, post_hash, journal_pos;
    char *staged; /* what was taken back, as items; malloc'ed, NULL: nothing */
    size_t staged_bytes;
};

/* suspend_open: self's slot may have `most` tasks that wait, 1 or more. Between tasks, with none
 * waiting. 0, -ENOSPC, -ENOMEM. */
int suspend_open(struct self *self, uint32_t most);
/* suspend_prepare keeps what the running task has staged: it is about to wait. Not while it holds a
 * lock. 0, or -ENOMEM. suspend_cancel: it does not. */
int suspend_prepare(struct self *self, struct suspended *out);
void suspend_cancel(struct suspended *s);
/* suspend_task lets the running task wait, as it was prepared: the slot runs none. There must be a
 * free word, and room in the ring (queue_reserve()). */
void suspend_task(struct self *self, struct suspended *out);
/* suspend_resume makes it the running task again; the slot runs none. 0; -ENOSPC, -ENOMEM: it
 * runs, but what it had staged is lost: the run must end by an error. */
int suspend_resume(struct self *self, struct suspended *in);

/* suspend_give_back ends the run of a task that waits: READY again, as if the run had not been,
 * with a hint in self's ring. What it had published and its journal count for the next run, as
 * after a death. The slot runs no task. */
void suspend_give_back(struct self *self, struct suspended *s);

/* suspend_words: the words of slot k, *n of them; NULL: it has none. suspend_word_task: the task
 * that one names. suspend_waits: does this one still wait for slot k's process? Else its word is
 * an old one. */
uint64_t *suspend_words(const struct arena *a, uint32_t k, uint32_t *n);
static inline uint32_t
suspend_word_task(uint64_t word)
{
    return (uint32_t)(word >> 32);
}
bool suspend_waits(const struct arena *a, uint32_t k, uint64_t word);
/* suspend_each calls fn with each task that waits for this slot's process, and with its word of
 * the task. For those who look from outside while the slot's process is gone or runs. */
void suspend_each(const struct arena *a, uint32_t k, void (*fn)(void *arg, uint32_t task),
                  void *arg);
/* suspend_count: how many of the words name a task, an upper bound of suspend_each()'s calls. */
uint32_t suspend_count(const struct arena *a, uint32_t k);
/* suspend_only: the task if a single one waits; else 0. */
uint32_t suspend_only(const struct arena *a, uint32_t k);

/* suspend_adopt makes the dead slot's only task that waits its running one. Nothing ran. */
void suspend_adopt(struct self *self, uint32_t task);
/* suspend_recover gives back all tasks that waited for the dead slot's process: READY, with a
 * hint each in `super`'s ring, where there is room. forgive: the run counts, and is forgiven;
 * else it does not count. `keep`: the task that is still RUN in the slot and that the caller
 * ends; 0: none. Idempotent. */
void suspend_recover(struct self *self, struct self *super, bool forgive, uint32_t keep);
/* suspend_settle: is this the slot's block of words? */
bool suspend_settle(const struct self *self, uint32_t unlinked_block);

#endif
