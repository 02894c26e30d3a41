/* top_screen: a job on the screen of a terminal, live, with keys to sort and to leave.
 * The only room that knows ncurses. */
#ifndef PRN_TOP_SCREEN_H
#define PRN_TOP_SCREEN_H

#include "cli/snapshot.h"

enum top_screen_end {
    TOP_SCREEN_QUIT = 0, /* the user has seen enough */
    TOP_SCREEN_ENDED,    /* the job is over; *g is its last state */
    TOP_SCREEN_NONE,     /* this terminal cannot be drawn on */
    TOP_SCREEN_BROKEN,   /* the figures cannot be read any more */
};

/* top_screen_run shows the job until it or the user ends; a look every every_ns, or less
 * often if looking takes long. *g was looked at once. The terminal is as before when it
 * returns. */
enum top_screen_end top_screen_run(struct snapshot *g, uint64_t every_ns);

#endif
