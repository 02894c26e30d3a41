/* codec_text: encoded values as text for people. Needs no Lua state, so that
 * the supervisor can report what a dead worker was doing. */
#include "codec/codec_priv.h"
#include "base/locale_point.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRING_SHOWN = 40 };

/* --- Text of limited length. */

void
codec_text_open(struct codec_text *t, char *text, size_t cap)
{
    *t = (struct codec_text){.text = text, .cap = cap};
    t->full = cap == 0;
    if (cap > 0)
        text[0] = '\0';
}

/* All of the piece or, from here on, nothing but "...". */
void
codec_text_put(struct codec_text *t, const char *piece, size_t len)
{
    if (t->full)
        return;
    size_t most = t->cap - 1;
    if (len > most - t->len) {
        t->full = true;
        t->len = t->safe;
        piece = "...";
        len = most - t->len < 3 ? most - t->len : 3;
    }
    memcpy(t->text + t->len, piece, len);
    t->len += len;
    t->text[t->len] = '\0';
    if (!t->full && most - t->len >= 3)
        t->safe = t->len;
}

static void
put(struct codec_text *t, const char *piece)
{
    codec_text_put(t, piece, strlen(piece));
}

/* As "%.14g" has it. By hand: to print one with stdio a process touches eight pages for the first
 * time, and each worker describes its first tasks. */
static void
put_whole(struct codec_text *t, int64_t v)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (v < 0)
        *--at = '-';
    codec_text_put(t, at, (size_t)(digits + sizeof digits - at));
}

void
codec_text_number(struct codec_text *t, double v)
{
    char digits[40];

    if (v > -1e14 && v < 1e14 && v == (double)(int64_t)v && (v != 0 || !signbit(v))) {
        put_whole(t, (int64_t)v);
        return;
    }

    if (v != v) {
        put(t, "nan");
        return;
    }
    snprintf(digits, sizeof digits, "%.14g", v);
    if (strtod(digits, NULL) != v)
        snprintf(digits, sizeof digits, "%.17g", v);
    locale_point(digits);
    put(t, digits);
}

void
codec_text_string(struct codec_text *t, const char *s, size_t len, size_t most)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t i = 0, n;
    char escape[8];

    put(t, "\"");
    while (i < len && i < most) {
        n = utf8_visible(u + i, len - i);
        if (n > 0 && u[i] != '"' && u[i] != '\\') {
            codec_text_put(t, s + i, n);
            i += n;
            continue;
        }
        if (u[i] == '\n')
            put(t, "\\n");
        else if (u[i] == '\t')
            put(t, "\\t");
        else {
            snprintf(escape, sizeof escape, n ? "\\%c" : "\\x%02x", u[i]);
            put(t, escape);
        }
        i++;
    }
    put(t, i < len ? "...\"" : "\"");
}

/* --- Values. */

struct cursor {
    const unsigned char *p, *end;
};

static size_t
left(const struct cursor *at)
{
    return (size_t)(at->end - at->p);
}

/* The bytes of the scalar that starts here; 0: damaged, or no scalar. */
static size_t
scalar_length(const struct cursor *at)
{
    size_t len, head = codec_get_string_head(at->p, left(at), &len);
    uint32_t number;

    if (head)
        return head + len;
    if (left(at) == 0)
        return 0;
    unsigned tag = *at->p;
    if (tag <= CODEC_INT_LAST || tag >= CODEC_NEG_FIRST)
        return 1;
    switch (tag) {
    case CODEC_NIL:
    case CODEC_FALSE:
    case CODEC_TRUE:
    case CODEC_NULL:
        return 1;
    case CODEC_U8:
        len = 2;
        break;
    case CODEC_I16:
        len = 3;
        break;
    case CODEC_I32:
        len = 5;
        break;
    case CODEC_DOUBLE:
    case CODEC_INT64:
    case CODEC_UINT64:
        len = 9;
        break;
    case CODEC_FUNCTION:
    case CODEC_CLASS:
    case CODEC_REF:
        len = codec_get_varint(at->p + 1, at->end, &number);
        return len ? 1 + len : 0;
    default:
        return 0;
    }
    return len <= left(at) ? len : 0;
}

size_t
codec_scalar_length(const unsigned char *p, const unsigned char *end)
{
    return scalar_length(&(struct cursor){p, end});
}

static bool
skip_number(struct cursor *at, uint32_t *out)
{
    size_t n = codec_get_varint(at->p, at->end, out);

    at->p += n;
    return n > 0;
}

/* Past one value, without recursion beyond CODEC_DEPTH_MAX. A count that lies
 * ends with the bytes, since each value takes at least one. */
static bool
skip_value(struct cursor *at, int depth)
{
    size_t n = scalar_length(at);
    uint32_t listed = 0, paired = 0, class_id;

    at->p += n;
    if (n > 0)
        return true;
    if (left(at) == 0 || *at->p < CODEC_TABLE || *at->p > CODEC_TABLE + 7)
        return false;
    unsigned flags = *at->p++ - CODEC_TABLE;
    if (depth >= CODEC_DEPTH_MAX)
        return false;
    if ((flags & CODEC_HAS_CLASS) && !skip_number(at, &class_id))
        return false;
    if ((flags & CODEC_HAS_LIST) && !skip_number(at, &listed))
        return false;
    if ((flags & CODEC_HAS_PAIRS) && !skip_number(at, &paired))
        return false;
    for (uint64_t i = listed + 2 * (uint64_t)paired; i > 0; i--) {
        if (!skip_value(at, depth + 1))
            return false;
    }
    return true;
}

/* A scalar of known length, not a string. */
static void
put_scalar(struct codec_text *t, const unsigned char *p, size_t len)
{
    char text[40] = "";
    uint64_t bits = 0;
    uint32_t number = 0;
    double v;

    if (codec_get_number(p, len, &v)) {
        codec_text_number(t, v);
        return;
    }
    if (len == 9)
        memcpy(&bits, p + 1, 8);
    if (len > 1)
        codec_get_varint(p + 1, p + len, &number);
    switch (*p) {
    case CODEC_NIL:
        put(t, "nil");
        break;
    case CODEC_FALSE:
        put(t, "false");
        break;
    case CODEC_TRUE:
        put(t, "true");
        break;
    case CODEC_NULL:
        put(t, "NULL");
        break;
    case CODEC_INT64:
        snprintf(text, sizeof text, "%" PRId64 "LL", (int64_t)bits);
        break;
    case CODEC_UINT64:
        snprintf(text, sizeof text, "%" PRIu64 "ULL", bits);
        break;
    case CODEC_FUNCTION:
        snprintf(text, sizeof text, "function %lu", (unsigned long)number);
        break;
    case CODEC_CLASS:
        snprintf(text, sizeof text, "class %lu", (unsigned long)number);
        break;
    case CODEC_REF:
        put(t, "{…}");
        break;
    }
    put(t, text);
}

/* One value; false: damaged, and what came before stays. */
static bool
put_value(struct codec_text *t, struct cursor *at)
{
    const unsigned char *p = at->p;
    size_t len, head = codec_get_string_head(p, left(at), &len);

    if (!skip_value(at, 0))
        return false;
    if (head)
        codec_text_string(t, (const char *)p + head, len, STRING_SHOWN);
    else if (*p == CODEC_TABLE)
        put(t, "{}");
    else if (*p > CODEC_TABLE && *p <= CODEC_TABLE + 7)
        put(t, "{…}");
    else
        put_scalar(t, p, (size_t)(at->p - p));
    return true;
}

void
codec_describe(const unsigned char *bytes, size_t len, char *text, size_t cap)
{
    struct cursor at = {bytes, len ? bytes + len : bytes};
    struct codec_text t;
    size_t key_len;
    bool first = true;

    codec_text_open(&t, text, cap);
    at.p += codec_get_key(bytes, len, &key_len); /* no argument */
    while (at.p < at.end && !t.full) {
        if (*at.p == CODEC_MARK) {
            at.p++;
            continue;
        }
        if (!first)
            put(&t, ", ");
        first = false;
        if (!put_value(&t, &at)) {
            put(&t, "?");
            return;
        }
    }
}
