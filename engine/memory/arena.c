#include "memory/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory/layout.h"
#include "base/tmpfile.h"
#include "memory/layout.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SPILL_MIN ((size_t)1 << 20) /* a smaller file is not worth its trouble */

static size_t
round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Where each part starts, and how many units the heap has. */
static void
lay_out(struct arena *a)
{
    a->header = (struct arena_header *)a->base;
    a->slots_at = round_up(sizeof(struct arena_header), ARENA_UNIT);
    a->names_at = round_up(a->slots_at + ARENA_SLOTS * sizeof(struct slot), ARENA_UNIT);
    a->table_at = round_up(a->names_at + ARENA_NAMES * sizeof(struct name), ARENA_UNIT);

    size_t left = a->bytes - a->table_at - 2 * ARENA_UNIT;
    a->units = (uint32_t)(left / (ARENA_UNIT + sizeof(uint64_t)));
    a->spill_unit = a->units;
    a->heap_at = round_up(a->table_at + a->units * sizeof(uint64_t), ARENA_UNIT);
    a->table = (uint64_t *)(a->base + a->table_at);
}

/* Sizes beyond RLIMIT_FSIZE are a signal (SIGXFSZ), not only an error: asked before. */
static size_t
largest_file(size_t bytes)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < bytes)
        return limit.rlim_cur / ARENA_UNIT * ARENA_UNIT;
    return bytes;
}

/* A worker's core would have each hole of the range as zeros, that is hundreds of
 * gigabytes, and memory would be taken for them while it is written. */
static void
leave_out_of_cores(void *at, size_t bytes)
{
    (void)madvise(at, bytes, MADV_DONTDUMP);
}

/* Maps the largest range up to `bytes` that RLIMIT_AS and the kernel grant; halves
 * until it fits. */
static int
map_largest(struct arena *a, size_t bytes)
{
    int flags = MAP_SHARED | MAP_NORESERVE | (a->anonymous ? MAP_ANONYMOUS : 0);
    for (; bytes >= ARENA_BYTES_MIN; bytes /= 2) {
        if (!a->anonymous && ftruncate(a->fd, (off_t)bytes))
            continue;
        a->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, a->fd, 0);
        if (a->base != MAP_FAILED) {
            a->bytes = bytes;
            leave_out_of_cores(a->base, bytes);
            return 0;
        }
    }
    return -ENOMEM;
}

/* A memfd; anonymous memory where a limit on file sizes would make it too small. */
static int
open_memory(struct arena *a, size_t bytes)
{
    a->anonymous = largest_file(bytes) < bytes;
    if (a->anonymous)
        return 0;
    a->fd = memfd_create("prunner", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return a->fd < 0 ? -errno : 0;
}

static void
write_head(struct arena *a)
{
    a->header->bytes = a->bytes;
    a->header->version = 1;
    a->header->budget_units = a->units;
    if (!a->file) /* else when all of the head is written: state.c */
        a->header->magic = ARENA_MAGIC;
}

int
arena_open(struct arena *out, size_t bytes)
{
    struct arena a = {.fd = -1, .spill_fd = -1};
    bytes = bytes ? round_up(bytes, ARENA_UNIT) : ARENA_BYTES_MAX;
    int err = open_memory(&a, bytes);
    if (err)
        return err;
    err = map_largest(&a, bytes);
    if (err) {
        if (a.fd >= 0)
            close(a.fd);
        return err;
    }
    /* Sealed: a shorter file would turn touching it into SIGBUS. */
    if (!a.anonymous)
        (void)fcntl(a.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    lay_out(&a);
    write_head(&a);
    *out = a;
    return 0;
}

/* Head, slot 0, names: what is written without asking. */
static int
reserve_fixed(struct arena *a)
{
    int err = arena_reserve_slots(a, 0);
    if (!err)
        err = arena_reserve(a, a->names_at, a->table_at - a->names_at);
    return err;
}

int
arena_open_file(struct arena *out, int fd, size_t bytes)
{
    struct arena a = {.fd = fd, .spill_fd = -1, .file = true, .sums = true};
    int err = 0;
    if (bytes) {
        a.bytes = bytes;
        a.base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        err = a.base == MAP_FAILED ? -errno : 0;
        if (!err)
            leave_out_of_cores(a.base, bytes);
    } else {
        err = map_largest(&a, largest_file(ARENA_BYTES_MAX));
    }
    if (err)
        return err;
    lay_out(&a);
    err = reserve_fixed(&a);
    if (err) {
        munmap(a.base, a.bytes);
        return err;
    }
    if (!bytes)
        write_head(&a);
    *out = a;
    return 0;
}

int
arena_reserve_slots(struct arena *a, uint32_t n)
{
    return a->file ? arena_reserve(a, 0, a->slots_at + (n + 1) * sizeof(struct slot)) : 0;
}

int
arena_reserve_table(struct arena *a, uint32_t unit)
{
    enum { STEP = 64 << 10 };
    size_t need = (unit + 1) * sizeof(uint64_t);
    if (likely(!a->file || need <= a->table_ready))
        return 0;
    size_t upto = round_up(need, STEP), end = a->heap_at - a->table_at;
    upto = upto < end ? upto : end;
    int err = arena_reserve(a, a->table_at + a->table_ready, upto - a->table_ready);
    if (!err)
        a->table_ready = upto;
    return err;
}

/* The largest size up to `bytes` that the file system takes for a sparse file. */
static size_t
stretch(int fd, size_t bytes)
{
    bytes = largest_file(bytes);
    while (bytes >= SPILL_MIN && ftruncate(fd, (off_t)bytes))
        bytes = bytes / 2 / ARENA_UNIT * ARENA_UNIT;
    return bytes >= SPILL_MIN ? bytes : 0;
}

int
arena_spill(struct arena *a, const char *dir, uint64_t budget)
{
    uint32_t first = a->units / 2;
    int fd = tmpfile_open(dir);
    if (fd < 0)
        return fd;
    size_t at = arena_unit_offset(a, first);
    size_t bytes = stretch(fd, (size_t)(a->units - first) * ARENA_UNIT);
    if (!bytes) {
        close(fd);
        return -EFBIG;
    }
    if (mmap(a->base + at, bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) == MAP_FAILED) {
        int err = -errno;
        close(fd);
        return err;
    }
    leave_out_of_cores(a->base + at, bytes);
    a->spill_fd = fd;
    a->spill_unit = first;
    a->units = first + (uint32_t)(bytes / ARENA_UNIT);
    a->header->spill_hint = first;
    arena_budget(a, budget);
    return 0;
}

void
arena_budget(struct arena *a, uint64_t bytes)
{
    uint64_t units = bytes / ARENA_UNIT;
    a->header->budget_units = bytes && units < a->spill_unit ? (uint32_t)units : a->spill_unit;
}

void
arena_close(struct arena *a)
{
    munmap(a->base, a->bytes);
    if (a->fd >= 0)
        close(a->fd);
    if (a->spill_fd >= 0)
        close(a->spill_fd);
    memset(a, 0, sizeof *a);
}

int
arena_reserve(struct arena *a, size_t at, size_t bytes)
{
    size_t spill_at = arena_unit_offset(a, a->spill_unit);
    bool spilled = a->spill_fd >= 0 && at >= spill_at;
    int fd = spilled ? a->spill_fd : a->fd, r;
    if (a->anonymous && !spilled)
        return madvise(a->base + at, bytes, MADV_POPULATE_WRITE) ? -ENOMEM : 0;
    do
        r = fallocate(fd, 0, (off_t)(spilled ? at - spill_at : at), (off_t)bytes);
    while (r && errno == EINTR);
    if (!r)
        return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

void
arena_populate(struct arena *a, size_t at, size_t bytes)
{
    (void)madvise(a->base + at, bytes, MADV_POPULATE_WRITE);
}

void
arena_no_inherit(struct arena *a)
{
    (void)madvise(a->base, a->bytes, MADV_DONTFORK);
}

void
arena_revoke(struct arena *a)
{
    (void)mmap(a->base, a->bytes, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}
