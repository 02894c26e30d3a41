/* scalar: numbers and strings as the codec's bytes (codec.h has the table), without a Lua
 * state. For those who store values and do not know Lua: they compare, add to and append to
 * what tasks have encoded. The same bytes as codec_encode() gives; read like bytes from a
 * network. No shared memory, no state: anybody may call anything here, and nothing waits. */
#ifndef PRN_SCALAR_H
#define PRN_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CODEC_SCALAR_MAX = 9 };              /* bytes of the longest number */
#define CODEC_BYTES_MAX ((size_t)256 << 20) /* of one codec_encode(), and of one string */

enum codec_tag {
    CODEC_INT_LAST = 0x7f,
    CODEC_STR_FIRST = 0x80,
    CODEC_STR_LAST = 0xbf,
    CODEC_NIL = 0xc0,
    CODEC_FALSE,
    CODEC_TRUE,
    CODEC_U8,
    CODEC_I16,
    CODEC_I32,
    CODEC_DOUBLE,
    CODEC_INT64,
    CODEC_UINT64,
    CODEC_STR8,
    CODEC_STR16,
    CODEC_STR32,
    CODEC_FUNCTION,
    CODEC_CLASS,
    CODEC_MARK,
    CODEC_REF,
    CODEC_TABLE = 0xd0,
    CODEC_NULL = 0xd8,
    CODEC_KEY = 0xd9, /* in front of all arguments: a key follows, see codec_get_key() */
    CODEC_NEG_FIRST = 0xe0,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the codec copies little-endian words as they are");

/* ---- writing: dst has room for CODEC_SCALAR_MAX bytes. Returns the bytes written. ---- */

static inline size_t
codec_put_nil(unsigned char *dst)
{
    dst[0] = CODEC_NIL;
    return 1;
}

static inline size_t
codec_put_boolean(unsigned char *dst, bool v)
{
    dst[0] = v ? CODEC_TRUE : CODEC_FALSE;
    return 1;
}

static inline size_t
codec_put_integer(unsigned char *dst, int32_t v)
{
    if (v >= -32 && v <= CODEC_INT_LAST) {
        dst[0] = (unsigned char)v;
        return 1;
    }
    if (v >= 0 && v <= UINT8_MAX) {
        dst[0] = CODEC_U8;
        dst[1] = (unsigned char)v;
        return 2;
    }
    if (v >= INT16_MIN && v <= INT16_MAX) {
        int16_t v16 = (int16_t)v;
        dst[0] = CODEC_I16;
        memcpy(dst + 1, &v16, 2);
        return 3;
    }
    dst[0] = CODEC_I32;
    memcpy(dst + 1, &v, 4);
    return 5;
}

static inline size_t
codec_put_number(unsigned char *dst, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, 8);
    if (v >= INT32_MIN && v <= INT32_MAX) {
        int32_t i = (int32_t)v;
        if ((double)i == v && bits != UINT64_C(1) << 63) /* -0 stays -0 */
            return codec_put_integer(dst, i);
    } else if (v != v) {
        bits = UINT64_C(0x7ff8) << 48;
    }
    dst[0] = CODEC_DOUBLE;
    memcpy(dst + 1, &bits, 8);
    return 9;
}

/* The head of a string of len <= CODEC_BYTES_MAX bytes; the caller copies
 * these behind it. */
static inline size_t
codec_put_string_head(unsigned char *dst, size_t len)
{
    uint16_t len16 = (uint16_t)len;
    uint32_t len32 = (uint32_t)len;

    if (len <= CODEC_STR_LAST - CODEC_STR_FIRST) {
        dst[0] = (unsigned char)(CODEC_STR_FIRST + len);
        return 1;
    }
    if (len <= UINT8_MAX) {
        dst[0] = CODEC_STR8;
        dst[1] = (unsigned char)len;
        return 2;
    }
    if (len <= UINT16_MAX) {
        dst[0] = CODEC_STR16;
        memcpy(dst + 1, &len16, 2);
        return 3;
    }
    dst[0] = CODEC_STR32;
    memcpy(dst + 1, &len32, 4);
    return 5;
}

/* ---- reading ---- */

/* Is it exactly one number? Then *out is that number; else untouched. */
static inline bool
codec_get_number(const unsigned char *bytes, size_t len, double *out)
{
    int16_t v16;
    int32_t v32;
    double v;

    if (len == 0)
        return false;
    if (bytes[0] <= CODEC_INT_LAST || bytes[0] >= CODEC_NEG_FIRST) {
        if (len != 1)
            return false;
        *out = (int8_t)bytes[0];
    } else if (bytes[0] == CODEC_U8 && len == 2) {
        *out = bytes[1];
    } else if (bytes[0] == CODEC_I16 && len == 3) {
        memcpy(&v16, bytes + 1, 2);
        *out = v16;
    } else if (bytes[0] == CODEC_I32 && len == 5) {
        memcpy(&v32, bytes + 1, 4);
        *out = v32;
    } else if (bytes[0] == CODEC_DOUBLE && len == 9) {
        memcpy(&v, bytes + 1, 8);
        *out = v == v ? v : __builtin_nan(""); /* LuaJIT tags values in NaNs */
    } else {
        return false;
    }
    return true;
}

/* The length of the head of the string that bytes[0..len) begin with, and its
 * own length in *out; 0 if there is no string or not all of it. */
static inline size_t
codec_get_string_head(const unsigned char *bytes, size_t len, size_t *out)
{
    uint16_t len16;
    uint32_t len32;
    size_t head, body;

    if (len == 0)
        return 0;
    if (bytes[0] >= CODEC_STR_FIRST && bytes[0] <= CODEC_STR_LAST) {
        head = 1;
        body = bytes[0] - CODEC_STR_FIRST;
    } else if (bytes[0] == CODEC_STR8 && len >= 2) {
        head = 2;
        body = bytes[1];
    } else if (bytes[0] == CODEC_STR16 && len >= 3) {
        head = 3;
        memcpy(&len16, bytes + 1, 2);
        body = len16;
    } else if (bytes[0] == CODEC_STR32 && len >= 5) {
        head = 5;
        memcpy(&len32, bytes + 1, 4);
        body = len32;
    } else {
        return 0;
    }
    if (body > len - head)
        return 0;
    *out = body;
    return head;
}

/* Arguments may have a key in front, a string, a number or a boolean, that is none of them
 * (task/once.h). The length of both, tag and key, and that of the key in *out; 0: there is no
 * key, or not all of it. */
static inline size_t
codec_get_key(const unsigned char *bytes, size_t len, size_t *out)
{
    /* clang-format off */
    static const unsigned char numbers[] = { /* bytes, from CODEC_FALSE on */
        [CODEC_FALSE - CODEC_FALSE] = 1,
        [CODEC_TRUE - CODEC_FALSE] = 1,
        [CODEC_U8 - CODEC_FALSE] = 2,
        [CODEC_I16 - CODEC_FALSE] = 3,
        [CODEC_I32 - CODEC_FALSE] = 5,
        [CODEC_DOUBLE - CODEC_FALSE] = 9,
    };
    /* clang-format on */
    size_t body, n;

    if (len < 2 || bytes[0] != CODEC_KEY)
        return 0;
    unsigned char tag = bytes[1];
    n = codec_get_string_head(bytes + 1, len - 1, &body);
    if (n)
        n += body;
    else if (tag <= CODEC_INT_LAST || tag >= CODEC_NEG_FIRST)
        n = 1;
    else if (tag >= CODEC_FALSE && tag <= CODEC_DOUBLE)
        n = numbers[tag - CODEC_FALSE];
    if (!n || n > len - 1)
        return 0;
    *out = n;
    return 1 + n;
}

/* Is it exactly one string? Then *out points at its bytes within `bytes`. */
static inline bool
codec_get_string(const unsigned char *bytes, size_t len,
                 const unsigned char **out, size_t *out_len)
{
    size_t body, head = codec_get_string_head(bytes, len, &body);

    if (head == 0 || head + body != len)
        return false;
    *out = bytes + head;
    *out_len = body;
    return true;
}

#endif
