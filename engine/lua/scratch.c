#include "lua/scratch.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/large.h"

struct prn_scratch scratch LARGE_BSS;

static LARGE_BSS struct scratch buffers[SCRATCH_MAX];

struct prn_scratch *
prn_scratch(void)
{
    return &scratch;
}

uint32_t
scratch_enter(void)
{
    uint32_t i = scratch.depth % SCRATCH_MAX;
    scratch.depth = (i + 1) % SCRATCH_MAX;
    buffers[i].a.len = buffers[i].b.len = 0;
    return i;
}

struct scratch *
scratch_of(uint32_t i)
{
    return &buffers[i % SCRATCH_MAX];
}

int
scratch_copy(uint32_t i, const void *bytes, size_t len)
{
    struct codec_buf *a = &scratch_of(i)->a;
    if (!array_reserve(&a->bytes, &a->cap, len + 1, 1))
        return -ENOMEM;
    memcpy(a->bytes, bytes, len);
    a->len = len;
    return 0;
}
