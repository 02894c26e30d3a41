#include "base/screen.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/atomics.h"
#include "base/clock.h"
#include "base/text.h"

enum {
    DRAWING = 8192,                     /* bytes of one, with what moves the cursor */
    AGAIN_NS = 1000 * 1000,             /* a process draws again at most so often */
    READER_PAUSE_NS = 50 * 1000 * 1000, /* ... and nobody so soon after writing to a pipe */
};

struct block {
    uint32_t shown;
    uint64_t piped_ns; /* last write to that pipe. writer: anybody; a hint */
    uint32_t turn;     /* drawings[turn % 2] is whole */
    /* Fixed before the block is shown the first time. */
    dev_t terminal; /* its device */
    dev_t pipe_dev; /* standard output, if the reader of that pipe writes to the terminal */
    ino_t pipe_ino; /* 0: it does not */
    struct drawing {
        uint32_t len;
        char text[DRAWING];
    } drawings[2];
};

static struct block *block;
static int terminal = -1; /* a descriptor that stays: a task's 1 and 2 may be files */
static const char erase[] = "\033[J";

bool
screen_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int
screen_open(void)
{
    void *at = mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -ENOMEM;
    terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    if (terminal < 0) {
        munmap(at, sizeof *block);
        return -EMFILE;
    }
    block = at;
    return 0;
}

bool
screen_in_use(void)
{
    return block != NULL;
}

void
screen_size(int *columns, int *rows)
{
    struct winsize size = {0};
    (void)ioctl(terminal, TIOCGWINSZ, &size);
    *columns = size.ws_col ? size.ws_col : 80;
    *rows = size.ws_row ? size.ws_row : 24;
}

/* ---- where things go ---- */

/* Is this the terminal with the block? /dev/tty is another name for it. */
static bool
is_terminal(const struct stat *st)
{
    dev_t any = makedev(5, 0);
    return S_ISCHR(st->st_mode) &&
           (st->st_rdev == block->terminal || st->st_rdev == any || block->terminal == any);
}

/* Does a process of our pipeline (prunner job.lua | tee log) write to the terminal? */
static bool
reader_shows(void)
{
    bool found = false;
    DIR *proc = opendir("/proc");
    struct dirent *e;
    while (proc && !found && (e = readdir(proc))) {
        pid_t pid = isdigit((unsigned char)e->d_name[0]) ? atoi(e->d_name) : 0;
        char path[32];
        struct stat st;
        if (!pid || pid == getpid() || getpgid(pid) != getpgrp())
            continue;
        snprintf(path, sizeof path, "/proc/%d/fd/1", (int)pid);
        found = stat(path, &st) == 0 && is_terminal(&st);
    }
    if (proc)
        closedir(proc);
    return found;
}

static void
look_where(void)
{
    struct stat st;
    if (fstat(terminal, &st) == 0)
        block->terminal = st.st_rdev;
    if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode) && reader_shows()) {
        block->pipe_dev = st.st_dev;
        block->pipe_ino = st.st_ino;
    }
}

/* ---- drawing ---- */

static uint32_t
count_rows(const char *rows, size_t len)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += rows[i] == '\n';
    return n;
}

/* All that shows these rows below the cursor, wherever that is. */
static void
make_drawing(struct drawing *d, const char *rows, size_t len)
{
    struct text t = {0};
    uint32_t n = count_rows(rows, len);
    for (uint32_t i = 0; i < n; i++)
        text_put(&t, "\033D");     /* down, in the same column: scrolls for room */
    text_print(&t, "\033[%uA", n); /* and up again */
    text_put(&t, "\0337\033[?7l"); /* remember the place; wrap nothing */
    for (size_t i = 0; i < len;) {
        size_t row = (size_t)((const char *)memchr(rows + i, '\n', len - i) - (rows + i));
        text_put(&t, "\r\n");
        text_bytes(&t, rows + i, row);
        text_put(&t, "\033[K");
        i += row + 1;
    }
    text_put(&t, "\033[J\033[?7h\0338");
    d->len = t.failed || t.len > DRAWING ? 0 : (uint32_t)t.len;
    memcpy(d->text, t.at, d->len);
    text_free(&t);
}

static bool
in_background(void)
{
    pid_t foreground = tcgetpgrp(terminal);
    return foreground > 0 && foreground != getpgrp();
}

/* A terminal that is stopped (Ctrl-S), or slow, must not stop the supervisor. */
static bool
ready(void)
{
    struct pollfd p = {terminal, POLLOUT, 0};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

void
screen_show(const char *rows, size_t len)
{
    if (!block || !len || rows[len - 1] != '\n')
        return;
    if (in_background()) {
        atom_store(&block->shown, 0);
        return;
    }
    if (!ready() || clock_ns() - atom_peek(&block->piped_ns) < READER_PAUSE_NS)
        return;
    if (!block->turn)
        look_where();
    struct drawing *d = &block->drawings[(block->turn + 1) % 2];
    make_drawing(d, rows, len);
    atom_store(&block->turn, block->turn + 1); /* release: it is whole; pairs with again() */
    atom_store(&block->shown, 1);              /* before it is: who writes now erases for nothing */
    ssize_t n = write(terminal, d->text, d->len);
    (void)n; /* the next one is a whole one again */
}

void
screen_hide(void)
{
    if (!block || !atom_peek(&block->shown))
        return;
    atom_store(&block->shown, 0);
    ssize_t n = write(terminal, erase, sizeof erase - 1);
    (void)n;
}

void
screen_suspend(void)
{
    sigset_t stop, before;
    screen_hide();
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &before); /* stops here, continues here */
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- what others write ---- */

/* The block, to be drawn again behind what is written. 0 bytes: not now. */
static size_t
again(const struct block *b, char text[DRAWING])
{
    static uint64_t last_ns;
    uint64_t now = clock_ns();
    uint32_t turn = atom_load(&b->turn);
    const struct drawing *d = &b->drawings[turn % 2];
    if (now - last_ns < AGAIN_NS)
        return 0;
    last_ns = now;
    size_t len = d->len <= DRAWING ? d->len : 0;
    memcpy(text, d->text, len);
    /* The copy, then the second look: pairs with the release of `turn` in screen_show(). The
     * next drawing goes to the other half; was it this one's turn meanwhile? */
    atom_fence();
    return atom_load(&b->turn) == turn && atom_load(&b->shown) ? len : 0;
}

static ssize_t
write_above(const struct block *b, int fd, const char *bytes, size_t len)
{
    char block_again[DRAWING];
    struct iovec parts[] = {
        {(char *)erase, sizeof erase - 1},
        {(char *)bytes, len},
        {block_again, again(b, block_again)},
    };
    ssize_t n = writev(fd, parts, 3);
    if (n < 0)
        return n;
    n -= (ssize_t)(sizeof erase - 1);
    if (n <= 0) {
        errno = EINTR; /* nothing of it: again */
        return -1;
    }
    return n < (ssize_t)len ? n : (ssize_t)len;
}

ssize_t
screen_write(int fd, const char *bytes, size_t len)
{
    struct stat st;
    if (likely(!block) || !atom_load(&block->shown) || fstat(fd, &st))
        return write(fd, bytes, len);
    if (is_terminal(&st))
        return write_above(block, fd, bytes, len);
    if (block->pipe_ino && st.st_ino == block->pipe_ino && st.st_dev == block->pipe_dev) {
        ssize_t n = write(terminal, erase, sizeof erase - 1);
        (void)n;
        atom_store(&block->piped_ns, clock_ns());
    }
    return write(fd, bytes, len);
}
