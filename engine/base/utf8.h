/* utf8: one character of bytes that may be anything (RFC 3629). */
#ifndef PRN_UTF8_H
#define PRN_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* utf8_decode returns how many of the `left` bytes at s (1 or more) are its first
 * character, and the character in *code; 0: they begin with none. */
static inline size_t
utf8_decode(const unsigned char *s, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0
                             : s[0] < 0xe0   ? 2
                             : s[0] < 0xf0   ? 3
                             : s[0] < 0xf5   ? 4
                                             : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return n;
}

/* utf8_visible returns how many bytes the character at s has; 0: it is none, or one that a
 * terminal would obey instead of showing it. */
static inline size_t
utf8_visible(const unsigned char *s, size_t left)
{
    uint32_t code;
    size_t n = utf8_decode(s, left, &code);
    if (n == 0)
        return 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return 0;
    if (code >= 0x2028 && code <= 0x202e) /* separators, text direction */
        return 0;
    return n;
}

/* utf8_shown returns the same for text in any encoding: bytes that are not UTF-8, and no control
 * characters in another encoding either, count as one character each. Not those from 0x80 to 0xbf:
 * they may be the rest of a character that is not shown. */
static inline size_t
utf8_shown(const unsigned char *s, size_t left)
{
    size_t n = utf8_visible(s, left);
    uint32_t code;
    if (n || utf8_decode(s, left, &code))
        return n;
    return s[0] >= 0xc0;
}

#endif
