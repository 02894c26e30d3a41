#include "supervisor/control_status.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "job/job.h"
#include "task/counts.h"
#include "task/gate.h"

enum { COMMAND_BYTES = 300 }; /* of the script and its arguments */

static const char *
state_words(void)
{
    uint64_t gate = atom_load(&job.arena.header->gate);
    if (atom_load(&job.arena.header->mode) != ARENA_RUN)
        return "ending";
    if (gate & GATE_PAUSED)
        return "paused";
    if (gate & GATE_LOAD)
        return "held by --load";
    return gate & GATE_MEMORY ? "held by --memfree" : "running";
}

/* 15:40:02, or with the date if that was another day. */
static void
start_text(char *text, size_t cap)
{
    time_t then = (time_t)(job.started_unix_ns / CLOCK_SECOND);
    time_t now = (time_t)(clock_unix_ns() / CLOCK_SECOND);
    struct tm a = {0}, b = {0};
    (void)localtime_r(&then, &a);
    (void)localtime_r(&now, &b);
    bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
    strftime(text, cap, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &a);
}

static bool
is_plain(const char *word)
{
    for (const char *p = word; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("%+,-./:=@_", *p))
            return false;
    }
    return *word != '\0';
}

/* One word of a command line, in quotes if it needs them. What a terminal would obey becomes
 * \xNN. false: there is no room for it. */
static bool
put_word(struct text *t, const char *word, size_t end)
{
    const unsigned char *s = (const unsigned char *)word;
    size_t len = strlen(word), from = t->len;
    const char *quote = is_plain(word) ? "" : "'";
    text_put(t, quote);
    for (size_t i = 0, n; i < len && t->len <= end; i += n ? n : 1) {
        n = utf8_shown(s + i, len - i);
        if (s[i] == '\'')
            text_put(t, "'\\''");
        else if (n)
            text_bytes(t, word + i, n);
        else
            text_print(t, "\\x%02x", s[i]);
    }
    text_put(t, quote);
    if (t->len <= end)
        return true;
    t->len = from;
    text_put(t, "...");
    return false;
}

static void
put_command(struct text *t)
{
    const struct config *c = &job.config;
    size_t end = t->len + COMMAND_BYTES;
    if (!c->script) {
        text_put(t, "a script under luajit");
        return;
    }
    bool room = put_word(t, c->script, end);
    for (int i = 0; i < c->nargs && room; i++) {
        text_put(t, " ");
        room = put_word(t, c->args[i], end);
    }
}

void
control_status(struct text *t)
{
    char start[40];
    struct counts c;
    uint32_t failed = atom_load(&job.arena.header->failed);
    uint32_t workers = atom_load(&job.arena.header->limit);
    counts_sum(&job.arena, &c);
    start_text(start, sizeof start);
    text_print(t, "%s, %u %s, %llu of %llu tasks done%s, started at %s: ", state_words(), workers,
               workers == 1 ? "worker" : "workers", (unsigned long long)c.finished,
               (unsigned long long)c.posted, failed ? ", some failed" : "", start);
    put_command(t);
}
