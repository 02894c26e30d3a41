#include "cli/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/config.h"

/* Stores a value in *field, which has the type that the row's kind says. */
typedef int parser(const struct option_row *row, void *field, const char *value, char *why);

const char *
values_name(const struct option_row *row, char name[VALUES_NAME])
{
    if (row->letter)
        snprintf(name, VALUES_NAME, "-%c", row->letter);
    else
        snprintf(name, VALUES_NAME, "--%s", row->name);
    return name;
}

/* Writes "--order: " and the rest into `why`. The value for whoever wants to return it. */
__attribute__((format(printf, 3, 4))) static int
wrong(const struct option_row *row, char *why, const char *fmt, ...)
{
    char name[VALUES_NAME];
    va_list ap;
    int len = snprintf(why, VALUES_MESSAGE, "%s: ", values_name(row, name));
    va_start(ap, fmt);
    vsnprintf(why + len, VALUES_MESSAGE - (size_t)len, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- numbers ---- */

/* Digits only: no sign, no blank, no 0x. Returns 0, or -EINVAL, also for what
 * does not fit. */
static int
parse_digits(uint64_t *out, const char *s, const char *end)
{
    uint64_t v = 0;
    if (s == end)
        return -EINVAL;
    for (; s < end; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return -EINVAL;
    }
    *out = v;
    return 0;
}

static int
parse_count64(const struct option_row *row, void *field, const char *s, char *why)
{
    uint64_t v;
    if (parse_digits(&v, s, s + strlen(s)) || v < row->min || v > row->max) {
        if (row->max == UINT64_MAX)
            return wrong(row, why, "\"%s\" is not %s (%llu or more)", s, row->what,
                         (unsigned long long)row->min);
        return wrong(row, why, "\"%s\" is not %s (%llu to %llu)", s, row->what,
                     (unsigned long long)row->min, (unsigned long long)row->max);
    }
    *(uint64_t *)field = v;
    return 0;
}

static int
parse_count(const struct option_row *row, void *field, const char *s, char *why)
{
    uint64_t v;
    int err = parse_count64(row, &v, s, why);
    if (!err)
        *(uint32_t *)field = (uint32_t)v;
    return err;
}

/* "100", "512K", "64M", "1G", "2T". */
static int
parse_bytes(const struct option_row *row, void *field, const char *s, char *why)
{
    static const char units[] = "KMGT";
    const char *end = s + strlen(s);
    const char *unit = NULL;
    uint64_t v;
    int shift = 0;

    if (end > s)
        unit = strchr(units, end[-1] >= 'a' ? end[-1] - 'a' + 'A' : end[-1]);
    if (unit) {
        shift = 10 * (int)(unit - units + 1);
        end--;
    }
    if (parse_digits(&v, s, end) || v == 0 || v > (uint64_t)INT64_MAX >> shift)
        return wrong(row, why, "\"%s\" is not a size in bytes (such as 64M or 2G)", s);
    *(uint64_t *)field = v << shift;
    return 0;
}

/* "30", "1.5", ".25": decimal, exact to the nanosecond; more than 0. */
static int
parse_seconds(const struct option_row *row, void *field, const char *s, char *why)
{
    const char *end = s + strlen(s);
    const char *dot = strchr(s, '.');
    const char *whole_end = dot ? dot : end;
    uint64_t whole = 0, fraction = 0;
    int bad = 0;

    if (whole_end > s)
        bad = parse_digits(&whole, s, whole_end);
    if (dot) {
        uint64_t unit = 100000000;
        for (const char *p = dot + 1; p < end && !bad; p++, unit /= 10) {
            bad = *p < '0' || *p > '9';
            fraction += (uint64_t)(*p - '0') * unit;
        }
        bad |= dot == s && dot + 1 == end;
    } else {
        bad |= end == s;
    }

    if (bad || whole > 1000000000 || whole + fraction == 0)
        return wrong(row, why, "\"%s\" is not a time in seconds (such as 30 or 1.5)", s);
    *(int64_t *)field = (int64_t)(whole * 1000000000 + fraction);
    return 0;
}

/* ---- words ---- */

static int
parse_flag(const struct option_row *row, void *field, const char *s, char *why)
{
    (void)row, (void)s, (void)why;
    *(bool *)field = true;
    return 0;
}

static int
parse_constant(const struct option_row *row, void *field, const char *s, char *why)
{
    (void)s, (void)why;
    *(int *)field = row->constant;
    return 0;
}

static int
parse_string(const struct option_row *row, void *field, const char *s, char *why)
{
    (void)row, (void)why;
    *(const char **)field = s;
    return 0;
}

/* "bash zsh fish" -> "bash, zsh or fish" */
static void
list_words(char *out, size_t cap, const char *words)
{
    size_t used = 0;
    *out = '\0';
    while (*words) {
        size_t len = strcspn(words, " ");
        bool last = !words[len];
        const char *joint = !used ? "" : last ? " or "
                                              : ", ";
        int n = snprintf(out + used, cap - used, "%s%.*s", joint, (int)len, words);
        used += (size_t)n < cap - used ? (size_t)n : 0;
        words += last ? len : len + 1;
    }
}

int
values_choice(const struct option_row *row, const char *value, char why[VALUES_MESSAGE])
{
    char list[128];
    size_t len = strlen(value);
    int i = 0;
    for (const char *p = row->offer; *p; i++) {
        size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, value, n) == 0)
            return i;
        p += n + (p[n] != '\0');
    }
    list_words(list, sizeof list, row->offer);
    return wrong(row, why, "\"%s\" is not %s (%s)", value, row->what, list);
}

static int
parse_choice(const struct option_row *row, void *field, const char *s, char *why)
{
    int i = values_choice(row, s, why);
    if (i < 0)
        return i;
    *(int *)field = i;
    return 0;
}

/* ---- single options ---- */

/* Takes `word` off the front of *s. */
static bool
skip_word(const char **s, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*s, word, len) != 0)
        return false;
    *s += len;
    return true;
}

/* (soon|now),(fail|success|done)=(COUNT|PERCENT%). Returns 0, or -EINVAL. */
static int
read_halt(struct halt *h, const char *s)
{
    const char *end = s + strlen(s);
    uint64_t v;

    if (skip_word(&s, "soon,"))
        h->when = HALT_SOON;
    else if (skip_word(&s, "now,"))
        h->when = HALT_NOW;
    else
        return -EINVAL;

    if (skip_word(&s, "fail="))
        h->kind = HALT_FAIL;
    else if (skip_word(&s, "success="))
        h->kind = HALT_SUCCESS;
    else if (skip_word(&s, "done="))
        h->kind = HALT_DONE;
    else
        return -EINVAL;

    bool percent = end > s && end[-1] == '%';
    if (parse_digits(&v, s, percent ? end - 1 : end) || v == 0 || (percent && v > 100))
        return -EINVAL;
    if (percent)
        h->percent = (uint32_t)v;
    else
        h->count = v;
    return 0;
}

static int
parse_halt(const struct option_row *row, void *field, const char *s, char *why)
{
    struct halt h = {0};
    if (strcmp(s, "never") != 0 && read_halt(&h, s) != 0)
        return wrong(row, why,
                     "\"%s\" is not a rule (such as never, soon,fail=1, now,fail=5%% or "
                     "now,success=1)",
                     s);
    *(struct halt *)field = h;
    return 0;
}

/* "8", "50%" */
static int
parse_load(const struct option_row *row, void *field, const char *s, char *why)
{
    const char *end = s + strlen(s);
    bool percent = end > s && end[-1] == '%';
    uint64_t v;
    if (parse_digits(&v, s, percent ? end - 1 : end) || v == 0 || v > CONFIG_LOAD_MAX)
        return wrong(row, why,
                     "\"%s\" is not a number of processes, 1 to %d, or a percentage of the CPUs "
                     "(such as 8 or 100%%)",
                     s, CONFIG_LOAD_MAX);
    *(struct load *)field = (struct load){
        .count = percent ? 0 : (uint32_t)v,
        .percent = percent ? (uint32_t)v : 0,
    };
    return 0;
}

static bool
ends_in(const char *s, const char *end)
{
    size_t len = strlen(s), n = strlen(end);
    return len > n && strcmp(s + len - n, end) == 0;
}

static int
parse_report(const struct option_row *row, void *field, const char *s, char *why)
{
    if (!ends_in(s, ".html") && !ends_in(s, ".json"))
        return wrong(row, why,
                     "\"%s\" ends neither in .html (a page) nor in .json (figures for programs)",
                     s);
    *(const char **)field = s;
    return 0;
}

static int
parse_progress(const struct option_row *row, void *field, const char *s, char *why)
{
    if (s && strcmp(s, "json") != 0)
        return wrong(row, why,
                     "\"%s\" is not a kind of progress (--progress alone, or --progress=json)", s);
    *(enum progress *)field = s ? PROGRESS_JSON : PROGRESS_ALWAYS;
    return 0;
}

static int
parse_directory(const struct option_row *row, void *field, const char *s, char *why)
{
    struct stat st;
    if (stat(s, &st) != 0)
        return wrong(row, why, "\"%s\": %s", s, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return wrong(row, why, "\"%s\" is not a directory", s);
    if (access(s, W_OK | X_OK) != 0)
        return wrong(row, why, "\"%s\" cannot be written to: %s", s, strerror(errno));
    *(const char **)field = s;
    return 0;
}

int
values_set(const struct option_row *row, void *to, const char *value, char why[VALUES_MESSAGE])
{
    static parser *const parsers[OPTION_SETTERS] = {
        [OPTION_FLAG] = parse_flag,
        [OPTION_CONSTANT] = parse_constant,
        [OPTION_CHOICE] = parse_choice,
        [OPTION_COUNT] = parse_count,
        [OPTION_COUNT64] = parse_count64,
        [OPTION_SECONDS] = parse_seconds,
        [OPTION_BYTES] = parse_bytes,
        [OPTION_STRING] = parse_string,
        [OPTION_DIRECTORY] = parse_directory,
        [OPTION_REPORT] = parse_report,
        [OPTION_HALT] = parse_halt,
        [OPTION_LOAD] = parse_load,
        [OPTION_PROGRESS] = parse_progress,
    };
    return parsers[row->kind](row, (char *)to + row->offset, value, why);
}
