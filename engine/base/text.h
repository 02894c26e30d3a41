/* text: bytes that grow while they are put together, and JSON among them. Private to a
 * process. Without memory nothing is added any more, and `failed` says so: one check at
 * the end is enough. */
#ifndef PRN_TEXT_H
#define PRN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All 0: empty. */
struct text {
    char *at; /* malloc'ed; no 0 at the end */
    size_t len, cap;
    bool failed;
};

/* text_room returns where `more` bytes may be written; the caller adds to len. NULL: no
 * memory. */
char *text_room(struct text *t, size_t more);
void text_bytes(struct text *t, const char *bytes, size_t n);
void text_put(struct text *t, const char *s);
__attribute__((format(printf, 2, 3))) void text_print(struct text *t, const char *fmt, ...);
/* text_integer writes v; text_decimal v / 10^digits with that many digits after the point:
 * 1.500. Many in a row: no printf(). */
void text_integer(struct text *t, uint64_t v);
void text_decimal(struct text *t, uint64_t v, int digits);
/* text_clear forgets what was put and keeps the memory; text_free gives it back. */
void text_clear(struct text *t);
void text_free(struct text *t);

/* ---- JSON ---- */

/* json_bytes puts a string of any bytes. What is not UTF-8 becomes the text \xff: JSON has
 * no bytes. */
void json_bytes(struct text *t, const char *s, size_t len);
void json_string(struct text *t, const char *s);
/* json_name puts "name": with a comma before it unless it is the first of its object. */
void json_name(struct text *t, const char *name);
/* Fields of an object. A string that is NULL is left out; a number that is none is null. */
void json_field(struct text *t, const char *name, const char *value);
void json_integer(struct text *t, const char *name, uint64_t v);
void json_number(struct text *t, const char *name, double v);
void json_boolean(struct text *t, const char *name, bool v);

#endif
