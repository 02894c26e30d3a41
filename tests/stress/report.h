/* report: the TAP lines of a stress program. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdio.h>

static int tests_run, tests_failed;

static inline void
report(const char *name, bool ok)
{
    tests_run++;
    tests_failed += !ok;
    printf("%s %d - %s\n", ok ? "ok" : "not ok", tests_run, name);
    fflush(stdout);
}

#endif
