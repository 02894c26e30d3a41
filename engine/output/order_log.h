/* orderlog: what tasks have printed, on its way to who shows it in order
 * (--keep-order). A file without a name, shared by all processes of the job: a record
 * for each run that has ended, one after the other.
 *
 * arena head->order_end says where the last whole record ends. writer: who holds
 * head->order_lock; its store is what makes a record exist. Died before it: the next
 * record is written over what is there. One process reads; what it has done with is
 * cut out of the file, so that the disk holds no more than what waits. */
#ifndef PRN_ORDER_LOG_H
#define PRN_ORDER_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "output/order.h"

struct actor;
struct arena;

/* At the start of a record; followed by the bytes of tag, stdout and stderr. */
struct orderlog_record {
    uint64_t id, parent;
    struct order_posts posts;
    uint64_t ended;
    uint64_t bytes[3]; /* of tag, stdout, stderr */
};

/* Bytes that a record takes: from memory, or, if `from` is NULL, from a file. */
struct orderlog_piece {
    const char *from;
    int file;
    off_t at;
    uint64_t len;
};

/* orderlog_open makes the file in `dir`, with nothing in it. Before the fork. 0 or
 * -errno. */
int orderlog_open(struct arena *a, const char *dir);
/* orderlog_add writes a record; its `bytes` are those of the pieces. May wait for
 * others. Wakes the reader. 0, or -errno with nothing written. */
int orderlog_add(struct actor *x, struct orderlog_record *r, const struct orderlog_piece piece[3]);
/* orderlog_wake_fd returns a descriptor to poll: a record was added. */
int orderlog_wake_fd(void);

/* ---- for the reader alone ---- */

/* orderlog_read gives the next record and where it is. false: there is none yet; *err
 * is 0, or -errno. */
bool orderlog_read(struct arena *a, uint64_t *where, struct orderlog_record *r, int *err);
/* orderlog_at gives the record at `where` again. 0 or -errno. */
int orderlog_at(uint64_t where, struct orderlog_record *r);
/* orderlog_fd returns the file; a record's bytes begin at where + sizeof. */
int orderlog_fd(void);
/* orderlog_done: the record at `where` is not needed any more. */
void orderlog_done(uint64_t where, const struct orderlog_record *r);

#endif
