/* wait_status: how a process ended, in words. */
#ifndef PRN_WAIT_STATUS_H
#define PRN_WAIT_STATUS_H

/* wait_status_text names what waitpid() said: "SIGKILL", "os.exit(3)". Good until the next
 * call. */
const char *wait_status_text(int status);

#endif
