/* fixture_cli: a line as people type it, and what the command answers. */
#ifndef FIXTURE_CLI_H
#define FIXTURE_CLI_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"

extern struct cli cli;       /* what the last line asks for */
extern struct config config; /* cli's */
extern char said[65536];     /* what that, or cli_said_by(), wrote to stdout and stderr */

/* cli_words parses "prunner" and the words of `line`, cut at blanks; '' is an empty
 * word. Returns what cli_parse() does. */
int cli_words(const char *line);
/* cli_said_by calls fn() and keeps what it writes. */
void cli_said_by(void (*fn)(void));
/* The line is wrong and the only thing said is `message`. */
void cli_refuses(const char *line, const char *message);
/* The line runs a job, and nothing is said. */
void cli_accepts(const char *line);

#endif
