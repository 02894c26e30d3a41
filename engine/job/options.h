/* options: the table of prunner's options, which all that knows them reads:
 * cli.c to parse, help.c to print, completion.c for shells, prunner.options()
 * to keep a script from taking one of them. A new option is a row here and a
 * case in one of the functions of cli.c that say what an option sets. Fixed data;
 * no row refers to another. */
#ifndef PRN_OPTIONS_H
#define PRN_OPTIONS_H

/* One value an option: the letter where it has one, so that a letter and its long
 * name are the same case. */
enum {
    OPT_NPROCESS = 'n',
    OPT_DEBUG = 'd',
    OPT_QUIET = 'q',
    OPT_HELP = 'h',
    OPT_SERIAL = 256,
    OPT_ORDER,
    OPT_RETRIES,
    OPT_ATTEMPTS,
    OPT_TIMEOUT,
    OPT_HALT,
    OPT_DEADLINE,
    OPT_LOAD,
    OPT_MEMFREE,
    OPT_DELAY,
    OPT_NICE,
    OPT_MEMORY,
    OPT_TMPDIR,
    OPT_STATE,
    OPT_RESUME,
    OPT_DEAD,
    OPT_RETRY_DEAD,
    OPT_JOBLOG,
    OPT_TRACE,
    OPT_REPORT,
    OPT_RECORD_ALL,
    OPT_PROFILE,
    OPT_PROFILE_STATES,
    OPT_MAX_TASKS,
    OPT_MAX_RSS,
    OPT_LUA_MEMORY,
    OPT_LINE_BUFFER,
    OPT_GROUP,
    OPT_KEEP_ORDER,
    OPT_TAG,
    OPT_OUTPUT_DIR,
    OPT_VERSION,
    OPT_COMPLETION,
    OPT_PROGRESS,
    OPT_NO_PROGRESS,
    OPT_SUMMARY,
};

struct option_row {
    const char *group;   /* its heading in --help; rows of one group stand together */
    int opt;             /* OPT_...: below 256 it is the letter */
    const char *name;    /* the long name, without dashes; NULL ends a table */
    const char *value;   /* what --help calls its value; FILE and DIR are completed; NULL: none */
    const char *offer;   /* values that completions offer, with blanks between; NULL: none */
    const char *example; /* with a value, as a message shows it; NULL: it takes none;
                            without `value`: one may follow behind =, as here */
    const char *help;    /* what --help says, in lines of at most 57 columns; completions
                            say it up to the first : ; or full stop */
};

enum { OPTIONS_MAX = 64 }; /* more than there are */

/* Of `prunner [options] script.lua`; the last row has no name. */
__attribute__((visibility("default"))) extern const struct option_row
    prn_options[OPTIONS_MAX + 1];

#endif
