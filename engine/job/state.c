#include "job/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "memory/block.h"
#include "store/dict.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/version.h"
#include "store/names.h"
#include "memory/slab.h"
#include "memory/layout.h"
#include "memory/sums.h"
#include "job/state_check.h"
#include "job/state_map.h"
#include "task/task.h"

enum { LOCK_WAIT_MS = 2000,
       LOCK_TRY_MS = 10 };

/* File systems on which mmap and flock do not mean what they mean on a disk. */
static bool
is_remote(int fd)
{
    static const unsigned long remote[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFE534D42, /* SMB2 */
        0xFF534D42, /* CIFS */
        0x01021997, /* 9P */
        0x65735546, /* FUSE */
        0x5346414F, /* AFS */
        0x73757245, /* Coda */
        0x00C36400, /* Ceph */
    };
    struct statfs fs;
    if (fstatfs(fd, &fs))
        return false;
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
        if ((unsigned long)fs.f_type == remote[i])
            return true;
    }
    return false;
}

/* Changes whenever the file's format does. */
static uint64_t
layout_hash(void)
{
    const uint64_t parts[] = {
        sizeof(struct arena_header),
        sizeof(struct slot),
        sizeof(struct task),
        sizeof(struct name),
        sizeof(struct dict),
        sizeof(struct dict_entry),
        sizeof(struct task_record),
        ARENA_UNIT,
        ARENA_SLOTS,
        ARENA_NAMES,
        SLOT_CLASSES,
        SLAB_BLOCKS,
        TASK_INLINE,
        sizeof(struct block),
        sizeof(struct task_cursor),
        HASH_ROUND,
    };
    /* Dicts are in the file as hash.h hashes: this hash is to change with each way of it. */
    _Static_assert(sizeof parts >= HASH_ROUND, "too short for the way of long ones");
    return hash_more(hash_bytes(PRUNNER_VERSION, sizeof PRUNNER_VERSION), parts, sizeof parts);
}

static void
read_boot_id(char *id, size_t cap)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    memset(id, 0, cap);
    if (f) {
        if (!fgets(id, (int)cap, f))
            id[0] = '\0';
        fclose(f);
    }
    id[strcspn(id, "\n")] = '\0';
}

static bool
is_of_this_boot(const struct arena_header *h)
{
    char boot[sizeof h->boot_id];
    read_boot_id(boot, sizeof boot);
    return memcmp(h->boot_id, boot, sizeof boot) == 0;
}

static int
refuse(int fd, int err, const char *words, const char **problem)
{
    *problem = words;
    if (fd >= 0)
        close(fd);
    return err;
}

/* The system's own word for what errno says. */
static int
refuse_errno(int fd, const char **problem)
{
    static char *words; /* for the caller, until the next one */
    int err = -errno;
    free(words);
    if (asprintf(&words, "cannot be opened: %s", strerror(-err)) < 0)
        words = NULL;
    return refuse(fd, err, words ? words : strerror(-err), problem);
}

uint64_t
state_file_hash(const char *path)
{
    char part[16 << 10];
    uint64_t h = 1;
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        h = hash_more(hash_mix(h, n), part, n);
    fclose(f);
    return h | 1;
}

int
state_create(struct arena *out, const char *path, uint64_t script_hash,
             const char **problem)
{
    int flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == EEXIST)
        return refuse(fd, -EEXIST, "exists already: continue it with --resume, or remove it "
                                   "to start over",
                      problem);
    if (fd < 0)
        return refuse_errno(fd, problem);
    int err = 0;
    if (is_remote(fd))
        err = refuse(-1, -EINVAL, "is on a network file system, which cannot keep a job's "
                                  "state: use a local disk",
                     problem);
    else if (flock(fd, LOCK_EX | LOCK_NB))
        err = refuse_errno(-1, problem);
    else if ((err = arena_open_file(out, fd, 0)))
        (void)refuse(-1, err, "cannot be mapped: is the disk full, or the address space "
                              "limited (ulimit -v)?",
                     problem);
    if (err) {
        (void)path_remove(path, path_id(fd));
        close(fd);
        return err;
    }
    struct arena_header *h = out->header;
    h->layout = layout_hash();
    h->script_hash = script_hash;
    read_boot_id(h->boot_id, sizeof h->boot_id);
    /* release: a file with this word has a whole header. */
    atom_store(&h->magic, ARENA_MAGIC);
    return 0;
}

static const char not_begun[] = "is not the state of a prunner job, or was made by one that did "
                                "not get far: remove it and start over";

/* A task would wait for ever, or not at all. */
static bool
clock_fits(const struct arena_header *h)
{
    if (h->stopped && h->stopped_check != sums_mix(h->stopped_ns, h->stopped_unix_ns))
        return false;
    /* In another boot neither counts: see take_up(). */
    return !is_of_this_boot(h) || h->clock_shift == h->clock_again;
}

/* What the header says, before anything else of the file is believed. */
static const char *
wrong_header(const struct arena_header *h, const struct stat *st, uint64_t script_hash)
{
    if (h->magic != ARENA_MAGIC || h->bytes != (uint64_t)st->st_size)
        return not_begun;
    if (h->layout != layout_hash())
        return "was made by another version of prunner: resume it with that one";
    if (!is_of_this_boot(h) && !h->stopped)
        return "is older than the last reboot, which may have lost part of it: remove it "
               "and start over";
    if (h->script_hash != script_hash)
        return "belongs to another script, or the script has changed since: resume it with "
               "the script as it was, or remove it and start over";
    if (!clock_fits(h))
        return DAMAGED("its clock");
    return NULL;
}

/* The workers of a job that was killed just now are about to die, and hold the file till then. */
static bool
lock_file(int fd)
{
    for (int ms = 0; ms < LOCK_WAIT_MS; ms += LOCK_TRY_MS) {
        if (!flock(fd, LOCK_EX | LOCK_NB))
            return true;
        (void)poll(NULL, 0, LOCK_TRY_MS);
    }
    return false;
}

static const char *
wrong_file(int fd, struct stat *st)
{
    if (fstat(fd, st) || !S_ISREG(st->st_mode))
        return "is not a regular file";
    if (st->st_uid != geteuid())
        return "belongs to another user";
    if (!st->st_size) /* its job was killed before it gave it a size */
        return not_begun;
    if ((size_t)st->st_size < ARENA_BYTES_MIN)
        return "is not the state of a prunner job: it is too short";
    if ((size_t)st->st_size > ARENA_BYTES_MAX)
        return "is not the state of a prunner job: it is too long";
    if (!lock_file(fd))
        return "is in use: the job still runs, or a worker of it does";
    return NULL;
}

/* The job's time passed while the machine was down, as far as its calendar says. Whatever
 * dies here leaves the mark, and it is all done again from the same figures. */
static int
take_up(struct arena *a)
{
    struct arena_header *h = a->header;
    if (!h->stopped)
        return 0;
    if (!is_of_this_boot(h)) {
        uint64_t now = clock_unix_ns(), then = h->stopped_unix_ns;
        uint64_t passed = now > then ? now - then : 0;
        h->clock_shift = h->clock_again = h->stopped_ns + passed - clock_ns();
        /* With the boot's id what was written so far counts. */
        read_boot_id(h->boot_id, sizeof h->boot_id);
    }
    /* release: a header without the mark is of this boot. */
    atom_store(&h->stopped, 0);
    /* On the disk before anything else changes: what follows is written in no order. */
    return msync(a->base, sizeof *h, MS_SYNC) ? -errno : 0;
}

int
state_open(struct arena *out, const char *path, uint64_t script_hash, const char **problem)
{
    struct stat st;
    struct arena_header head;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return refuse(fd, -ELOOP, "is a symbolic link", problem);
    if (fd < 0)
        return refuse_errno(fd, problem);
    const char *wrong = wrong_file(fd, &st);
    if (!wrong && pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
        wrong = "cannot be read";
    if (!wrong)
        wrong = wrong_header(&head, &st, script_hash);
    if (wrong)
        return refuse(fd, -EINVAL, wrong, problem);
    int err = arena_open_file(out, fd, (size_t)st.st_size);
    if (err)
        return refuse(fd, err, "cannot be mapped: is the address space limited "
                               "(ulimit -v)?",
                      problem);
    err = state_check(out, problem);
    if (!err && (err = take_up(out)))
        (void)refuse(-1, err, "cannot be written to", problem);
    if (err)
        arena_close(out); /* and the file */
    return err;
}

int
state_stop(struct arena *a)
{
    struct arena_header *h = a->header;
    if (fsync(a->fd))
        return -errno;
    h->stopped_ns = arena_clock(a, clock_ns());
    h->stopped_unix_ns = clock_unix_ns();
    h->stopped_check = sums_mix(h->stopped_ns, h->stopped_unix_ns);
    /* release: the mark says that all else is on the disk. */
    atom_store(&h->stopped, ARENA_YES);
    return msync(a->base, sizeof *h, MS_SYNC) ? -errno : 0;
}

void
state_finish(struct arena *a)
{
    atom_store(&a->header->finished, ARENA_YES);
}

void
state_abandon(const struct arena *a, const char *path)
{
    if (a->file && !a->header->begun)
        (void)path_remove(path, path_id(a->fd));
}

void
state_give_back(struct arena *a)
{
    if (!a->file || !a->header->finished)
        return;
    (void)fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)a->heap_at,
                    (off_t)(a->bytes - a->heap_at));
    (void)state_stop(a); /* so that it is known after a reboot, too */
}
