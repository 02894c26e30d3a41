#include "output/printer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/parent_death.h"
#include "job/job.h"
#include "store/lock.h"
#include "base/log.h"
#include "output/order.h"
#include "output/order_log.h"
#include "output/own_streams.h"
#include "output/output.h"
#include "base/wait_status.h"
#include "output/sink.h"
#include "task/task.h"
#include "base/large.h"

enum { TAG = 256 };

/* What the supervisor tells: this task was quarantined. */
struct quarantined {
    uint64_t id, parent;
};

static struct {
    bool on;
    pid_t pid;   /* 0: this process does it itself, or it has ended */
    int tell_fd; /* over which the supervisor sends struct quarantined; -1: none */
    struct order *order;
    struct sink to[2];
    struct output_error error; /* the first; the job cannot continue after it */
} printer = {.tell_fd = -1};

/* ---- the tasks there are ---- */

struct ids {
    uint64_t *at;
    size_t n, cap;
    bool failed;
};

static void
take_id(void *arg, uint32_t index)
{
    struct ids *ids = arg;
    const struct task *t = task_at(&job.arena, index);
    enum task_state state = task_state(atom_load(&t->word));
    if (state != TASK_READY && state != TASK_WAIT)
        return;
    if (!array_reserve(&ids->at, &ids->cap, ids->n + 1, sizeof *ids->at)) {
        ids->failed = true;
        return;
    }
    ids->at[ids->n++] = t->id;
}

/* begin()'s first, then, of a job that was resumed, those of each worker; as posted. */
static int
by_poster(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    uint64_t of_x = x % ARENA_SLOTS, of_y = y % ARENA_SLOTS;
    if (of_x != of_y)
        return of_x < of_y ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Ids that follow each other become one entry; instead of the ids. */
static size_t
join(const struct ids *ids, struct order_posts *posts)
{
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++) {
        struct order_posts *last = n ? &posts[n - 1] : NULL;
        if (last && ids->at[i] == last->first + last->count * ARENA_SLOTS)
            last->count++;
        else
            posts[n++] = (struct order_posts){ids->at[i], 1};
    }
    return n;
}

static struct order *
order_of_tasks(void)
{
    struct ids ids = {0};
    struct order *o = NULL;
    for (uint32_t k = 0; k <= job.arena.header->nworkers; k++)
        slab_each(&job.arena, k, SLAB_TASK, take_id, &ids);
    struct order_posts *posts = malloc((ids.n + 1) * sizeof *posts);
    if (posts && !ids.failed) {
        if (ids.n)
            qsort(ids.at, ids.n, sizeof *ids.at, by_poster);
        o = order_open(posts, join(&ids, posts));
    }
    free(ids.at);
    free(posts);
    return o;
}

/* ---- showing ---- */

/* The first error counts, and ends the job. */
static void
note_error(struct output_error e)
{
    if (printer.error.errnum || !e.errnum)
        return;
    printer.error = e;
    if (!printer.pid && job.config.serial)
        return;
    atom_store(&job.arena.header->output_error, output_error_pack(e));
    job_notify();
}

/* Of the files that keep it, -errno; 0: none. */
static void
files_failed(int err)
{
    note_error((struct output_error){.errnum = -err, .capture = true});
}

static void
show(uint64_t where)
{
    struct order_log_entry r;
    char tag[TAG] = "";
    off_t at = (off_t)where + (off_t)sizeof r;
    int err = order_log_at(where, &r);
    if (!err && r.bytes[0] && r.bytes[0] < TAG &&
        pread(order_log_fd(), tag, r.bytes[0], at) != (ssize_t)r.bytes[0])
        err = -EIO;
    if (err) {
        files_failed(err);
        return;
    }
    uint32_t *lock = job.arena.header->output_lock;
    (void)lock_take(&job.self, lock, -1); /* it waits for nothing else: no circle */
    at += (off_t)r.bytes[0];
    for (int i = 0; i < 2; i++) {
        printer.to[i].tag = *tag ? tag : NULL;
        sink_copy(&printer.to[i], order_log_fd(), at, (off_t)r.bytes[1 + i]);
        sink_end_line(&printer.to[i]);
        at += (off_t)r.bytes[1 + i];
    }
    lock_release(&job.self, lock);
    note_error((struct output_error){.errnum = -printer.to[0].error});
    order_log_done(where, &r);
}

static void
tell(const struct order_note *note)
{
    int err = order_tell(printer.order, note);
    if (err)
        files_failed(err);
}

/* Reads what there is to read, and shows what can be shown. */
static void
catch_up(void)
{
    struct order_log_entry r;
    uint64_t where;
    int err;
    while (order_log_read(&job.arena, &where, &r, &err)) {
        bool shows = r.bytes[1] + r.bytes[2] > 0;
        struct order_note note = {r.id, r.parent, r.ended, shows, where, r.posts};
        tell(&note);
        if (!shows)
            order_log_done(where, &r);
        while (order_next(printer.order, &where))
            show(where);
    }
    files_failed(err);
}

static void
show_rest(void)
{
    uint64_t where;
    catch_up();
    while (order_rest(printer.order, &where))
        show(where);
}

/* ---- the process ---- */

/* false: nobody is left who could tell anything. */
static bool
read_quarantined(int fd)
{
    struct quarantined is;
    uint64_t where;
    ssize_t n = read(fd, &is, sizeof is);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n != (ssize_t)sizeof is)
        return false;
    catch_up(); /* what its runs have printed was there before */
    tell(&(struct order_note){.id = is.id, .parent = is.parent, .ended = true});
    while (order_next(printer.order, &where))
        show(where);
    return true;
}

/* This process holds and waits for output_lock under a number of its own: slot 0 is the
 * supervisor's, whose words it must not write. Where it waits nobody has to know: it holds
 * no other lock then. */
static void
act_for_itself(void)
{
    static LARGE_BSS struct slot private;
    job.self.me = ARENA_PRINTER;
    job.self.slot = &private;
}

__attribute__((noreturn)) static void
life(int fd, pid_t parent)
{
    setpgid(0, 0); /* Ctrl-C is for the supervisor */
    parent_death_follow(parent);
    act_for_itself();
    for (;;) {
        struct pollfd fds[2] = {{fd, POLLIN, 0}, {order_log_wake_fd(), POLLIN, 0}};
        uint64_t times;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if (fds[1].revents && read(order_log_wake_fd(), &times, sizeof times) < 0 &&
            errno != EAGAIN && errno != EINTR)
            _exit(1);
        catch_up();
        if (fds[0].revents && !read_quarantined(fd))
            break;
    }
    show_rest();
    _exit(0);
}

static int
start_process(void)
{
    int ends[2];
    pid_t me = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    (void)own_streams_flush(); /* what begin() has printed comes first, and once */
    fflush(NULL);
    pid_t pid = job_fork();
    if (pid < 0) {
        int err = -errno;
        close(ends[0]);
        close(ends[1]);
        return err;
    }
    if (!pid) {
        close(ends[1]);
        life(ends[0], me);
    }
    close(ends[0]);
    printer.pid = pid;
    printer.tell_fd = ends[1];
    order_close(printer.order); /* it is the new process's */
    printer.order = NULL;
    return 0;
}

int
printer_start(bool serial)
{
    int err = order_log_open(&job.arena, job_tmpdir());
    if (err)
        return err;
    printer.order = order_of_tasks();
    if (!printer.order)
        return -ENOMEM;
    printer.to[0].fd = STDOUT_FILENO;
    printer.to[1].fd = STDERR_FILENO;
    printer.on = true;
    return serial ? 0 : start_process();
}

void
printer_forget(void)
{
    if (printer.tell_fd >= 0)
        close(printer.tell_fd);
    printer.tell_fd = -1;
}

void
printer_quarantined(const struct task *t)
{
    struct quarantined is = {t->id, t->parent};
    int how = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (printer.tell_fd >= 0 && send(printer.tell_fd, &is, sizeof is, how) < 0)
        log_warn("--keep-order: the output after that of task #%llu comes at the end",
                 (unsigned long long)t->id);
}

static void
say_died(int status)
{
    printer.pid = 0;
    log_error("the process that shows output in order (--keep-order) died (%s): the job "
              "cannot continue",
              wait_status_text(status));
    job.result.fatal = true;
}

bool
printer_died(void)
{
    int status;
    if (!printer.pid || waitpid(printer.pid, &status, WNOHANG) != printer.pid)
        return false;
    say_died(status);
    return true;
}

struct output_error
printer_turn(void)
{
    catch_up();
    return printer.error;
}

void
printer_finish(void)
{
    int status = 0;
    if (!printer.on)
        return;
    printer_forget();
    if (printer.order) {
        show_rest();
        if (printer.error.errnum && !job.result.fatal && !job.result.reader_gone)
            atom_store(&job.arena.header->output_error, output_error_pack(printer.error));
        order_close(printer.order);
        printer.order = NULL;
    } else if (printer.pid) {
        while (waitpid(printer.pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (status)
            say_died(status);
    }
    printer.pid = 0;
}
