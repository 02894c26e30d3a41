#include "cli/new.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/help.h"

const struct option_row new_options[] = {
    {"Options", 'h', "help", OPTION_HELP, .help = "print this and exit"},
    {0},
};

static const char who[] = "prunner new";

/* It runs as it is, and prints something. */
static const char skeleton[] =
    "#!/usr/bin/env prunner\n"
    "-- Counts words in files, each file in a task of its own.\n"
    "--\n"
    "--   prunner THIS_FILE -n 4 --longer 3 *.md\n"
    "--   prunner THIS_FILE --help\n"
    "local prunner = require \"prunner\"\n"
    "\n"
    "-- The options and arguments that this script accepts.\n"
    "local opt = prunner.options {\n"
    "  description = \"Counts words in files.\",\n"
    "  { \"files\", args = \"*\", description = \"files to read (default: this script)\" },\n"
    "  { \"--longer\", default = 0, description = \"count words longer than this\" },\n"
    "}\n"
    "\n"
    "-- Counters are shared by all workers. Other variables are copied to each of them.\n"
    "local words = prunner.counter \"words\"\n"
    "\n"
    "-- Runs once, first: posts the first tasks.\n"
    "function begin()\n"
    "  prunner.post_many(count, #opt.files > 0 and opt.files or { arg[0] })\n"
    "end\n"
    "\n"
    "-- A task: runs in a worker, in parallel with others, and may post tasks too. An error ends\n"
    "-- only this task: its additions are undone, it is reported, and the exit status will be 1.\n"
    "function count(path)\n"
    "  local file = assert(io.open(path))\n"
    "  for line in file:lines() do\n"
    "    for word in line:gmatch \"%a+\" do\n"
    "      if #word > opt.longer then words:add(1) end\n"
    "    end\n"
    "  end\n"
    "  file:close()\n"
    "end\n"
    "\n"
    "-- Options for all tasks of a function: one retry after an error, a minute at most.\n"
    "prunner.task(\"count\", count, { retries = 1, timeout = 60 })\n"
    "\n"
    "-- Runs once, last, when no task is left.\n"
    "function end_()\n"
    "  local stats = prunner.stats()\n"
    "  print((\"words: %d, files: %d, failed: %d\"):format(\n"
    "    words:get(), stats.posted, stats.failed))\n"
    "end\n";

static void
print_help(FILE *out)
{
    fputs("usage: prunner new FILE\n"
          "\n"
          "Writes a starter script to FILE, such as job.lua. Run it with: prunner job.lua\n"
          "An existing file is not changed.\n",
          out);
    help_options(out, new_options);
}

/* Returns 0, or -errno. */
static int
create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
    if (fd < 0 && errno == EEXIST)
        return help_complain(who,
                             "\"%s\": it exists already, and is left as it is: give another name",
                             path);
    if (fd < 0)
        return help_complain(who, "\"%s\": %s", path, strerror(errno));
    struct file_id id = path_id(fd);
    FILE *file = fdopen(fd, "w");
    if (file && fputs(skeleton, file) >= 0 && fclose(file) == 0)
        return 0;
    int err = errno;
    (void)path_remove(path, id);
    return help_complain(who, "\"%s\": %s", path, strerror(err));
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
        return help_complain(who, "unknown option %s: see prunner new --help", argv[1]);
    return help_complain(who, "%s: see prunner new --help",
                         argc < 2 ? "no file given, such as job.lua"
                                  : "one file is made at a time");
}
