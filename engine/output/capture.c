#include "output/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job.h"
#include "output/report.h"
#include "base/tmpfile.h"
#include "base/write_all.h"
#include "task/task.h"

enum { NAME = 128,   /* bytes of a directory's name, made of a function's */
       ABOVE = 10 }; /* descriptors of ours are not among those that people count on */

static int dir = -1; /* --output-dir; fixed before the fork */
static int real_fds[2] = {-1, -1};
static int files[2] = {-1, -1};

int
capture_dir(const char *path)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return -errno;
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    return faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) ? -errno : 0;
}

/* Closes both, if they are open. */
static void
close_both(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* Out of the way of descriptors 0 to 9, which shell commands may use. */
static int
move_above(int fd)
{
    int moved = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
    int err = moved < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return err ? err : moved;
}

/* A file that is always added to: programs that were started share it. */
static int
open_nameless(void)
{
    int fd = tmpfile_open(job_tmpdir());
    if (fd < 0)
        return fd;
    if (fcntl(fd, F_SETFL, O_APPEND) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return move_above(fd);
}

int
capture_open(int real[2])
{
    int err = 0;
    for (int i = 0; i < 2 && !err; i++) {
        real_fds[i] = fcntl(STDOUT_FILENO + i, F_DUPFD_CLOEXEC, ABOVE);
        if (real_fds[i] < 0)
            err = -errno;
        if (!err && dir < 0)
            files[i] = open_nameless();
        if (!err && dir < 0 && files[i] < 0)
            err = files[i];
    }
    if (err) {
        close_both(real_fds);
        close_both(files);
        return err;
    }
    memcpy(real, real_fds, sizeof real_fds);
    return 0;
}

void
capture_close(void)
{
    close_both(real_fds);
    close_both(files);
}

/* ---- --output-dir ---- */

/* A function's name as a directory's: letters, digits, and . _ - where they do not
 * mean anything else. Tasks' ids differ, so two functions may share a directory. */
static void
safe_name(const char *name, char safe[NAME])
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = 0;
    for (; n < NAME - 1 && name[n]; n++)
        safe[n] = strchr(fine, name[n]) ? name[n] : '_';
    safe[n] = '\0';
    if (!n || safe[0] == '.' || safe[0] == '-')
        safe[0] = '_';
    safe[n ? n : 1] = '\0';
}

/* Opens a directory below `at`, and makes it if need be. Its descriptor, or -errno. */
static int
enter_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(at, name, 0700) && errno != EEXIST)
            return -errno;
        fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    return fd < 0 ? -errno : fd;
}

/* A new file, which replaces what an earlier run left. */
static int
new_file(int at, const char *name)
{
    if (unlinkat(at, name, 0) && errno != ENOENT)
        return -errno;
    int fd = openat(at, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : move_above(fd);
}

/* DIR/FUNCTION/ID/task: what the task is called, in a line. */
static int
write_task(int at, const struct task *t)
{
    char line[512];
    report_task(t, line, sizeof line - 1);
    size_t len = strlen(line);
    line[len++] = '\n';
    int fd = new_file(at, "task");
    if (fd < 0)
        return fd;
    int err = write_all(fd, line, len, SIGXFSZ);
    close(fd);
    return err;
}

static int
open_named(const struct task *t)
{
    char name[NAME], id[24];
    safe_name(job_fn_info(t->fn)->name, name);
    snprintf(id, sizeof id, "%llu", (unsigned long long)t->id);
    int of_fn = enter_dir(dir, name);
    if (of_fn < 0)
        return of_fn;
    int own = enter_dir(of_fn, id), err = own < 0 ? own : write_task(own, t);
    close(of_fn);
    for (int i = 0; i < 2 && !err; i++) {
        files[i] = new_file(own, i ? "stderr" : "stdout");
        err = files[i] < 0 ? files[i] : 0;
    }
    if (own >= 0)
        close(own);
    if (err)
        close_both(files);
    return err;
}

/* ---- a task ---- */

int
capture_enter(const struct task *t, int file[2])
{
    int err = dir >= 0 ? open_named(t) : 0;
    if (err)
        return err;
    for (int i = 0; i < 2; i++)
        (void)dup2(files[i], STDOUT_FILENO + i);
    memcpy(file, files, sizeof files);
    return 0;
}

void
capture_leave(void)
{
    for (int i = 0; i < 2; i++) {
        (void)dup2(real_fds[i], STDOUT_FILENO + i);
        if (dir < 0 && capture_bytes(files[i]))
            (void)ftruncate(files[i], 0);
    }
    if (dir >= 0)
        close_both(files);
}

off_t
capture_bytes(int file)
{
    struct stat st;
    return fstat(file, &st) == 0 ? st.st_size : 0;
}
