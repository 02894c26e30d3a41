/* signal_state: what whoever started us has done to signals.
 *
 * Blocked signals and ignored ones are inherited, also through exec. Some of that is meant for us
 * (nohup, a shell's background job, an init system that ignores SIGPIPE), and stays. Some of
 * it is left over in a process that forked while it had signals blocked, and breaks what all
 * programs rely on. */
#ifndef PRN_SIGNAL_STATE_H
#define PRN_SIGNAL_STATE_H

/* signal_state_keep_statuses gives SIGCHLD its default action if it is ignored, or told not to
 * leave zombies: the kernel would throw exit statuses away, and waitpid(), system() and
 * pclose() fail. A handler stays (a host under luajit may have set one). */
void signal_state_keep_statuses(void);
/* signal_state_repair does so, and unblocks all signals: nobody could end such a process, and
 * its programs would inherit the block. */
void signal_state_repair(void);

#endif
