/* exit_status: what the command's exit status says, beside 0: all is well; 1: a task or end_
 * failed, which Lua decides (lua/prunner/job.lua); 128+n: ended by signal n. */
#ifndef PRN_EXIT_STATUS_H
#define PRN_EXIT_STATUS_H

enum {
    EXIT_USAGE = 2,     /* the command line, the script or begin() is wrong; `ctl`: refused */
    EXIT_FATAL = 3,     /* prunner could not go on */
    EXIT_NO_ANSWER = 3, /* `ctl`: the job does not answer */
};

#endif
