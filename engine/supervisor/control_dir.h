/* control_dir: where the sockets of running jobs are: one a job, called by the process's
 * number, in a directory that only its user can reach. The supervisor and the
 * command `prunner ctl` look at the same places:
 *
 *   $PRUNNER_RUNTIME_DIR         if it is set: there and nowhere else
 *   $XDG_RUNTIME_DIR/prunner     if there is one
 *   /tmp/prunner-UID             else
 *
 * A directory is used only if it is ours, a real directory, closed to everybody else,
 * and stands in a directory where nobody else can move it away. So a name that somebody
 * has taken before us is never trusted. */
#ifndef PRN_CONTROL_DIR_H
#define PRN_CONTROL_DIR_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

enum { CONTROL_DIRS = 2 };

/* control_dir_path writes the path of place 0 .. CONTROL_DIRS - 1. false: there is none. */
bool control_dir_path(int place, char *path, size_t cap);
/* control_dir_trusted: may it be used? */
bool control_dir_trusted(const char *path);
/* control_dir_open writes the path of the first place that can be used, and makes it.
 * false: there is none. */
bool control_dir_open(char *path, size_t cap);
/* control_dir_address writes the address of process pid's socket in the directory. false:
 * the path is too long for one. */
bool control_dir_address(struct sockaddr_un *out, const char *dir, pid_t pid);
/* control_dir_connect returns a socket that speaks to that process, which is alive, or
 * -errno. A socket that a dead job has left is removed: -ECONNREFUSED. */
int control_dir_connect(const char *dir, pid_t pid);
/* control_dir_each calls fn(arg, pid) for each socket in the directory. */
void control_dir_each(const char *dir, void (*fn)(void *arg, pid_t pid), void *arg);

#endif
