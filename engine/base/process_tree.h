/* process_tree: the processes that there are, and which of them descend from whom, as /proc says.
 *
 * A list is a moment's picture. Processes that are chosen (`chosen`) may be signalled later: when
 * each was started says whether its number is still its own. What has lost its parents is found by
 * a variable in its environment. Only what /proc shows is found. */
#ifndef PRN_PROCESS_TREE_H
#define PRN_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"

#define PROCESS_GRACE_NS (250 * CLOCK_MILLISECOND) /* from SIGTERM to SIGKILL */

struct process {
    pid_t pid, parent;
    char state;       /* as in struct procstat */
    bool chosen;      /* the caller's, and process_list_descend()'s */
    uint64_t started; /* in the system's ticks */
};

struct process_list {
    struct process *at; /* free() */
    size_t n, cap;
};

/* process_list_read adds all processes to the list, besides what it has; what cannot be read is not
 * there. */
void process_list_read(struct process_list *l);
/* process_list_descend chooses also the children of those chosen, and theirs; no zombies. */
void process_list_descend(struct process_list *l);
/* process_list_line: this process, its parent, and so on, as far as there is room; returns how
 * many. What loses its parents becomes a child of one of these. */
size_t process_list_line(const struct process_list *l, pid_t *line, size_t room);
/* process_list_signal sends `sig` (0: none) to those chosen that are still there, and says how
 * many that were. */
unsigned process_list_signal(const struct process_list *l, int sig);
/* process_list_prune forgets all but those. */
void process_list_prune(struct process_list *l);
/* process_has_mark: does its environment have the variable `name`, with `mark` in its value? */
bool process_has_mark(pid_t pid, const char *name, const char *mark);

#endif
