#include "output/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "job/job.h"
#include "output/capture.h"
#include "output/order_log.h"
#include "output/own_streams.h"
#include "output/printer.h"
#include "output/report.h"
#include "output/stream.h"
#include "store/lock.h"
#include "task/task.h"

enum { TAG = 80 };

static struct stream out, err; /* stdout and stderr */
static FILE *own_streams[2];   /* the process's, while ours are in their place */

bool output_by_task;

/* The task that runs now, if output is told by task. Private to the worker. While its
 * output is captured, out.captured and err.captured say so. */
static struct {
    const struct task *task;     /* NULL: none runs */
    uint64_t posted;             /* by this worker, before the task began */
    int error;                   /* -errno of capturing it: nothing else is captured any more */
    struct output_error printed; /* --serial, --keep-order: what could not be shown */
    char tag[TAG];               /* "": not made yet */
} now;

/* What each line begins with; NULL: nothing. */
static const char *
task_tag(void)
{
    if (!job.config.tag || !now.task)
        return NULL;
    if (!now.tag[0]) {
        report_task(now.task, now.tag, sizeof now.tag - 1);
        strcat(now.tag, "\t");
    }
    return now.tag;
}

/* Does what tasks print go to files while they run? */
static bool
captures(void)
{
    const struct config *c = &job.config;
    return c->buffering == BUFFER_TASKS || c->keep_order || c->output_dir;
}

/* Is it shown as well? With --output-dir only if something says how. */
static bool
shows(void)
{
    const struct config *c = &job.config;
    return !c->output_dir || c->buffering == BUFFER_TASKS || c->keep_order || c->tag;
}

/* ---- the process ---- */

int
output_prepare(void)
{
    const struct config *c = &job.config;
    output_by_task = captures() || c->tag;
    int e = c->output_dir ? capture_dir(c->output_dir) : 0;
    if (e)
        log_error("--output-dir: \"%s\": %s", c->output_dir, strerror(-e));
    else if (c->keep_order || (captures() && !c->output_dir))
        e = job_tmpdir_check();
    return e;
}

static void
at_exit(void)
{
    if (own_streams[0])
        (void)output_end();
}

/* os.exit() in a task; _exit() passes it by. */
static void
end_at_exit(void)
{
    static bool registered;
    if (!registered)
        registered = atexit(at_exit) == 0;
}

/* Is stdout not seen at the end of each line? */
static bool
holds(void)
{
    return captures() || !isatty(STDOUT_FILENO);
}

/* Those that are not there yet. */
static int
make_streams(void)
{
    int e = out.file ? 0 : stream_open(&out);
    if (e || err.file)
        return e;
    e = stream_open(&err);
    if (e)
        stream_close(&out);
    return e;
}

static int
open_streams(struct self *self, const int real[2])
{
    uint32_t *locks = self->arena->header->output_lock;
    out = (struct stream){
        .file = out.file,
        .self = self,
        .lock = &locks[0],
        .tag = task_tag,
        .real = {.fd = real[0]},
        .hold = holds(),
    };
    err = (struct stream){
        .file = err.file,
        .self = self,
        .lock = &locks[1],
        .tail_of = self->slot,
        .tag = task_tag,
        .real = {.fd = real[1]},
    };
    return make_streams();
}

int
output_before_fork(void)
{
    end_at_exit();
    out.hold = holds();
    return make_streams();
}

int
output_open(struct self *self)
{
    int real[2] = {STDOUT_FILENO, STDERR_FILENO};
    int e = captures() ? capture_open(real) : 0;
    if (job.config.serial)
        fflush(stdout);
    if (!e)
        e = open_streams(self, real);
    if (e)
        return e;
    log_to(real[1]);
    own_streams[0] = stdout;
    own_streams[1] = stderr;
    stdout = out.file;
    stderr = err.file;
    end_at_exit();
    return 0;
}

struct output_error
output_close(void)
{
    struct output_error lost = output_end();
    stdout = own_streams[0];
    stderr = own_streams[1];
    log_to(STDERR_FILENO);
    stream_close(&out);
    stream_close(&err);
    capture_close();
    return lost;
}

/* ---- the output of one task ---- */

void
output_start(const struct task *t)
{
    int file[2];
    (void)output_flush(OUTPUT_SO_FAR); /* what a hook has printed is not the task's */
    now.task = t;
    now.tag[0] = '\0';
    now.posted = out.self->slot->posted;
    if (!captures() || now.error)
        return;
    now.error = capture_enter(t, file);
    if (now.error)
        return;
    stream_capture(&out, file[0], job.config.output_dir != NULL);
    stream_capture(&err, file[1], job.config.output_dir != NULL);
}

/* Both streams of the task, and nobody else's in between. */
static void
show_both(bool ended)
{
    (void)lock_take(out.self, out.lock, -1);
    stream_show(&out);
    stream_show(&err);
    if (ended) {
        sink_end_line(&out.real);
        sink_end_line(&err.real);
    }
    lock_release(out.self, out.lock);
}

/* --keep-order: hands all over to the printer, which knows when it is the task's turn. */
static void
send_in_order(enum output_when when)
{
    struct self *self = out.self;
    uint64_t posted = self->slot->posted + (when == OUTPUT_DONE ? self->staged_count : 0);
    struct order_log_entry r = {
        .id = now.task->id,
        .parent = now.task->parent,
        .posts = {(now.posted + 1) * ARENA_SLOTS + self->me, posted - now.posted},
        .ended = when == OUTPUT_FAILED || when == OUTPUT_DONE,
    };
    struct order_log_piece pieces[3] = {{0}, stream_take_piece(&out), stream_take_piece(&err)};
    if (pieces[1].len + pieces[2].len && task_tag())
        pieces[0] = (struct order_log_piece){.from = now.tag, .len = strlen(now.tag)};
    int e = order_log_add(self, &r, pieces);
    if (e)
        now.error = e;
}

/* What was captured of the task up to here goes where it should. */
static void
flush_captured(enum output_when when)
{
    if (job.config.keep_order) {
        send_in_order(when);
    } else if (shows()) {
        show_both(when != OUTPUT_SO_FAR);
    } else {
        stream_spill(&out);
        stream_spill(&err);
    }
}

static void
end_captured(void)
{
    capture_leave();
    stream_release(&out);
    stream_release(&err);
}

/* Never inlined, like first_error() and output_start(): a task that prints nothing would pay
 * for the registers that they use. */
__attribute__((cold, noinline)) static void
flush_task(enum output_when when)
{
    bool captured = out.captured, ended = when != OUTPUT_SO_FAR;
    if (captured) {
        flush_captured(when);
    } else if (ended) {
        stream_finish(&out);
        stream_finish(&err);
    } else {
        stream_flush(&out);
    }
    if (!ended)
        return;
    if (captured)
        end_captured();
    now.task = NULL;
    if (job.config.keep_order && job.config.serial)
        now.printed = printer_turn();
}

/* Of standard output, what could not be shown, and of capturing: in this order. */
__attribute__((cold, noinline)) static struct output_error
first_error(void)
{
    int of_files = now.error ? now.error : out.kept.error ? out.kept.error
                                                          : err.kept.error;
    if (out.real.error)
        return (struct output_error){.errnum = -out.real.error};
    if (now.printed.errnum)
        return now.printed;
    return (struct output_error){.errnum = -of_files, .capture = of_files != 0};
}

void
output_suspend(struct output_saved *saved)
{
    if (!out.file) /* --serial: the process's own */
        return;
    stream_pull(&out);
    stream_suspend(&out, &saved->out);
    stream_suspend(&err, &saved->err);
    now.task = NULL;
}

void
output_resume(const struct task *t, struct output_saved *saved)
{
    if (!out.file)
        return;
    stream_resume(&out, &saved->out);
    stream_resume(&err, &saved->err);
    if (output_by_task) {
        now.task = t;
        now.tag[0] = '\0';
    }
}

void
output_drop(struct output_saved *saved)
{
    stream_drop(&saved->out);
    stream_drop(&saved->err);
}

struct output_error
output_flush(enum output_when when)
{
    if (!out.file) /* --serial: the process's own */
        return (struct output_error){.errnum = -own_streams_flush()};
    stream_pull(&out);
    if (unlikely(now.task))
        flush_task(when);
    else if (out.len)
        stream_flush(&out);
    if (unlikely(output_by_task))
        return first_error();
    return (struct output_error){.errnum = -out.real.error};
}

void
output_write_lines(void)
{
    if (out.file) /* else, --serial: the process's own */
        stream_write_lines(&out);
}

struct output_error
output_end(void)
{
    struct output_error lost = output_flush(OUTPUT_AGAIN);
    if (err.file && err.len)
        stream_flush(&err);
    return lost;
}

void
output_say_lost(struct output_error e)
{
    const struct config *c = &job.config;
    const char *why = strerror(e.errnum);
    own_streams_said();
    if (!e.capture)
        log_error("standard output: %s: the job cannot continue", why);
    else if (c->output_dir)
        log_error("--output-dir: \"%s\": %s: the job cannot continue", c->output_dir, why);
    else
        log_error("the output of tasks cannot be kept in \"%s\" (--tmpdir): %s: the job cannot "
                  "continue",
                  job_tmpdir(), why);
}

/* Whoever asks has just seen something fail: seldom. */
bool
output_reader_gone(void)
{
    struct pollfd fd = {STDOUT_FILENO, POLLOUT, 0};
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return false;
    return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLERR | POLLHUP));
}
