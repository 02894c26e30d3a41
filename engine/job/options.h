/* options: the table of prunner's options. All that knows them reads it: cli/ to parse, to help and
 * to complete, prunner.options() to keep a script from taking one of them, docs/options.lua to
 * write the list in docs/prunner.1 and docs/running.md. A new option is a row here and a field in
 * struct config; a new kind of value is a parser in cli/values.c. Fixed data; no row refers to
 * another. */
#ifndef PRN_OPTIONS_H
#define PRN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/export.h"

/* What an option does, and the type of the field that it sets. */
enum option_kind {
    OPTION_FLAG,      /* bool: true */
    OPTION_CONSTANT,  /* an enum: `constant` */
    OPTION_CHOICE,    /* an enum: which word of `offer` was given */
    OPTION_COUNT,     /* int or uint32_t: min..max */
    OPTION_COUNT64,   /* uint64_t: min..max; UINT64_MAX: no limit */
    OPTION_SECONDS,   /* int64_t, in nanoseconds: more than 0 */
    OPTION_BYTES,     /* uint64_t: more than 0 */
    OPTION_STRING,    /* const char *: as written. A file's name is checked when it is opened */
    OPTION_DIRECTORY, /* const char *: it exists, and can be written to */
    OPTION_REPORT,    /* const char *: ends in .html or .json */
    OPTION_HALT,      /* struct halt */
    OPTION_LOAD,      /* struct load */
    OPTION_PROGRESS,  /* enum progress; the value may be left out */
    OPTION_SETTERS,   /* how many there are of those above */

    OPTION_VERSION = OPTION_SETTERS, /* these are done at once, and nothing is run */
    OPTION_COMPLETION,
    OPTION_HELP,
    OPTION_OTHER, /* of a sub-command: it knows what to do */
};

struct option_row {
    const char *group;     /* its heading in --help; rows of one group stand together */
    char letter;           /* 0: it has none */
    const char *name;      /* the long name, without dashes; NULL ends a table */
    enum option_kind kind; /* of which these are for OPTION_SETTERS only: */
    uint16_t offset;       /* the field of struct config */
    int constant;          /* OPTION_CONSTANT */
    uint64_t min, max;     /* OPTION_COUNT, OPTION_COUNT64 */
    bool basic;            /* a newcomer needs it: -h shows it */
    const char *value;     /* what --help calls its value; FILE and DIR are completed; NULL: none */
    const char *offer;     /* values that completions offer, with blanks between; NULL: none */
    const char *what;      /* OPTION_CHOICE and counts: what the value has to be, for messages */
    const char *example;   /* with a value, as a message shows it; NULL: it takes none;
                              without `value`: one may follow behind =, as here */
    const char *help;      /* what --help says, in lines of at most 57 columns; completions
                              say it up to the first : ; or full stop */
};

enum { OPTIONS_MAX = 64 }; /* more than there are */

/* Of `prunner [options] script.lua`; the last row has no name. */
PRN_EXPORT extern const struct option_row
    prn_options[OPTIONS_MAX + 1];

#endif
