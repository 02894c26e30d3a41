#define _GNU_SOURCE
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

char *
text_room(struct text *t, size_t more)
{
    if (t->len + more > t->cap && !t->failed) {
        size_t cap = (t->len + more) * 2;
        char *grown = realloc(t->at, cap);
        t->failed = !grown;
        if (grown) {
            t->at = grown;
            t->cap = cap;
        }
    }
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

/* What JSON cannot have as it is, byte c; `utf8`: it begins a character. */
static void
put_escape(struct text *t, unsigned char c, bool utf8)
{
    if (!utf8)
        text_print(t, "\\\\x%02x", c);
    else if (c == '"' || c == '\\')
        text_print(t, "\\%c", c);
    else if (c == '\n')
        text_put(t, "\\n");
    else
        text_print(t, "\\u%04x", c);
}

void
json_bytes(struct text *t, const char *s, size_t len)
{
    uint32_t code;
    text_put(t, "\"");
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        unsigned char c = (unsigned char)s[i];
        n = utf8_decode((const unsigned char *)s + i, len - i, &code);
        if (n && c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
            text_bytes(t, s + i, n);
        else
            put_escape(t, c, n != 0);
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

/* A host that has set a locale may write decimals with a comma. */
void
json_number(struct text *t, const char *name, double v)
{
    json_name(t, name);
    size_t from = t->len;
    if (!isfinite(v))
        text_put(t, "null");
    else
        text_print(t, "%.9g", v);
    char *comma = t->failed ? NULL : memchr(t->at + from, ',', t->len - from);
    if (comma)
        *comma = '.';
}

void
json_boolean(struct text *t, const char *name, bool v)
{
    json_name(t, name);
    text_put(t, v ? "true" : "false");
}
