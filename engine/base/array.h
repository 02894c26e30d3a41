/* array: private memory that grows while items are added to it. */
#ifndef PRN_ARRAY_H
#define PRN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* array_reserve makes room for `n` items of `size` bytes each.
 *
 * at     address of the pointer to the items: of any type, malloc'ed or NULL
 * cap    how many items there is room for; it at least doubles
 *
 * false: no memory, and everything is as it was. */
static inline bool
array_reserve(void *at, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 16;
    void *items;
    memcpy(&items, at, sizeof items); /* whatever it points to: no aliasing */
    want = want < n ? n : want;
    items = reallocarray(items, want, size);
    if (!items)
        return false;
    memcpy(at, &items, sizeof items);
    *cap = want;
    return true;
}

/* array_reserve_zeroed does the same, and all new items are 0. */
static inline bool
array_reserve_zeroed(void *at, size_t *cap, size_t n, size_t size)
{
    size_t had = *cap;
    if (!array_reserve(at, cap, n, size))
        return false;
    char *items;
    memcpy(&items, at, sizeof items);
    memset(items + had * size, 0, (*cap - had) * size);
    return true;
}

#endif
