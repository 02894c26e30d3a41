/* values: the value of an option, as typed, into the field that its row names: one parser for each
 * kind of row. Prints nothing: what is wrong goes to the caller as text. */
#ifndef PRN_VALUES_H
#define PRN_VALUES_H

#include "job/options.h"

enum {
    VALUES_MESSAGE = 1024,
    VALUES_NAME = 32,
};

/* values_set parses `value` (NULL: none was given) for a row of one of OPTION_SETTERS kinds and
 * stores it in *to, a struct config or whatever else the row's offset belongs to. Returns 0, or
 * -EINVAL with a message in `why` and *to untouched. */
int values_set(const struct option_row *row, void *to, const char *value,
               char why[VALUES_MESSAGE]);

/* values_choice returns which word of row->offer `value` is, or -EINVAL with a message in `why`. */
int values_choice(const struct option_row *row, const char *value, char why[VALUES_MESSAGE]);

/* values_name writes how the user knows the option: "-n", "--order". Returns `name`. */
const char *values_name(const struct option_row *row, char name[VALUES_NAME]);

#endif
