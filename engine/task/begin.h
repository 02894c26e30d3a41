/* begin: begin()'s transaction, which belongs to no task. It posts, adds and writes as a task
 * does, in the name of slot 0, before there are workers.
 *
 *   begin_open() --begin() runs--> begin_close(): all of it is true, or nothing was done
 *
 * Died in between: nobody knows of it, and the job has not begun. */
#ifndef PRN_BEGIN_H
#define PRN_BEGIN_H

#include <stdbool.h>
#include <stdint.h>

struct self;

enum { BEGIN_HELD_MAX = 16 }; /* how many locks that begin() forgot to release are named */

/* What begin() left behind. */
struct begin_left {
    uint32_t locks;                  /* that it held still; they were released */
    uint32_t *words[BEGIN_HELD_MAX]; /* the first of them */
    int err;                         /* of section_unlock(), the first: nothing is published */
};

/* begin_open: from here on posts and adds belong to begin(). */
void begin_open(struct self *self);
/* begin_close publishes what begin() did, or drops it. No lock is held from here on: the
 * workers that are forked next could never get it. */
void begin_close(struct self *self, bool keep, struct begin_left *left);

#endif
