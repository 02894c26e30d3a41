#define _GNU_SOURCE
#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "names.h"
#include "slot.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t
round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Where each part starts, and how many units the heap has. */
static void
lay_out(struct arena *a)
{
    a->head = (struct arena_head *)a->base;
    a->slots_at = round_up(sizeof(struct arena_head), ARENA_UNIT);
    a->names_at = round_up(a->slots_at + ARENA_SLOTS * sizeof(struct slot), ARENA_UNIT);
    a->table_at = round_up(a->names_at + ARENA_NAMES * sizeof(struct name), ARENA_UNIT);

    size_t left = a->bytes - a->table_at - 2 * ARENA_UNIT;
    a->units = (uint32_t)(left / (ARENA_UNIT + sizeof(uint64_t)));
    a->heap_at = round_up(a->table_at + a->units * sizeof(uint64_t), ARENA_UNIT);
    a->table = (uint64_t *)(a->base + a->table_at);
}

/* Maps `fd` over the largest range up to `bytes` that RLIMIT_AS and the kernel
 * grant; halves until it fits. */
static int
map_largest(struct arena *a, size_t bytes)
{
    for (; bytes >= ARENA_BYTES_MIN; bytes /= 2) {
        if (ftruncate(a->fd, (off_t)bytes))
            continue;
        a->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_NORESERVE, a->fd, 0);
        if (a->base != MAP_FAILED) {
            a->bytes = bytes;
            return 0;
        }
    }
    return -ENOMEM;
}

int
arena_open(struct arena *out, size_t bytes)
{
    struct arena a = {.fd = memfd_create("prunner", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (a.fd < 0)
        return -errno;

    int err = map_largest(&a, bytes ? round_up(bytes, ARENA_UNIT) : ARENA_BYTES_MAX);
    if (err) {
        close(a.fd);
        return err;
    }
    /* Sealed: a shorter file would turn touching it into SIGBUS. */
    (void)fcntl(a.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    lay_out(&a);
    a.head->bytes = a.bytes;
    a.head->version = 1;
    a.head->magic = ARENA_MAGIC;
    *out = a;
    return 0;
}

void
arena_close(struct arena *a)
{
    munmap(a->base, a->bytes);
    close(a->fd);
    memset(a, 0, sizeof *a);
}

int
arena_reserve(struct arena *a, size_t at, size_t bytes)
{
    int r;
    do
        r = fallocate(a->fd, 0, (off_t)at, (off_t)bytes);
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
