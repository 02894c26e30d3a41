/* exit_status: what the command ends with, but for 128 + the signal that interrupted it.
 * Lua decides between them for a job (lua/prunner/job.lua). */
#ifndef PRN_EXIT_STATUS_H
#define PRN_EXIT_STATUS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,    /* some task failed, or end_() did, or --deadline left some */
    EXIT_USAGE = 2,     /* the command line, the script or begin() is wrong; `ctl`: refused */
    EXIT_FATAL = 3,     /* prunner could not continue */
    EXIT_NO_ANSWER = 3, /* `ctl`: the job does not answer */
    /* None yet. --help of a script that declares no options: the caller prints prunner's. */
    EXIT_NO_OPTIONS = -1,
};

#endif
