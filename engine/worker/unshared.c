#include "worker/unshared.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "job/job.h"
#include "base/large.h"

#define LITTLE_BYTES ((uint64_t)64 << 20) /* of a smaller heap nothing is said */

/* The words of /proc/PID/pagemap, one a page. */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_EXCLUSIVE ((uint64_t)1 << 56) /* no other process has it */

enum { RANGES = 1024, /* further ones are not looked at */
       PAGES_AT_ONCE = 512 };

/* Private memory without a file that could be written, as it was before the fork. */
static struct {
    uint32_t n;
    struct range {
        uint64_t from, to;
    } at[RANGES];
} ranges LARGE_BSS;

void
unshared_open(uint64_t heap_bytes)
{
    char line[256], permissions[5];
    unsigned long from, to, inode;
    job.heap_bytes = heap_bytes;
    ranges.n = 0;
    FILE *file = heap_bytes < LITTLE_BYTES ? NULL : fopen("/proc/self/maps", "re");
    if (!file)
        return;
    while (ranges.n < RANGES && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx %4s %*x %*s %lu", &from, &to, permissions, &inode) == 4 &&
            permissions[1] == 'w' && permissions[3] == 'p' && !inode)
            ranges.at[ranges.n++] = (struct range){from, to};
    }
    fclose(file);
}

/* Of the pages there how many are this process's alone: its supervisor has the others, too. */
static uint64_t
own_pages(int pagemap, uint64_t first, uint64_t end)
{
    uint64_t words[PAGES_AT_ONCE], own = 0;
    while (first < end) {
        size_t n = end - first < PAGES_AT_ONCE ? (size_t)(end - first) : PAGES_AT_ONCE;
        ssize_t got = pread(pagemap, words, n * sizeof *words, (off_t)(first * sizeof *words));
        if (got <= 0)
            break;
        for (size_t i = 0; i < (size_t)got / sizeof *words; i++)
            own += (words[i] & PAGE_PRESENT) && (words[i] & PAGE_EXCLUSIVE);
        first += (size_t)got / sizeof *words;
    }
    return own;
}

void
unshared_note(void)
{
    struct slot *s = job.self.slot;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), own = 0;
    int pagemap = ranges.n ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
    if (pagemap < 0)
        return;
    for (uint32_t i = 0; i < ranges.n; i++)
        own += own_pages(pagemap, ranges.at[i].from / page, ranges.at[i].to / page);
    close(pagemap);
    if (own * page > s->unshared_bytes)
        atom_set(&s->unshared_bytes, own * page); /* relaxed: read when this process is gone */
}
