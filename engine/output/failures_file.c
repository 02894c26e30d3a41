#include "output/failures_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "codec/codec.h"
#include "job/job.h"
#include "store/lock.h"
#include "base/log.h"
#include "output/stderr_tail.h"
#include "task/task.h"
#include "base/text.h"
#include "base/write_all.h"

enum { ARGS = 1024 }; /* of the shortened arguments */

/* Fixed before the fork. */
static int file = -1;
static const char *file_name;
static bool regular; /* no pipe or device */

int
failures_file_open(const char *path, const char *other)
{
    struct stat mine, others;
    /* Who opens a pipe for both is its reader, and learns of no other one's end. */
    bool special = stat(path, &mine) == 0 && !S_ISREG(mine.st_mode);
    int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    file = open(path, (special ? O_WRONLY : O_RDWR) | flags, 0600);
    if (file < 0)
        return -errno;
    file_name = path;
    if (fstat(file, &mine))
        return -errno;
    regular = S_ISREG(mine.st_mode);
    if (other && stat(other, &others) == 0 &&
        mine.st_dev == others.st_dev && mine.st_ino == others.st_ino)
        return -EEXIST;
    return 0;
}

/* ---- the record ---- */

struct refs {
    struct text *t;
    bool classes; /* which of them are looked for */
    uint32_t *seen;
    size_t nseen;
};

static bool
is_new(struct refs *r, uint32_t id)
{
    for (size_t i = 0; i < r->nseen; i++) {
        if (r->seen[i] == id)
            return false;
    }
    uint32_t *grown = realloc(r->seen, (r->nseen + 1) * sizeof *grown);
    if (grown) {
        r->seen = grown;
        r->seen[r->nseen++] = id;
    }
    return true;
}

static uint32_t
put_ref(void *arg, bool is_class, uint32_t id)
{
    struct refs *r = arg;
    char digits[16];
    if (is_class != r->classes || !is_new(r, id))
        return 1;
    snprintf(digits, sizeof digits, "%u", id);
    json_field(r->t, digits, is_class ? job_class_name(id) : job_fn_info(id)->name);
    return 1;
}

/* {"functions": {"12": "fetch"}, "classes": {...}} */
static void
put_refs(struct text *t, const unsigned char *bytes, size_t len)
{
    json_name(t, "refs");
    text_put(t, "{");
    for (int classes = 0; classes < 2; classes++) {
        struct refs r = {t, classes, NULL, 0};
        json_name(t, classes ? "classes" : "functions");
        text_put(t, "{");
        (void)codec_renumber(bytes, len, put_ref, &r, NULL);
        text_put(t, "}");
        free(r.seen);
    }
    text_put(t, "}");
}

static void
put_time(struct text *t)
{
    uint64_t now = clock_unix_ns();
    time_t seconds = (time_t)(now / 1000000000);
    struct tm utc;
    char day[32], text[48];
    gmtime_r(&seconds, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03uZ", day, (unsigned)(now / 1000000 % 1000));
    json_field(t, "time", text);
}

/* Who posted it; with --debug also where. */
static void
put_poster(struct text *t, const struct task *task)
{
    const struct fn_info *f = job_fn_info(task_parent_fn(task));
    uint32_t line = task_line(task);
    char text[32];
    json_field(t, "posted_by", f->name);
    snprintf(text, sizeof text, "line %u", line);
    json_field(t, "posted", line ? text : NULL);
}

static void
put_stderr(struct text *t, const struct slot *s)
{
    char tail[SLOT_STDERR];
    size_t n = stderr_tail_copy(s, tail);
    json_name(t, "stderr");
    json_bytes(t, tail, n);
}

static void
put_record(struct text *t, const struct failure_record *d)
{
    const struct task *task = d->task;
    const unsigned char *bytes = task_args(&job.arena, task);
    char args[ARGS], key[ARGS];
    size_t key_len, head = codec_get_key(bytes, task->bytes, &key_len);
    codec_describe(bytes, task->bytes, args, sizeof args);
    text_put(t, "{");
    json_field(t, "task", job_fn_info(task->fn)->name);
    json_field(t, "arguments", args);
    if (head) {
        codec_describe(bytes + head - key_len, key_len, key, sizeof key);
        json_field(t, "key", key);
    }
    json_integer(t, "id", task->id);
    json_integer(t, "attempts", d->attempts);
    json_integer(t, "errors", d->errors);
    json_field(t, "signal", d->signal);
    if (d->exit)
        json_integer(t, "exit", (uint64_t)d->exit);
    if (d->error) {
        json_name(t, "error");
        json_bytes(t, d->error, d->error_len);
    }
    json_field(t, "traceback", d->traceback);
    put_poster(t, task);
    put_time(t);
    put_stderr(t, d->slot);
    json_field(t, "script", job.config.script ? job.config.script : "");
    json_name(t, "data");
    text_put(t, "\"");
    base64_put(t, bytes, task->bytes);
    text_put(t, "\"");
    put_refs(t, bytes, task->bytes);
    text_put(t, "}\n");
}

/* Was the last line cut, by a death or by a full disk? */
static bool
was_cut(void)
{
    struct stat st;
    char last;
    return regular && fstat(file, &st) == 0 && st.st_size > 0 &&
           pread(file, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

/* A file that may not grow any further (ulimit -f) is an error here, not a signal. */
static int
write_line(const struct text *t)
{
    int err = t->failed ? -ENOMEM : 0;
    if (!err && was_cut())
        err = write_all(file, "\n", 1, SIGXFSZ);
    return err ? err : write_all(file, t->at, t->len, SIGXFSZ);
}

/* Said once, by whoever of all processes meets it first. What follows may be written again:
 * a disk does not stay full for ever. */
static void
say_lost(int err, uint64_t id)
{
    uint32_t none = 0;
    if (atom_cas(&job.arena.header->failures_incomplete, &none, 1))
        log_error("--failures: \"%s\" is not complete: %s. The first task that it lacks is "
                  "#%llu. The job continues",
                  file_name, strerror(-err), (unsigned long long)id);
}

void
failures_file_write(const struct failure_record *d)
{
    struct text t = {0};
    if (file < 0)
        return;
    put_record(&t, d);
    /* One record at a time: while another one is being written the file ends in the
     * middle of a line. Its writer may be stopped: not for ever; but the reader of a pipe
     * may take its time. */
    uint32_t *lock = job.arena.header->output_lock + 1;
    bool alone = lock_take(&job.self, lock, regular ? 1 : -1) == 0;
    int err = write_line(&t);
    if (alone)
        lock_release(&job.self, lock);
    if (err)
        say_lost(err, d->task->id);
    text_free(&t);
}
