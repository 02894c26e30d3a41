/* poller: until when a task waits, and for what: a moment, descriptors, or somebody who says so.
 *
 *   poller_wait()  -->  epoll, heap of moments  --poller_poll()-->  ready list  --poller_next()-->
 *
 * A wait is over once: by the first of a descriptor that is ready, its moment, and poller_end().
 * Each descriptor may be waited for by two waits, one to read and one to write. It is in the epoll
 * set once, armed for one event (EPOLLONESHOT), under a number that grows with each use: an event
 * that was on its way when the descriptor was closed and its number given to another file is told
 * by its old number. A file that epoll does not know (a file on disk) is ready at once, as for
 * poll(2). epoll(7).
 *
 * A wait whose end calls a function is not a task's: it may begin the next one there.
 *
 * Private to the process. */
#ifndef PRN_POLLER_H
#define PRN_POLLER_H

#include <stdbool.h>
#include <stdint.h>

enum { POLLER_READ = 1,
       POLLER_WRITE = 2 };

/* Why a wait is over. */
enum poller_why {
    POLLER_WAITING = 0, /* it is not */
    POLLER_READY,       /* a descriptor is ready, or has an error or its end to tell */
    POLLER_TIME,        /* its moment has come */
    POLLER_CLOSED,      /* a descriptor was closed */
    POLLER_TOLD,        /* poller_end() */
};

struct poller_fd {
    int fd;
    uint8_t want;  /* POLLER_READ, POLLER_WRITE */
    uint8_t ready; /* which of them are, once the wait is over */
};

struct poller_wait {
    uint64_t due_ns; /* CLOCK_NEVER: no moment. Before the wait: the caller's */
    struct poller_fd *fds;
    uint32_t nfds;
    enum poller_why why;
    void (*over)(struct poller_wait *w); /* called when it is; NULL: it goes to the ready list */
    uint32_t heap_at;                    /* the poller's; 0: not in the heap */
    struct poller_wait *next;
};

/* poller_open, in the process that waits. 0 or -errno. */
int poller_open(void);
void poller_close(void);
/* poller_block: SIGURG must not come between the last look for work and the sleep, which lets it
 * in. */
void poller_block(bool on);
/* poller_wait begins a wait, whose first three fields and `over` are set; the list lives as long as
 * the wait does. 0; -EBUSY: somebody else waits for the descriptor number *at in that direction,
 * -EBADF: it is none; -ENOMEM, -ENOSPC. Then nothing waits. */
int poller_wait(struct poller_wait *w, uint32_t *at);
/* poller_end ends a wait that is not over. poller_drop does so, and nobody is told. */
void poller_end(struct poller_wait *w, enum poller_why why);
void poller_drop(struct poller_wait *w);
/* poller_moments ends the waits for a moment only that has passed, as of sleep(0); it does not look
 * at descriptors. Is any wait over? */
bool poller_moments(void);
/* poller_closes: fd is about to be closed: who waits for it is told. */
void poller_closes(int fd);
/* poller_reads, poller_writes: who waits to read, write; NULL: nobody. */
struct poller_wait *poller_reads(int fd);
struct poller_wait *poller_writes(int fd);
/* poller_poll looks what is over now, and sleeps until something is, or until `until_ns`; 0: does
 * not sleep. While it sleeps SIGURG is not blocked: true: it came. */
bool poller_poll(uint64_t until_ns);
/* poller_look: from here on poller_poll() calls this before it sleeps, with SIGURG blocked, and
 * after: it may end waits. NULL: nothing any more. */
void poller_look(void (*look)(void));
/* poller_next takes the wait that has been over for longest; NULL: none. */
struct poller_wait *poller_next(void);
bool poller_any(void);
/* poller_due: the earliest moment; CLOCK_NEVER: there is none. */
uint64_t poller_due(void);

#endif
