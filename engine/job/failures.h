/* failures: how often the job has met each kind of failure, so that like ones are told a few
 * times only, whichever workers they come from, and counted at the end.
 *
 * A table in memory of its own, shared by all processes of the job:
 *
 *   key 0 --CAS by whoever meets the kind first--> key --> its text, then `len`
 *
 * A kind stays where it is; its counters only grow. They are for people: a worker that dies
 * between failures_note() and the end of its task has counted a run that does not count, and the
 * first of its kind may leave it without a text, and so out of the list. What decides anything
 * is counted in the arena (task/counts.h). */
#ifndef PRN_FAILURES_H
#define PRN_FAILURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FAILURES_KINDS = 64, /* that are told apart */
    FAILURES_TEXT = 168, /* bytes of what the first of a kind said */
    FAILURES_TOLD = 10,  /* of each kind; further ones are counted */
};

/* writer: whoever fails, by CAS, unless it says otherwise. */
struct failures_kind {
    uint64_t key;             /* of failure_key() and `again`; 0: free. */
    uint64_t count;           /* failures of this kind */
    uint32_t fn;              /* writer: whoever took the place */
    uint32_t again;           /* those of tasks that run again; writer: the same */
    uint32_t len;             /* of text, + 1; 0: the rest is not there yet. writer: the same.
                               * guards: fn, again, text */
    char text[FAILURES_TEXT]; /* its first line, no 0 at the end. writer: the same */
};

/* failures_open makes the table, before the fork; 0 or -ENOMEM. Until then every failure is the
 * first of its kind. */
int failures_open(void);
/* failures_note counts a failure of a task of function fn. Returns which one of its kind it
 * is, from 1; 0: there is no room for its kind. Never waits; any number may be inside. */
uint64_t failures_note(uint32_t fn, bool again, const char *error, size_t len);
/* failures_kinds copies all kinds there are to out[FAILURES_KINDS], and in *others how many
 * failures for good found no room. Returns how many kinds. */
uint32_t failures_kinds(struct failures_kind *out, uint64_t *others);

#endif
