/* base64: bytes as characters that every file and terminal takes (RFC 4648), and back. */
#ifndef PRN_BASE64_H
#define PRN_BASE64_H

#include <stddef.h>

struct text;

/* base64_put appends `n` bytes to the text, with padding. */
void base64_put(struct text *t, const unsigned char *bytes, size_t n);
/* base64_decode decodes `len` characters into `out`, which has room for 3 bytes for each 4.
 * Returns how many bytes; -1: it is not base64. */
long base64_decode(const char *text, size_t len, unsigned char *out);

#endif
