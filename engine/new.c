#include "new.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "help.h"

enum { EXIT_WORDS = 2 };

const struct option_row new_options[] = {
    {"Options", OPT_HELP, "help", NULL, NULL, NULL, "print this and exit"},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL},
};

/* It runs as it is, and prints something. */
static const char skeleton[] =
    "#!/usr/bin/env prunner\n"
    "-- Counts the lines of files, each file in a task of its own.\n"
    "--\n"
    "--   prunner THIS_FILE -n 4 *.lua\n"
    "local prunner = require \"prunner\"\n"
    "\n"
    "-- Counters are shared by all workers; other variables are copied to each.\n"
    "local lines = prunner.counter \"lines\"\n"
    "\n"
    "-- Runs once, first: posts the first tasks.\n"
    "function begin()\n"
    "  local files = #arg > 0 and arg or { arg[0] }\n"
    "  prunner.post_many(count, files)\n"
    "end\n"
    "\n"
    "-- A task: runs in some worker, beside others. It may post tasks too.\n"
    "function count(path)\n"
    "  -- An error ends this task only: what it added is undone, and a report is printed.\n"
    "  local file = assert(io.open(path))\n"
    "  for _ in file:lines() do lines:add(1) end\n"
    "  file:close()\n"
    "end\n"
    "\n"
    "-- How tasks of a function are run; the options of the command say it for all.\n"
    "prunner.task(\"count\", count, { retries = 1, timeout = 60 })\n"
    "\n"
    "-- Runs once, last, when no task is left.\n"
    "function end_()\n"
    "  local stats = prunner.stats()\n"
    "  print(lines:get() .. \" lines in \" .. stats.done - stats.failed .. \" files\")\n"
    "end\n";

static void
print_help(FILE *out)
{
    fputs("usage: prunner new FILE\n"
          "\n"
          "Writes a script to begin with to FILE, such as job.lua. It runs as it is:\n"
          "prunner job.lua. A file that exists is left alone.\n",
          out);
    help_options(out, new_options);
}

/* One line on stderr; the exit status for whoever wants to return it. */
static int
complain(const char *path, const char *problem)
{
    fprintf(stderr, "prunner new: \"%s\": %s\n", path, problem);
    return EXIT_WORDS;
}

/* Returns 0, or -errno. */
static int
write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int
create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
    if (fd < 0 && errno == EEXIST)
        return complain(path, "it exists already, and is left as it is: give another name");
    if (fd < 0)
        return complain(path, strerror(errno));
    int err = write_all(fd, skeleton, sizeof skeleton - 1);
    if (close(fd) != 0 && !err)
        err = -errno;
    if (!err)
        return 0;
    (void)unlink(path);
    return complain(path, strerror(-err));
}

int
new_run(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--") == 0)
        return create(argv[2]);
    if (argc == 2 && argv[1][0] != '-')
        return create(argv[1]);
    if (argc > 1 && argv[1][0] == '-')
        fprintf(stderr, "prunner new: unknown option %s: see prunner new --help\n", argv[1]);
    else
        fprintf(stderr, "prunner new: %s: see prunner new --help\n",
                argc < 2 ? "no file given, such as job.lua" : "one file is made at a time");
    return EXIT_WORDS;
}
