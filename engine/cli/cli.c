#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <luajit.h>

#include "base/version.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "job/options.h"

/* For getopt, made of the table of options. '-': words that are no options come in
 * order, also under POSIXLY_CORRECT; ':': the messages are ours. */
static char short_options[2 * OPTIONS_MAX + 3] = "-:";
static struct option long_options[OPTIONS_MAX + 1];

/* Once. */
static void
make_getopt_tables(void)
{
    size_t n = 0, len = strlen(short_options);
    if (long_options[0].name)
        return;
    for (const struct option_row *row = prn_options; row->name; row++) {
        long_options[n++] = (struct option){
            row->name,
            row->value     ? required_argument
            : row->example ? optional_argument
                           : no_argument,
            NULL, row->opt};
        if (row->opt < 256)
            short_options[len++] = (char)row->opt;
        if (row->opt < 256 && row->value)
            short_options[len++] = ':';
    }
}

/* One line on stderr. The value for whoever wants to return it. */
__attribute__((format(printf, 1, 2))) static int
complain(const char *fmt, ...)
{
    va_list ap;
    char line[1024];

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "prunner: %s\n", line);
    return -EINVAL;
}

/* How the user knows an option: "-n", "--order". */
static const char *
option_name(int opt)
{
    static char name[32];
    if (opt < 256) {
        snprintf(name, sizeof name, "-%c", opt);
        return name;
    }
    for (const struct option_row *row = prn_options; row->name; row++) {
        if (row->opt == opt) {
            snprintf(name, sizeof name, "--%s", row->name);
            return name;
        }
    }
    return "?";
}

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
parse_number(uint64_t *out, int opt, const char *s, const char *what,
             uint64_t min, uint64_t max)
{
    uint64_t v;
    if (parse_digits(&v, s, s + strlen(s)) || v < min || v > max) {
        if (max == UINT64_MAX)
            return complain("%s: \"%s\" is not %s (%llu or more)", option_name(opt),
                            s, what, (unsigned long long)min);
        return complain("%s: \"%s\" is not %s (%llu to %llu)", option_name(opt), s,
                        what, (unsigned long long)min, (unsigned long long)max);
    }
    *out = v;
    return 0;
}

/* "100", "512K", "64M", "1G", "2T". */
static int
parse_size(uint64_t *out, int opt, const char *s)
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
        return complain("%s: \"%s\" is not a size in bytes (such as 64M or 2G)",
                        option_name(opt), s);
    *out = v << shift;
    return 0;
}

/* "30", "1.5", ".25": decimal, exact to the nanosecond; more than 0. */
static int
parse_seconds(int64_t *out, int opt, const char *s)
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
        return complain("%s: \"%s\" is not a time in seconds (such as 30 or 1.5)",
                        option_name(opt), s);
    *out = (int64_t)(whole * 1000000000 + fraction);
    return 0;
}

static int
parse_order(bool *lifo, const char *s)
{
    if (strcmp(s, "fifo") != 0 && strcmp(s, "lifo") != 0)
        return complain("--order: \"%s\" is not an order (fifo or lifo)", s);
    *lifo = s[0] == 'l';
    return 0;
}

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

/* never | (soon|now),(fail|success|done)=(COUNT|PERCENT%) */
static int
parse_halt(struct halt *out, const char *s)
{
    struct halt h = {0};
    const char *p = s;
    const char *end = s + strlen(s);
    uint64_t v;

    if (strcmp(s, "never") == 0) {
        *out = h;
        return 0;
    }

    if (skip_word(&p, "soon,"))
        h.when = HALT_SOON;
    else if (skip_word(&p, "now,"))
        h.when = HALT_NOW;
    else
        goto bad;

    if (skip_word(&p, "fail="))
        h.kind = HALT_FAIL;
    else if (skip_word(&p, "success="))
        h.kind = HALT_SUCCESS;
    else if (skip_word(&p, "done="))
        h.kind = HALT_DONE;
    else
        goto bad;

    bool percent = end > p && end[-1] == '%';
    if (parse_digits(&v, p, percent ? end - 1 : end) || v == 0 ||
        (percent && v > 100))
        goto bad;
    if (percent)
        h.percent = (uint32_t)v;
    else
        h.count = v;
    *out = h;
    return 0;

bad:
    return complain("--halt: \"%s\" is not a rule (such as never, soon,fail=1, "
                    "now,fail=5%% or now,success=1)",
                    s);
}

/* "8", "50%" */
static int
parse_load(struct load *out, const char *s)
{
    const char *end = s + strlen(s);
    bool percent = end > s && end[-1] == '%';
    uint64_t v;
    if (parse_digits(&v, s, percent ? end - 1 : end) || v == 0 || v > CONFIG_LOAD_MAX)
        return complain("--load: \"%s\" is not a number of processes, 1 to %d, or a "
                        "percentage of the CPUs (such as 8 or 100%%)",
                        s, CONFIG_LOAD_MAX);
    out->count = percent ? 0 : (uint32_t)v;
    out->percent = percent ? (uint32_t)v : 0;
    return 0;
}

static bool
ends_in(const char *s, const char *end)
{
    size_t len = strlen(s), n = strlen(end);
    return len > n && strcmp(s + len - n, end) == 0;
}

static int
parse_report(const char **out, const char *s)
{
    if (!ends_in(s, ".html") && !ends_in(s, ".json"))
        return complain("--report: \"%s\" ends neither in .html (a page) nor in .json (figures "
                        "for programs)",
                        s);
    *out = s;
    return 0;
}

static int
parse_progress(enum progress *out, const char *s)
{
    if (s && strcmp(s, "json") != 0)
        return complain("--progress: \"%s\" is no kind of progress (--progress alone, or "
                        "--progress=json)",
                        s);
    *out = s ? PROGRESS_JSON : PROGRESS_ALWAYS;
    return 0;
}

static int
parse_tmpdir(const char **out, const char *s)
{
    struct stat st;
    if (stat(s, &st) != 0)
        return complain("--tmpdir: \"%s\": %s", s, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return complain("--tmpdir: \"%s\" is not a directory", s);
    if (access(s, W_OK | X_OK) != 0)
        return complain("--tmpdir: \"%s\" cannot be written to: %s", s,
                        strerror(errno));
    *out = s;
    return 0;
}

/* ---- what an option sets ----------------------------------------------- */

/* What is true when the option is there; NULL: it is another kind of option. The same
 * for those below. */
static bool *
flag_field(struct config *c, int opt)
{
    switch (opt) {
    case OPT_DEBUG: return &c->debug;
    case OPT_QUIET: return &c->quiet;
    case OPT_SERIAL: return &c->serial;
    case OPT_PROFILE_STATES: return &c->profile_states;
    case OPT_RECORD_ALL: return &c->record_all;
    case OPT_SUMMARY: return &c->summary;
    case OPT_KEEP_ORDER: return &c->keep_order;
    case OPT_TAG: return &c->tag;
    }
    return NULL;
}

/* What is the value as written: the name of a file or directory that whoever opens it
 * will check. */
static const char **
name_field(struct config *c, int opt)
{
    switch (opt) {
    case OPT_STATE: return &c->state;
    case OPT_RESUME: return &c->resume;
    case OPT_DEAD: return &c->dead;
    case OPT_RETRY_DEAD: return &c->retry_dead;
    case OPT_JOBLOG: return &c->joblog;
    case OPT_TRACE: return &c->trace;
    case OPT_PROFILE: return &c->profile;
    case OPT_OUTPUT_DIR: return &c->output_dir;
    }
    return NULL;
}

static uint64_t *
size_field(struct config *c, int opt)
{
    switch (opt) {
    case OPT_MEMFREE: return &c->memfree_bytes;
    case OPT_MEMORY: return &c->memory_bytes;
    case OPT_MAX_RSS: return &c->max_rss_bytes;
    case OPT_LUA_MEMORY: return &c->lua_memory_bytes;
    }
    return NULL;
}

static int64_t *
seconds_field(struct config *c, int opt)
{
    switch (opt) {
    case OPT_TIMEOUT: return &c->timeout_ns;
    case OPT_DEADLINE: return &c->deadline_ns;
    case OPT_DELAY: return &c->delay_ns;
    }
    return NULL;
}

static int
apply_number(struct config *c, int opt, const char *value)
{
    uint64_t v = 0;
    int err;

    switch (opt) {
    case OPT_NPROCESS:
        err = parse_number(&v, opt, value, "a number of workers", 1, CONFIG_WORKERS_MAX);
        c->n = (int)v;
        return err;
    case OPT_RETRIES:
        err = parse_number(&v, opt, value, "a number of retries", 0, CONFIG_RETRIES_MAX);
        c->retries = (uint32_t)v;
        return err;
    case OPT_ATTEMPTS:
        err = parse_number(&v, opt, value, "a number of attempts", 1, CONFIG_ATTEMPTS_MAX);
        c->attempts = (uint32_t)v;
        return err;
    case OPT_NICE:
        err = parse_number(&v, opt, value, "a niceness", 1, CONFIG_NICE_MAX);
        c->nice = (int)v;
        return err;
    case OPT_MAX_TASKS:
        return parse_number(&c->max_tasks, opt, value, "a number of tasks", 1, UINT64_MAX);
    }
    return complain("%s: not handled", option_name(opt));
}

/* One option that takes part in the config. Returns 0, or -EINVAL. */
static int
apply(struct config *c, int opt, const char *value)
{
    bool *flag = flag_field(c, opt);
    const char **name = name_field(c, opt);
    uint64_t *size = size_field(c, opt);
    int64_t *seconds = seconds_field(c, opt);

    if (flag)
        *flag = true;
    if (name)
        *name = value;
    if (flag || name)
        return 0;
    if (size)
        return parse_size(size, opt, value);
    if (seconds)
        return parse_seconds(seconds, opt, value);

    switch (opt) {
    case OPT_ORDER: return parse_order(&c->lifo, value);
    case OPT_LOAD: return parse_load(&c->load, value);
    case OPT_HALT: return parse_halt(&c->halt, value);
    case OPT_TMPDIR: return parse_tmpdir(&c->tmpdir, value);
    case OPT_REPORT: return parse_report(&c->report, value);
    case OPT_PROGRESS: return parse_progress(&c->progress, value);
    case OPT_NO_PROGRESS: c->progress = PROGRESS_NEVER; return 0;
    case OPT_LINE_BUFFER: /* this one and the next: the last one counts */
    case OPT_GROUP:
        c->group = opt == OPT_GROUP;
        c->line_buffer = !c->group;
        return 0;
    }
    return apply_number(c, opt, value);
}

/* ---- words that are none of our options --------------------------------- */

/* "--re" fits --retries and others: says which. Returns whether it did. */
static bool
complain_ambiguous(const char *word)
{
    char list[256];
    size_t used = 0, len = strcspn(word + 2, "=");
    int fits = 0;

    for (const struct option_row *row = prn_options; row->name; row++) {
        if (strncmp(row->name, word + 2, len) != 0)
            continue;
        int n = snprintf(list + used, sizeof list - used, "%s--%s",
                         fits ? ", " : "", row->name);
        used += (size_t)n < sizeof list - used ? (size_t)n : 0;
        fits++;
    }
    if (fits < 2)
        return false;
    complain("%.*s is short for more than one option: %s", (int)len + 2, word, list);
    return true;
}

/* What is said of an option that nobody knows: `word`, or its letter `letter`. */
static const char *
unknown_message(const char *word, int letter)
{
    static const char rest[] = "see prunner --help; what is meant for the script goes after --";
    static char text[1024];
    if (strncmp(word, "--", 2) == 0)
        snprintf(text, sizeof text, "unknown option %.*s: %s", (int)strcspn(word, "="), word,
                 rest);
    else
        snprintf(text, sizeof text, "unknown option -%c in \"%s\": %s", letter, word, rest);
    return text;
}

/* getopt answered '?': an unknown option, or a value where none belongs. */
static int
complain_unknown(const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0;

    if (is_long && optopt != 0)
        return complain("%.*s takes no value, but got \"%s\"",
                        (int)strcspn(word, "="), word, word + strcspn(word, "=") + 1);
    if (is_long && complain_ambiguous(word))
        return -EINVAL;
    return complain("%s", unknown_message(word, optopt));
}

/* An option, and none of ours: the script may have declared it. Its long names are not
 * taken for short forms of ours: `--output` is the script's, though there is an
 * --output-dir. A word of several letters belongs to whom its first letter belongs. */
static bool
is_foreign(const char *word)
{
    if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
        return false;
    size_t len = strcspn(word + 1, "=") - 1;
    for (const struct option_row *row = prn_options; row->name; row++) {
        bool same = strncmp(row->name, word + 2, len) == 0 && !row->name[len];
        bool ours = word[1] == '-' ? same : row->opt == word[1];
        if (ours)
            return false;
    }
    return true;
}

/* getopt answered ':': the last word wanted a value. Also what kind of value. */
static int
complain_missing(void)
{
    for (const struct option_row *row = prn_options; row->name; row++) {
        if (row->opt == optopt)
            return complain("%s: a value is missing, such as %s", option_name(optopt),
                            row->example);
    }
    return complain("%s: a value is missing", option_name(optopt));
}

/* --line-buffer with those that show a task's output at its end only. */
static int
check_output(const struct config *c)
{
    if (c->line_buffer && (c->keep_order || c->output_dir))
        return complain("--line-buffer shows lines as they come, --%s not before the task "
                        "has ended: leave one out",
                        c->keep_order ? "keep-order" : "output-dir");
    if (c->output_dir && !*c->output_dir)
        return complain("--output-dir: \"\" is not a directory's name");
    return 0;
}

/* Is a file named twice that may be once only? true: message printed. */
static bool
same_file(const struct config *c)
{
    const struct {
        const char *what, *path;
    } files[] = {
        {"the script", c->script},
        {"--state", c->state},
        {"--resume", c->resume},
        {"--retry-dead", c->retry_dead},
        {"--dead", c->dead},
        {"--joblog", c->joblog},
        {"--trace", c->trace},
        {"--profile", c->profile},
        {"--report", c->report},
    };
    for (size_t i = 1; i < sizeof files / sizeof *files; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *a = files[k].path, *b = files[i].path;
            if (!a || !b || strcmp(a, b) != 0 || strncmp(a, "/dev/", 5) == 0)
                continue;
            complain("%s and %s are the same file, \"%s\": give another name", files[k].what,
                     files[i].what, b);
            return true;
        }
    }
    return false;
}

/* What only the whole line shows. */
static int
check_whole(const struct config *c)
{
    if (!c->script) {
        help_usage(stderr);
        fputs("prunner: no script given; prunner --help says more\n", stderr);
        return -EINVAL;
    }
    if (c->script[0] == '\0')
        return complain("the script's name is empty");
    if (c->state && c->resume)
        return complain("--state starts a job, --resume goes on with one: leave one out "
                        "(what --resume goes on with stays in its file)");
    if ((c->state || c->resume) && strcmp(c->script, "-") == 0)
        return complain("--%s needs the script in a file, not on standard input: it must be "
                        "the same the next time",
                        c->state ? "state" : "resume");
    if (c->serial && (c->state || c->resume))
        return complain("--serial keeps no state: leave out --%s",
                        c->state ? "state" : "resume");
    if (c->resume && c->retry_dead)
        return complain("--resume goes on with a job, --retry-dead starts one: leave one out");
    if (c->profile_states && !c->profile)
        return complain("--profile-states is for --profile, which is not asked for: leave it out");
    if (c->record_all && !c->joblog && !c->trace)
        return complain("--record-all is for --joblog and --trace, of which none is asked for: "
                        "leave it out");
    if (same_file(c))
        return -EINVAL;
    if (c->serial && c->timeout_ns)
        return complain("--timeout kills worker processes, and --serial has none: "
                        "leave one of them out");
    return check_output(c);
}

/* The script and its arguments. */
static void
take_words(struct config *c, char **words, int count)
{
    if (count == 0)
        return;
    c->script = words[0];
    c->args = words + 1;
    c->nargs = count - 1;
    if (c->nliteral > c->nargs) /* prunner -- script */
        c->nliteral = c->nargs;
}

/* --help after the script's name asks for the script's: nothing else counts. */
static void
ask_script(struct config *c, char *script)
{
    const char *command_name = c->command_name;
    config_init(c);
    c->command_name = command_name;
    c->script = script;
    c->help = true;
}

static int
print_completion(const char *shell)
{
    if (!completion_print(shell))
        return complain("--completion: \"%s\" is not a shell (bash, zsh or fish)", shell);
    (void)fflush(stdout);
    return 1;
}

/* Options into *c, other words to the front of `words`; *count of them. Returns
 * what cli_parse does. */
static int
parse_words(struct config *c, int argc, char **argv, char **words, int *count)
{
    int n = 0;
    for (;;) {
        const char *word = argv[optind > 0 ? optind : 1]; /* what getopt looks at */
        if (n > 0 && optind < argc && is_foreign(word)) {
            if (!c->unknown)
                c->unknown = unknown_message(word, word[1]);
            words[n++] = argv[optind++];
            continue;
        }
        int err, opt = getopt_long(argc, argv, short_options, long_options, NULL);
        switch (opt) {
        case -1:
            c->nliteral = argc - optind;
            while (optind < argc)
                words[n++] = argv[optind++];
            *count = n;
            return 0;
        case 1: words[n++] = optarg; break; /* never beyond where getopt is */
        case OPT_HELP:
            if (n == 0) {
                help_print();
                return 1;
            }
            ask_script(c, words[0]);
            return 0;
        case OPT_VERSION:
            printf("prunner %s (%s)\n", PRUNNER_VERSION, LUAJIT_VERSION);
            (void)fflush(stdout);
            return 1;
        case OPT_COMPLETION: return print_completion(optarg);
        case ':': return complain_missing();
        case '?': return complain_unknown(word);
        default:
            err = apply(c, opt, optarg);
            if (err)
                return err;
        }
    }
}

int
cli_parse(struct config *out, int argc, char **argv)
{
    struct config c;
    int count = 0, err = 0;

    make_getopt_tables();
    config_init(&c);
    c.command_name = argc > 0 ? argv[0] : "prunner";
    opterr = 0;
    optind = 0; /* glibc: start anew, also after an earlier call */

    if (argc > 0)
        err = parse_words(&c, argc, argv, argv + 1, &count);
    if (err)
        return err;
    if (!c.help)
        take_words(&c, argv + 1, count);
    err = check_whole(&c);
    if (err)
        return err;
    *out = c;
    return 0;
}
