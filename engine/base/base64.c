#include "base/base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_put(struct text *t, const unsigned char *bytes, size_t n)
{
    char *at = text_room(t, (n + 2) / 3 * 4);
    if (!at)
        return;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        v |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        v |= i + 2 < n ? bytes[i + 2] : 0;
        *at++ = digits[v >> 18];
        *at++ = digits[v >> 12 & 63];
        *at++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *at++ = i + 2 < n ? digits[v & 63] : '=';
    }
    t->len = (size_t)(at - t->at);
}

long
base64_decode(const char *text, size_t len, unsigned char *out)
{
    unsigned char *at = out;
    uint32_t v = 0;
    if (len % 4)
        return -1;
    size_t pad = len && text[len - 1] == '=' ? 1 + (text[len - 2] == '=') : 0;
    for (size_t i = 0; i < len; i++) {
        bool padding = i >= len - pad;
        const char *digit = text[i] && !padding ? strchr(digits, text[i]) : NULL;
        if (!digit && !padding)
            return -1;
        v = v << 6 | (digit ? (uint32_t)(digit - digits) : 0);
        if (i % 4 < 3)
            continue;
        *at++ = (unsigned char)(v >> 16);
        *at++ = (unsigned char)(v >> 8);
        *at++ = (unsigned char)v;
    }
    return at - out - (long)pad;
}
