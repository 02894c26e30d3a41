/* order: in which order what tasks have printed is shown (--keep-order).
 *
 * The order is that of a walk through the tree of posts: a task, then what it posted,
 * in the order of posting, each with all that came of it, then the next one posted
 * with it. So it is the same for any number of workers, and the output of a list of
 * tasks comes in the list's order.
 *
 * Whoever owns a `struct order` is told of each run that ended, in whatever order
 * they end, and asks after each what can be shown. What is not at its turn waits
 * here: some 100 bytes a task; its output stays where it is.
 *
 * A note may come twice: the worker died after it and before its commit, and the task
 * ran again. The second one takes the place of the first, children included. Children
 * of a run of which no note came (its worker died after it had published a part of
 * its posts) have no place: they come at the end. Private to its process. */
#ifndef PRN_ORDER_H
#define PRN_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order;

/* Posts of one run: `count` tasks with ids first, first + ARENA_SLOTS, ... */
struct order_posts {
    uint64_t first;
    uint64_t count;
};

/* A run of a task, or a part of one, has ended. */
struct order_note {
    uint64_t id, parent;
    bool ended;               /* the task; else it continues, or runs again */
    bool shows;               /* it has printed something, which is at `where` */
    uint64_t where;           /* as the caller likes */
    struct order_posts posts; /* all published posts of this run; count 0: none */
};

/* order_open begins with tasks that are there already, in this order; `roots` is
 * copied. NULL: no memory. */
struct order *order_open(const struct order_posts *roots, size_t n);
void order_close(struct order *o);
/* order_tell notes a run. 0 or -ENOMEM with nothing changed. */
int order_tell(struct order *o, const struct order_note *note);
/* order_next: what is shown next. false: nothing yet. */
bool order_next(struct order *o, uint64_t *where);
/* order_rest: no more notes will come; what is shown next. false: that was all. */
bool order_rest(struct order *o, uint64_t *where);

#endif
