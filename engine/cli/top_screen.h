/* topscreen: a job on the screen of a terminal, live, with keys to sort and to leave.
 * The only room that knows ncurses. */
#ifndef PRN_TOP_SCREEN_H
#define PRN_TOP_SCREEN_H

#include "cli/snapshot.h"

enum topscreen_end {
    TOPSCREEN_QUIT = 0, /* the user has seen enough */
    TOPSCREEN_ENDED,    /* the job is over; *g is its last state */
    TOPSCREEN_NONE,     /* this terminal cannot be drawn on */
    TOPSCREEN_BROKEN,   /* the figures cannot be read any more */
};

/* topscreen_run shows the job until it or the user ends; a look every every_ns, or less
 * often if looking takes long. *g was looked at once. The terminal is as before when it
 * returns. */
enum topscreen_end topscreen_run(struct glance *g, uint64_t every_ns);

#endif
