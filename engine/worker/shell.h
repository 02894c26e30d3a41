/* shell: starts the shell on a command line, in a process that has of this one what a program
 * should have: no signal is blocked, those that we handle have their default action, what we
 * ignore (nohup) stays ignored. It gets SIGTERM when this thread dies.
 *
 * Its memory is not copied (vfork(2)): the size of the Lua state does not count. */
#ifndef PRN_SHELL_H
#define PRN_SHELL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a program has started, and what has lost its parents, is found by a variable in its
 * environment: PRUNNER_PROGRAM=:123.4:, the fourth program of process 123, after what was there
 * before of a job around this one. */
#define SHELL_MARK "PRUNNER_PROGRAM"

/* shell_start: `fds`: its standard input, output and error, each above 2; -1: as ours. `number`
 * is in its mark. The new process's number, or -errno. */
pid_t shell_start(const char *command, const int fds[3], uint32_t number);
/* shell_has_mark: has process `pid` that of a program with this number? */
bool shell_has_mark(pid_t pid, uint32_t number);

#endif
