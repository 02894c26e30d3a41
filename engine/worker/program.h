/* program: programs that tasks start through the shell, and do not lose.
 *
 *   program_start --> runs --> over: its status is known, nothing is left of it in the kernel
 *
 * A program belongs to the task that has started it, or to the worker if that was no task. It is
 * told to end (SIGTERM to it and to all that it has started, and a quarter of a second later
 * SIGKILL: as --timeout does) when
 *
 *   its task ends by an error       program_task_ended()
 *   who waits for it gives up       program_kill()
 *   the worker dies                 SIGTERM by the kernel; then supervisor/descendants.h
 *
 * One whose task has ended well, and which is not waited for, continues; it is waited for when
 * tasks of its worker end, so that no zombie stays.
 *
 * Nothing relies on SIGCHLD. Private to the process. */
#ifndef PRN_PROGRAM_H
#define PRN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/process_tree.h"
#include "worker/poller.h"

/* Its standard input, output and error; as bits: 1 << PROGRAM_OUT. */
enum { PROGRAM_IN = 0,
       PROGRAM_OUT = 1,
       PROGRAM_ERR = 2,
       PROGRAM_PIPES = 3 };

/* How long the end of a stubborn one takes. */
#define PROGRAM_END_NS (PROCESS_GRACE_NS + 50 * CLOCK_MILLISECOND)

#define PROGRAM_STATUS_LOST (-1) /* somebody else has waited for it */

struct program {
    pid_t pid;                /* 0: it is over */
    int status;               /* then, as of waitpid(); or PROGRAM_STATUS_LOST */
    int pidfd;                /* can be read when it is over; -1: it is, or the kernel has none */
    int pipe[PROGRAM_PIPES];  /* our ends, which do not block; -1: none */
    uint64_t task;            /* its id; 0: none */
    uint32_t number;          /* of the programs of this process */
    bool held;                /* program_free() was not called yet */
    bool killed;              /* it has got SIGKILL */
    uint64_t kill_ns;         /* when it gets SIGKILL, or, then, is given up; 0: it is not to end */
    struct process_list tree; /* what has got SIGTERM */
    struct program *next, **link;
};

/* program_start runs a command line of the shell; `pipes`: which of the three are pipes to us; the
 * others are those of this process. NULL, *err = -errno: nothing was started. */
struct program *program_start(const char *command, unsigned pipes, uint64_t task, int *err);
/* program_over: is it? Never waits. */
bool program_over(struct program *p);
/* program_read, program_write: as read(2), write(2): -EAGAIN: later; -EPIPE without a signal. */
ssize_t program_read(struct program *p, int pipe, char *bytes, size_t room);
ssize_t program_write(struct program *p, const char *bytes, size_t len);
/* program_close closes our end; a wait for it ends. */
void program_close(struct program *p, int pipe);
/* program_kill tells it, and all that it has started, to end. With --concurrency what does not obey
 * at once gets SIGKILL while the worker continues; else the call waits for that. program_ending: is
 * there such a one of this task? program_finish waits for all of them. */
void program_kill(struct program *p);
bool program_ending(uint64_t task);
void program_finish(void);
/* program_free: nobody asks for it any more. It may still run. */
void program_free(struct program *p);

/* program_busy: is there anything for program_task_ended() to do? */
extern uint32_t program_busy;
/* program_task_ended: `failed`: its programs are ended. */
void program_task_ended(uint64_t task, bool failed);

/* ---- a run that fails because its program did ---- */

/* program_failed: an error with this message is about to be raised in the task, since a program has
 * ended like this. Until the task ends. */
void program_failed(uint64_t task, int status, const char *message);
/* program_failure finds the status of the program that is the reason for `error`. false: none. */
bool program_failure(uint64_t task, const char *error, int *status);

#endif
