/* locale_point: numbers that printf() has written, whatever locale the script has set. */
#ifndef PRN_LOCALE_POINT_H
#define PRN_LOCALE_POINT_H

#include <locale.h>
#include <string.h>

/* locale_point puts a point where the locale has something else before the decimals, all over
 * the text: numbers written with its other words are changed as well. Returns the text. */
static inline char *
locale_point(char *text)
{
    const char *point = localeconv()->decimal_point;
    size_t len = strlen(point);
    if (len == 0 || strcmp(point, ".") == 0)
        return text;
    for (char *at = text; (at = strstr(at, point)); at++) {
        *at = '.';
        memmove(at + 1, at + len, strlen(at + len) + 1);
    }
    return text;
}

#endif
