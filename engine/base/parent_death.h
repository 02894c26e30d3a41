/* parent_death: a process that dies with its parent.
 *
 * The kernel forgets the wish when the process changes its user or group, or runs a program
 * with other rights: then, and before a long sleep, it must be said again. Private to the
 * process. */
#ifndef PRN_PARENT_DEATH_H
#define PRN_PARENT_DEATH_H

#include <sys/types.h>

/* parent_death_follow: this process dies (SIGKILL) with `parent`, at once if it is dead. */
void parent_death_follow(pid_t parent);
/* parent_death_renew says so again. */
void parent_death_renew(void);

#endif
