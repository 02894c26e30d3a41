/* error_text: what an error of the shared structures means to a script's author. */
#ifndef PRN_ERROR_TEXT_H
#define PRN_ERROR_TEXT_H

/* error_text returns words for `err`, an -errno as dicts, locks, names and accumulators return
 * it: a part of a sentence, whose subject is what was asked for. Never NULL. */
const char *error_text(int err);

#endif
