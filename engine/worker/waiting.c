#include "worker/waiting.h"

#include <stdlib.h>

#include "base/array.h"

static struct {
    struct fiber **list;
    size_t n, cap;
} waiting;

bool
waiting_add(struct fiber *f)
{
    if (!array_reserve(&waiting.list, &waiting.cap, waiting.n + 1, sizeof(struct fiber *)))
        return false;
    f->index = (uint32_t)waiting.n;
    waiting.list[waiting.n++] = f;
    return true;
}

void
waiting_remove(struct fiber *f)
{
    struct fiber *last = waiting.list[--waiting.n];
    waiting.list[f->index] = last;
    last->index = f->index;
}

uint32_t
waiting_count(void)
{
    return (uint32_t)waiting.n;
}

struct fiber *
waiting_at(uint32_t i)
{
    return waiting.list[i];
}

void
waiting_each(void (*fn)(void *arg, lua_State *L, uint32_t task, const char *what), void *arg)
{
    for (size_t i = 0; i < waiting.n; i++) {
        const struct fiber *f = waiting.list[i];
        fn(arg, f->L, f->tx.task, f->waits_for);
    }
}

void
waiting_close(void)
{
    free(waiting.list);
    waiting.list = NULL;
    waiting.n = waiting.cap = 0;
}
