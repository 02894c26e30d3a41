#include "job/options.h"

#include <stddef.h>

#define WORKERS "Workers"
#define TASKS "Tasks"
#define CONSIDERATION "Consideration for what else runs on the machine"
#define OUTPUT "Output of tasks"
#define MEMORY "Memory"
#define SURVIVING "Surviving"
#define FAILED "Failed tasks"
#define LOOKING "Looking at a job"
#define MESSAGES "Messages"

/* clang-format off */
const struct option_row prn_options[OPTIONS_MAX + 1] = {
    {WORKERS, OPT_NPROCESS, "nprocess", "N", NULL, "-n 10",
     "N workers (1 to 4000); default: the CPUs this process\n"
     "may use. More is fine for tasks that wait for I/O"},
    {WORKERS, OPT_SERIAL, "serial", NULL, NULL, NULL,
     "everything in this one process, for debuggers and\n"
     "profilers: no crash recovery, --timeout, --deadline"},
    {WORKERS, OPT_MAX_TASKS, "max-tasks", "K", NULL, "--max-tasks 1000",
     "replace a worker after K tasks"},
    {WORKERS, OPT_MAX_RSS, "max-rss", "SIZE", NULL, "--max-rss 512M",
     "replace a worker whose memory grew beyond SIZE"},
    {WORKERS, OPT_LUA_MEMORY, "lua-memory", "SIZE", NULL, "--lua-memory 256M",
     "what the Lua values of a worker may take; a task that\n"
     "wants more gets the error \"not enough memory\""},

    {TASKS, OPT_ORDER, "order", "ORDER", "fifo lifo", "--order lifo",
     "which task is next: fifo, as posted (default), or lifo,\n"
     "the newest: needs least memory"},
    {TASKS, OPT_RETRIES, "retries", "K", NULL, "--retries 2",
     "run a task up to K times more after an error (default 0)"},
    {TASKS, OPT_ATTEMPTS, "attempts", "K", NULL, "--attempts 3",
     "set a task aside after K runs, those counted that ended\n"
     "with their worker (default 3)"},
    {TASKS, OPT_TIMEOUT, "timeout", "SECONDS", NULL, "--timeout 1.5",
     "kill a task that runs longer; counts as a run"},
    {TASKS, OPT_HALT, "halt", "WHEN", "never soon,fail=1 now,fail=1 now,success=1",
     "--halt now,fail=1",
     "end the job early: never (default), or soon or now with\n"
     "fail, success or done and a number or percentage:\n"
     "now,fail=1   soon,fail=5%   now,success=1   soon,done=100"},
    {TASKS, OPT_DEADLINE, "deadline", "SECONDS", NULL, "--deadline 60",
     "after so long start no further task; what runs may end"},

    {CONSIDERATION, OPT_LOAD, "load", "MAX", "100%", "--load 100%",
     "start no task while more than MAX processes run; also\n"
     "in percent of the CPUs, such as 100%"},
    {CONSIDERATION, OPT_MEMFREE, "memfree", "SIZE", NULL, "--memfree 1G",
     "start no task while less memory than SIZE is free"},
    {CONSIDERATION, OPT_DELAY, "delay", "SECONDS", NULL, "--delay 0.5",
     "at least so long between the start of two tasks"},
    {CONSIDERATION, OPT_NICE, "nice", "N", NULL, "--nice 10",
     "run tasks with niceness N (1 to 19)"},

    {OUTPUT, OPT_LINE_BUFFER, "line-buffer", NULL, NULL, NULL,
     "whole lines, as they come (default)"},
    {OUTPUT, OPT_GROUP, "group", NULL, NULL, NULL,
     "all that a task prints together, when it ends"},
    {OUTPUT, OPT_KEEP_ORDER, "keep-order", NULL, NULL, NULL,
     "the same, in the order in which tasks were posted"},
    {OUTPUT, OPT_TAG, "tag", NULL, NULL, NULL,
     "each line begins with its task and a tab"},
    {OUTPUT, OPT_OUTPUT_DIR, "output-dir", "DIR", NULL, "--output-dir results",
     "into files: DIR/FUNCTION/ID/stdout and stderr"},

    {MEMORY, OPT_MEMORY, "memory", "SIZE", NULL, "--memory 512M",
     "what tasks and shared data may take before they go on\n"
     "in a file on disk"},
    {MEMORY, OPT_TMPDIR, "tmpdir", "DIR", NULL, "--tmpdir /var/tmp",
     "where that file is, and what --group keeps.\n"
     "SIZE is in bytes, or as in 512K, 64M, 2G"},

    {SURVIVING, OPT_STATE, "state", "FILE", NULL, "--state job.state",
     "keep the job in FILE, so that it can go on when all of\n"
     "it was killed"},
    {SURVIVING, OPT_RESUME, "resume", "FILE", NULL, "--resume job.state",
     "go on with the job in FILE, with the same script"},

    {FAILED, OPT_DEAD, "dead", "FILE", NULL, "--dead failed.jsonl",
     "add a line of JSON to FILE for each task that failed for\n"
     "good or was set aside"},
    {FAILED, OPT_RETRY_DEAD, "retry-dead", "FILE", NULL, "--retry-dead failed.jsonl",
     "post the tasks in FILE again, instead of begin()"},

    {LOOKING, OPT_PROGRESS, "progress", NULL, NULL, "--progress=json",
     "how the job stands, on stderr: drawn on a terminal, else\n"
     "a line every 10 s. That is the default for jobs that take\n"
     "longer. --progress=json: a line of JSON every second"},
    {LOOKING, OPT_NO_PROGRESS, "no-progress", NULL, NULL, NULL,
     "nothing of that, and no summary"},
    {LOOKING, OPT_SUMMARY, "summary", NULL, NULL, NULL,
     "at the end: times, the slowest tasks, failures, hints.\n"
     "The default where progress was shown"},
    {LOOKING, OPT_JOBLOG, "joblog", "FILE", NULL, "--joblog job.log",
     "add a line to FILE for each run of a task that ended, in\n"
     "the columns of GNU parallel and more"},
    {LOOKING, OPT_TRACE, "trace", "FILE", NULL, "--trace job.json",
     "a timeline of workers and tasks in Chrome trace format,\n"
     "for ui.perfetto.dev"},
    {LOOKING, OPT_REPORT, "report", "FILE", NULL, "--report job.html",
     "how the job went, when it is over: a page if FILE ends in\n"
     ".html, figures for programs if it ends in .json"},
    {LOOKING, OPT_RECORD_ALL, "record-all", NULL, NULL, NULL,
     "every run, also when many thousands end in a second:\n"
     "the job waits for the file"},
    {LOOKING, OPT_PROFILE, "profile", "FILE", NULL, "--profile job.folded",
     "where CPU time goes in the workers, by function: folded\n"
     "stacks, for flame graphs"},
    {LOOKING, OPT_PROFILE_STATES, "profile-states", NULL, NULL, NULL,
     "with what LuaJIT did there: compiled, interpreted, C ..."},

    {MESSAGES, OPT_DEBUG, "debug", NULL, NULL, NULL,
     "lives of workers and tasks on stderr"},
    {MESSAGES, OPT_QUIET, "quiet", NULL, NULL, NULL,
     "nothing but errors on stderr"},
    {MESSAGES, OPT_VERSION, "version", NULL, NULL, NULL,
     "print the version and exit"},
    {MESSAGES, OPT_COMPLETION, "completion", "SHELL", "bash zsh fish", "--completion bash",
     "print what makes bash, zsh or fish complete these\n"
     "options, and exit"},
    {MESSAGES, OPT_HELP, "help", NULL, NULL, NULL,
     "print this and exit"},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL},
};
/* clang-format on */
