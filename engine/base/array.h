/* array: private memory that grows while items are added to it. */
#ifndef PRN_ARRAY_H
#define PRN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A pointer to items of any type. */
typedef void *__attribute__((may_alias)) array_items;

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
    array_items *items = at;
    size_t want = *cap ? *cap * 2 : 16;
    want = want < n ? n : want;
    void *grown = reallocarray(*items, want, size);
    if (!grown)
        return false;
    *items = grown;
    *cap = want;
    return true;
}

/* array_reserve_zeroed does the same, and all new items are 0. */
static inline bool
array_reserve_zeroed(void *at, size_t *cap, size_t n, size_t size)
{
    array_items *items = at;
    size_t had = *cap;
    if (!array_reserve(at, cap, n, size))
        return false;
    memset((char *)*items + had * size, 0, (*cap - had) * size);
    return true;
}

#endif
