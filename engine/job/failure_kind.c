#include "job/failure_kind.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

enum { KIND_BYTES = 400 }; /* that are looked at, without those that do not count */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the message begins: behind "job.lua:12: ", if it stands there. */
static size_t
after_place(const char *error, size_t len)
{
    for (size_t i = 1; i + 1 < len; i++) {
        if (error[i] == ':' && error[i + 1] == ' ' && is_digit(error[i - 1]))
            return i + 2;
    }
    return 0;
}

uint64_t
failure_key(uint32_t fn, const char *error, size_t len)
{
    char kind[KIND_BYTES];
    size_t n = 0;
    bool quoted = false;
    const char *end = memchr(error, '\n', len);
    len = end ? (size_t)(end - error) : len;
    size_t place = after_place(error, len);
    for (size_t i = 0; i < len && n < KIND_BYTES; i++) {
        char c = error[i];
        bool number = i >= place && is_digit(c);
        if (c == '"')
            quoted = !quoted;
        else if (quoted || (number && n && kind[n - 1] == '0'))
            continue;
        kind[n++] = number ? '0' : c;
    }
    return hash_more(hash_mix(fn, n), kind, n) | 1;
}
