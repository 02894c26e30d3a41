#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/locale_point.h"
#include "base/utf8.h"

enum { DIGITS = 20 }; /* of the largest number */

char *
text_room(struct text *t, size_t more)
{
    t->failed = t->failed || !array_reserve(&t->at, &t->cap, t->len + more, 1);
    return t->failed ? NULL : t->at + t->len;
}

void
text_bytes(struct text *t, const char *bytes, size_t n)
{
    char *at = text_room(t, n);
    if (!at)
        return;
    memcpy(at, bytes, n);
    t->len += n;
}

void
text_put(struct text *t, const char *s)
{
    text_bytes(t, s, strlen(s));
}

void
text_print(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *at = n < 0 ? NULL : text_room(t, (size_t)n + 1);
    if (!at)
        return;
    va_start(ap, fmt);
    vsnprintf(at, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void
text_decimal(struct text *t, uint64_t v, int digits)
{
    char number[DIGITS + 2], *end = number + sizeof number, *at = end;
    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
        if (--digits == 0)
            *--at = '.';
    } while (v || digits >= 0);
    text_bytes(t, at, (size_t)(end - at));
}

void
text_integer(struct text *t, uint64_t v)
{
    text_decimal(t, v, -1);
}

void
text_clear(struct text *t)
{
    t->len = 0;
    t->failed = false;
}

void
text_free(struct text *t)
{
    free(t->at);
    *t = (struct text){0};
}

/* ---- JSON ---- */

/* What JSON cannot have as it is, or a terminal would obey: character c; unless `utf8`, byte c. */
static void
put_escape(struct text *t, uint32_t c, bool utf8)
{
    if (!utf8)
        text_print(t, "\\\\x%02x", c);
    else if (c == '"' || c == '\\')
        text_print(t, "\\%c", (int)c);
    else if (c == '\n')
        text_put(t, "\\n");
    else
        text_print(t, "\\u%04x", c);
}

/* How many bytes from here on JSON has as they are. */
static size_t
plain_bytes(const unsigned char *s, size_t len)
{
    size_t i = 0;
    while (i < len && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

void
json_bytes(struct text *t, const char *s, size_t len)
{
    text_put(t, "\"");
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        const unsigned char *at = (const unsigned char *)s + i;
        size_t plain = plain_bytes(at, len - i);
        uint32_t code = *at;
        n = plain ? plain : utf8_decode(at, len - i, &code);
        if (plain || (n > 1 && utf8_visible(at, len - i)))
            text_bytes(t, s + i, n);
        else
            put_escape(t, code, n != 0);
    }
    text_put(t, "\"");
}

void
json_string(struct text *t, const char *s)
{
    json_bytes(t, s, strlen(s));
}

void
json_name(struct text *t, const char *name)
{
    bool first = t->failed || t->len == 0 || t->at[t->len - 1] == '{';
    text_put(t, first ? "" : ",");
    json_string(t, name);
    text_put(t, ":");
}

void
json_field(struct text *t, const char *name, const char *value)
{
    if (!value)
        return;
    json_name(t, name);
    json_string(t, value);
}

void
json_integer(struct text *t, const char *name, uint64_t v)
{
    json_name(t, name);
    text_print(t, "%llu", (unsigned long long)v);
}

void
json_number(struct text *t, const char *name, double v)
{
    json_name(t, name);
    char digits[40];
    snprintf(digits, sizeof digits, "%.9g", v);
    text_put(t, isfinite(v) ? locale_point(digits) : "null");
}

void
json_boolean(struct text *t, const char *name, bool v)
{
    json_name(t, name);
    text_put(t, v ? "true" : "false");
}
