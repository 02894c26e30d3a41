#include "output/stderr_tail.h"

#include "memory/layout.h"

/* Another one with each task that is claimed, or continues. */
static uint32_t
turn_of(const struct slot *s)
{
    return s->claims + s->resumes;
}

void
stderr_tail_add(struct slot *s, const char *bytes, size_t len)
{
    if (s->stderr_of != turn_of(s))
        s->stderr_len = 0;
    s->stderr_of = turn_of(s);
    for (size_t i = 0; i < len; i++)
        s->stderr_tail[(s->stderr_len + i) % SLOT_STDERR] = bytes[i];
    s->stderr_len += len;
}

size_t
stderr_tail_copy(const struct slot *s, char *text)
{
    uint64_t len = s->stderr_of == turn_of(s) ? s->stderr_len : 0, from = 0;
    if (len > SLOT_STDERR) {
        from = len - SLOT_STDERR;
        /* From the next line's start, if there is one. */
        uint64_t at = from;
        while (at < len && s->stderr_tail[at % SLOT_STDERR] != '\n')
            at++;
        from = at + 1 < len ? at + 1 : from;
    }
    for (uint64_t i = from; i < len; i++)
        text[i - from] = s->stderr_tail[i % SLOT_STDERR];
    return (size_t)(len - from);
}
