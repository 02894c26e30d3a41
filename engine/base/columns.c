#include "base/columns.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"
#include "base/utf8.h"

/* wcwidth() asks the locale, which is the host's business: one of our own around it. */
static int
width_of(uint32_t code)
{
    static locale_t unicode;
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!unicode)
        return -1;
    locale_t before = uselocale(unicode);
    int width = wcwidth((wchar_t)code);
    uselocale(before);
    return width;
}

/* Does the terminal read UTF-8? What the user's environment says of it. */
static bool
terminal_is_utf8(void)
{
    static int known = -1;
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3 && known < 0; i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            known = strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return known > 0;
}

/* The character at s: its bytes, and in *width its columns; -1: none that can be shown. */
static size_t
next(const char *s, int *width)
{
    uint32_t code;
    size_t n = utf8_decode((const unsigned char *)s, strlen(s), &code);
    *width = !n || code < 0x20 || code == 0x7f    ? -1
             : code < 0x7f                        ? 1
             : terminal_is_utf8() && code >= 0xa0 ? width_of(code)
                                                  : -1;
    return n ? n : 1;
}

int
columns_put(struct text *t, const char *s, int columns, int fill)
{
    int used = 0, width;
    while (*s) {
        size_t n = next(s, &width);
        if (used + (width < 0 ? 1 : width) > columns)
            break;
        if (width < 0)
            text_put(t, "?");
        else
            text_bytes(t, s, n);
        used += width < 0 ? 1 : width;
        s += n;
    }
    for (; fill && used < columns; used++)
        text_put(t, " ");
    return used;
}

int
columns_of(const char *s)
{
    struct text none = {0};
    int used = columns_put(&none, s, INT_MAX, 0);
    text_free(&none);
    return used;
}
