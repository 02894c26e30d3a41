#include "output/order_log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/array.h"
#include "memory/self.h"
#include "store/lock.h"
#include "base/tmpfile.h"
#include "base/write_all.h"

#define CUT ((uint64_t)1 << 20) /* the file is cut in pieces of this size */

static int file = -1; /* fixed before the fork */
static int wake = -1; /* fixed before the fork */

/* The reader's. */
static struct {
    uint64_t at;      /* where the next record begins */
    uint32_t *needed; /* by piece of CUT bytes: records in it that are not done */
    size_t npieces;
} reader;

int
order_log_open(struct arena *a, const char *dir)
{
    a->header->order_end = 0; /* of an earlier life */
    free(reader.needed);
    memset(&reader, 0, sizeof reader);
    file = tmpfile_open(dir);
    if (file < 0)
        return file;
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake < 0 ? -errno : 0;
}

int
order_log_wake_fd(void)
{
    return wake;
}

int
order_log_fd(void)
{
    return file;
}

static int
write_at(uint64_t *at, const char *bytes, uint64_t len)
{
    int err = write_all_at(file, bytes, len, (off_t)*at, SIGXFSZ);
    *at += len;
    return err;
}

static int
write_piece(uint64_t *at, const struct order_log_piece *p)
{
    char part[16 << 10];
    if (p->from)
        return write_at(at, p->from, p->len);
    for (uint64_t done = 0; done < p->len;) {
        uint64_t want = p->len - done < sizeof part ? p->len - done : sizeof part;
        ssize_t n = pread(p->file, part, want, p->at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        int err = write_at(at, part, (uint64_t)n);
        if (err)
            return err;
        done += (uint64_t)n;
    }
    return 0;
}

int
order_log_add(struct self *self, struct order_log_entry *r, const struct order_log_piece piece[3])
{
    struct arena_header *head = self->arena->header;
    uint64_t one = 1;
    for (int i = 0; i < 3; i++)
        r->bytes[i] = piece[i].len;
    (void)lock_take(self, &head->order_lock, -1);
    uint64_t at = head->order_end;
    int err = write_at(&at, (const char *)r, sizeof *r);
    for (int i = 0; i < 3 && !err; i++)
        err = write_piece(&at, &piece[i]);
    /* release: who sees the new end finds the record in the file. */
    if (!err)
        atom_store(&head->order_end, at);
    lock_release(self, &head->order_lock);
    ssize_t n = write(wake, &one, sizeof one);
    (void)n; /* full: the reader was woken often enough */
    return err;
}

/* ---- the reader ---- */

static uint64_t
bytes_of(const struct order_log_entry *r)
{
    return sizeof *r + r->bytes[0] + r->bytes[1] + r->bytes[2];
}

int
order_log_at(uint64_t where, struct order_log_entry *r)
{
    ssize_t n = pread(file, r, sizeof *r, (off_t)where);
    return n == (ssize_t)sizeof *r ? 0 : n < 0 ? -errno
                                               : -EIO;
}

/* Cuts a piece out that nobody needs, if it has been read to its end. */
static void
cut(uint64_t piece)
{
    if (!reader.needed[piece] && reader.at >= (piece + 1) * CUT)
        (void)fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(piece * CUT),
                        (off_t)CUT);
}

static bool
room_for_piece(uint64_t piece)
{
    return array_reserve_zeroed(&reader.needed, &reader.npieces, piece + 1,
                                sizeof *reader.needed);
}

bool
order_log_read(struct arena *a, uint64_t *where, struct order_log_entry *r, int *err)
{
    /* acquire: pairs with the release in order_log_add(). */
    uint64_t end = atom_load(&a->header->order_end), from = reader.at;
    *err = 0;
    if (from == end)
        return false;
    *err = order_log_at(from, r);
    uint64_t after = from + bytes_of(r);
    if (!*err && !room_for_piece(after / CUT))
        *err = -ENOMEM;
    if (*err)
        return false;
    for (uint64_t p = from / CUT; p <= (after - 1) / CUT; p++)
        reader.needed[p]++;
    reader.at = after;
    *where = from;
    for (uint64_t p = from / CUT; p < after / CUT; p++)
        cut(p);
    return true;
}

void
order_log_done(uint64_t where, const struct order_log_entry *r)
{
    for (uint64_t p = where / CUT; p <= (where + bytes_of(r) - 1) / CUT; p++) {
        reader.needed[p]--;
        cut(p);
    }
}
