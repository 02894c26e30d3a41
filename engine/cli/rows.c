#include "cli/rows.h"

#include <stddef.h>
#include <string.h>

void
rows_prepare(struct rows_getopt *out, const struct option_row *rows, const char *mode)
{
    size_t n = 0, len = strlen(mode);
    memset(out, 0, sizeof *out);
    memcpy(out->letters, mode, len);
    for (const struct option_row *row = rows; row->name; row++, n++) {
        out->names[n] = (struct option){
            row->name,
            row->value     ? required_argument
            : row->example ? optional_argument
                           : no_argument,
            NULL, ROWS_LONG + (int)n};
        if (row->letter)
            out->letters[len++] = row->letter;
        if (row->letter && row->value)
            out->letters[len++] = ':';
    }
}

const struct option_row *
rows_answer(const struct option_row *rows, int answer)
{
    for (const struct option_row *row = rows; row->name; row++) {
        if (answer == ROWS_LONG + (int)(row - rows) || (row->letter && answer == row->letter))
            return row;
    }
    return NULL;
}
