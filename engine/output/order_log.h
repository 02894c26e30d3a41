/* order_log: what tasks have printed, on its way to the process that shows it in order
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

struct self;
struct arena;

/* At the start of a record; followed by the bytes of tag, stdout and stderr. */
struct order_log_entry {
    uint64_t id, parent;
    struct order_posts posts;
    uint64_t ended;
    uint64_t bytes[3]; /* of tag, stdout, stderr */
};

/* Bytes that a record takes: from memory, or, if `from` is NULL, from a file. */
struct order_log_piece {
    const char *from;
    int file;
    off_t at;
    uint64_t len;
};

/* order_log_open makes the file in `dir`, with nothing in it. Before the fork. 0 or
 * -errno. */
int order_log_open(struct arena *a, const char *dir);
/* order_log_add writes a record; its `bytes` are those of the pieces. May wait for
 * others. Wakes the reader. 0, or -errno with nothing written. */
int order_log_add(struct self *self, struct order_log_entry *r,
                  const struct order_log_piece piece[3]);
/* order_log_wake_fd returns a descriptor to poll: a record was added. */
int order_log_wake_fd(void);

/* ---- for the reader alone ---- */

/* order_log_read gives the next record and where it is. false: there is none yet; *err
 * is 0, or -errno. */
bool order_log_read(struct arena *a, uint64_t *where, struct order_log_entry *r, int *err);
/* order_log_at gives the record at `where` again. 0 or -errno. */
int order_log_at(uint64_t where, struct order_log_entry *r);
/* order_log_fd returns the file; a record's bytes begin at where + sizeof. */
int order_log_fd(void);
/* order_log_done: the record at `where` is not needed any more. */
void order_log_done(uint64_t where, const struct order_log_entry *r);

#endif
