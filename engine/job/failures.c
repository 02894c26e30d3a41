#include "job/failures.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/atomics.h"
#include "job/failure_kind.h"

#define AGAIN ((uint64_t)1 << 63)

/* All 0 at the start. */
struct table {
    uint64_t others; /* failures for good that found no room. writer: whoever fails, by CAS */
    struct failures_kind kinds[FAILURES_KINDS];
};

static struct table *table;

int
failures_open(void)
{
    void *at = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -ENOMEM;
    table = at;
    return 0;
}

/* Returns what it is now. */
static uint64_t
count_one(uint64_t *counter)
{
    uint64_t n = atom_peek(counter); /* the CAS says whether it is still that */
    while (!atom_cas(counter, &n, n + 1))
        ;
    return n + 1;
}

/* In a place that is ours. */
static void
describe(struct failures_kind *k, uint32_t fn, bool again, const char *error, size_t len)
{
    const char *end = memchr(error, '\n', len);
    len = end ? (size_t)(end - error) : len;
    len = len < FAILURES_TEXT ? len : FAILURES_TEXT;
    k->fn = fn;
    k->again = again;
    memcpy(k->text, error, len);
    /* release: all but the count; pairs with failures_kinds() */
    atom_store(&k->len, (uint32_t)len + 1);
}

/* NULL: there is no room. */
static struct failures_kind *
find_or_take(uint64_t key, bool *taken)
{
    for (uint32_t i = 0; i < FAILURES_KINDS; i++) {
        struct failures_kind *k = &table->kinds[i];
        uint64_t is = atom_peek(&k->key); /* a number that is compared, no more */
        *taken = !is && atom_cas(&k->key, &is, key);
        if (*taken || is == key)
            return k;
    }
    return NULL;
}

uint64_t
failures_note(uint32_t fn, bool again, const char *error, size_t len)
{
    bool taken;
    if (!table)
        return 1;
    uint64_t key = (failure_key(fn, error, len) & ~AGAIN) | (again ? AGAIN : 0);
    struct failures_kind *k = find_or_take(key, &taken);
    if (!k) {
        if (!again)
            (void)count_one(&table->others);
        return 0;
    }
    if (taken)
        describe(k, fn, again, error, len);
    return count_one(&k->count);
}

uint32_t
failures_kinds(struct failures_kind *out, uint64_t *others)
{
    uint32_t n = 0;
    *others = table ? atom_peek(&table->others) : 0; /* a count, no more */
    for (uint32_t i = 0; table && i < FAILURES_KINDS; i++) {
        const struct failures_kind *k = &table->kinds[i];
        if (!atom_peek(&k->key)) /* they are taken in order; behind it are untouched pages */
            break;
        uint32_t len = atom_load(&k->len); /* acquire: all but the count; pairs with describe() */
        if (!len)
            continue;
        out[n] = *k;
        out[n].len = len - 1;
        out[n++].count = atom_peek(&k->count); /* a count, no more */
    }
    return n;
}
