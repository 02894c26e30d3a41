#include "monitor/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "job/job.h"
#include "base/log.h"
#include "monitor/metrics.h"
#include "monitor/observers.h"
#include "base/outfile.h"
#include "base/utf8.h"

#define FLUSH_NS 500000000u /* for those who follow it */

static struct {
    struct outfile file;
    uint64_t lines;
    bool all;
} joblog;

/* The first nine are GNU parallel's. */
static const char header[] = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\t"
                             "Command\tFunction\tWorker\tAttempt\tOutcome\tWeight\tPoster\t"
                             "Arguments\tError\tTask\tWaited\n";

/* ---- a line ---- */

static void
put_tab(struct text *t)
{
    text_bytes(t, "\t", 1);
}

/* One field: no tab, no end of line, nothing that a terminal would obey. */
static void
put_field(struct text *t, const char *s, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        unsigned char c = (unsigned char)s[i];
        char escape[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        n = utf8_shown((const unsigned char *)s + i, len - i);
        if (n)
            text_bytes(t, s + i, n);
        else if (c == '\t' || c == '\n')
            text_put(t, c == '\t' ? "\\t" : "\\n");
        else
            text_bytes(t, escape, sizeof escape);
    }
}

static void
put_name(struct text *t, uint32_t fn)
{
    const char *name = job_fn_info(fn)->name;
    put_field(t, name, strlen(name));
}

static void
put_numbers(struct text *t, const uint64_t *numbers, int n)
{
    for (int i = 0; i < n; i++) {
        text_integer(t, numbers[i]);
        put_tab(t);
    }
}

/* An error is 1, but that of a program is the program's. */
static uint64_t
exit_value(const struct metrics_event *e)
{
    bool error = e->outcome == METRICS_FAILED || e->outcome == METRICS_RETRY;
    return error && !e->exit && !e->signal ? 1 : e->exit;
}

/* f(1, "x") */
static void
put_command(struct text *t, const struct metrics_event *e)
{
    put_name(t, e->fn);
    text_put(t, "(");
    put_field(t, e->text, e->args_len);
    text_put(t, ")\t");
}

static void
put_line(struct text *t, const struct metrics_event *e)
{
    static const char *const outcomes[] = {"done", "failed", "retry", "died",
                                           "quarantined"};
    const struct metrics_header *h = metrics.header;
    uint64_t begun_us = (h->start_unix_ns + (e->from_ns - h->start_ns)) / 1000;
    text_integer(t, joblog.lines + 1);
    text_put(t, "\t:\t");
    text_decimal(t, begun_us, 6);
    put_tab(t);
    text_decimal(t, e->to_ns - e->from_ns, 9);
    text_put(t, "\t0\t0\t");
    put_numbers(t, (uint64_t[]){exit_value(e), e->signal}, 2);
    put_command(t, e);
    put_name(t, e->fn);
    put_tab(t);
    put_numbers(t, (uint64_t[]){e->worker, e->attempt}, 2);
    text_put(t, outcomes[e->outcome]);
    put_tab(t);
    text_integer(t, e->weight);
    put_tab(t);
    put_name(t, e->parent_fn);
    put_tab(t);
    put_field(t, e->text, e->args_len);
    put_tab(t);
    put_field(t, e->text + e->args_len, e->error_len);
    put_tab(t);
    text_integer(t, e->id);
    put_tab(t);
    text_decimal(t, e->waited_ns, 9);
    text_put(t, "\n");
}

/* ---- what observers.c calls ---- */

static void
note_run(const struct metrics_event *e)
{
    if (joblog.file.failed)
        return;
    put_line(&joblog.file.text, e);
    joblog.lines++;
    outfile_more(&joblog.file);
}

static void
flush(uint64_t now_ns)
{
    (void)now_ns;
    outfile_flush(&joblog.file);
}

/* What is missing is said. */
static void
end(void)
{
    uint64_t runs = observers_runs();
    bool failed = joblog.file.failed;
    outfile_close(&joblog.file);
    if (failed || joblog.lines >= runs)
        return;
    log_warn("--joblog: \"%s\" got a line for %llu of %llu runs, each with its Weight%s",
             joblog.file.path, (unsigned long long)joblog.lines, (unsigned long long)runs,
             joblog.all ? ""
                        : ": runs were sampled, since there were too many. "
                          "--log-every-run writes all");
}

static struct observer observer = {
    .event = note_run,
    .tick = flush,
    .end = end,
    .every_ns = FLUSH_NS,
};

/* ---- the file ---- */

/* Does it begin as ours do; was its last line cut? false: message printed. */
static bool
check_file(const char *path, bool *cut)
{
    char begin[sizeof header] = "", last = '\n';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, begin, sizeof header - 1);
    if (n >= 0 && lseek(fd, -1, SEEK_END) >= 0 && read(fd, &last, 1) < 0)
        n = -1;
    int err = errno;
    if (fd >= 0)
        close(fd);
    *cut = last != '\n';
    if (n < 0)
        log_error("--joblog: \"%s\": %s", path, strerror(err));
    else if (memcmp(begin, header, sizeof header - 1) != 0)
        log_error("--joblog: \"%s\" exists already, and is not a job log of prunner's: remove it, "
                  "or give another name",
                  path);
    return n >= 0 && memcmp(begin, header, sizeof header - 1) == 0;
}

int
joblog_open(const char *path, bool all)
{
    struct outfile *file = &joblog.file;
    bool cut = false;
    int err = outfile_open(file, "--joblog", path);
    if (err)
        return err;
    if (!file->fresh && !check_file(path, &cut)) {
        outfile_close(file);
        return -EEXIST;
    }
    if (file->fresh || cut)
        text_put(&file->text, cut ? "\n" : header);
    outfile_flush(file);
    joblog.all = all;
    observer.record = METRICS_TASKS | METRICS_ARGS | (all ? METRICS_ALL : 0);
    observers_add(&observer);
    return 0;
}
