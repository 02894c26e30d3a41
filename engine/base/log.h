/* log: messages to standard error, the same way from the supervisor and from
 * every worker. Allocates nothing, changes no errno, sleeps only while a full
 * non-blocking stderr drains. One message is one write(2), so that messages of
 * several processes do not mix. Two flags, fixed before the fork; a worker whose
 * standard error is kept in a file says where messages go instead. */
#ifndef PRN_LOG_H
#define PRN_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_BYTES_MAX = 4096 }; /* a longer message ends in "..." */

/* quiet: log_error only. debug: log_debug as well, unless quiet. */
void log_init(bool quiet, bool debug);
void log_to(int fd);      /* instead of descriptor 2 */
bool log_debugging(void); /* before work whose only use is a log_debug */

/* Each puts "prunner: " before the message and ends its line. */
__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

/* log_text: a report made elsewhere, of any length, as it is; quiet or not. */
void log_text(const char *text, size_t len);

#endif
