#include "job/options.h"

#include <stddef.h>

#include "job/config.h"

#define WORKERS "Workers"
#define TASKS "Tasks"
#define CONSIDERATION "Consideration for what else runs on the machine"
#define OUTPUT "Output of tasks"
#define MEMORY "Memory"
#define SURVIVING "Surviving"
#define FAILED "Failed tasks"
#define LOOKING "Looking at a job"
#define MESSAGES "Messages"

/* What a row sets. A field of another type than the kind's does not compile. */
#define FIELD(f) (((struct config *)NULL)->f)
#define IS_OF_TYPE(type, f) (__builtin_types_compatible_p(type, __typeof__(FIELD(f))) ? 1 : -1)
#define SET(k, type, f) \
    .kind = OPTION_##k, .offset = offsetof(struct config, f) + 0 * sizeof(char[IS_OF_TYPE(type, f)])
#define FLAG(f) SET(FLAG, bool, f)
#define CONSTANT(type, f, v) SET(CONSTANT, type, f), .constant = (v)
#define CHOICE(type, f, noun) SET(CHOICE, type, f), .what = (noun)
#define COUNT(type, f, least, most, noun) \
    SET(COUNT, type, f), .min = (least), .max = (most), .what = (noun)
#define COUNT64(f, least, most, noun) \
    SET(COUNT64, uint64_t, f), .min = (least), .max = (most), .what = (noun)
#define SECONDS(f) SET(SECONDS, int64_t, f)
#define BYTES(f) SET(BYTES, uint64_t, f)
#define STRING(f) SET(STRING, const char *, f)
#define BASIC .basic = true

/* clang-format off */
const struct option_row prn_options[OPTIONS_MAX + 1] = {
    {WORKERS, 'n', "nprocess", COUNT(int, n, 1, CONFIG_WORKERS_MAX, "a number of workers"), BASIC,
     .value = "N", .example = "-n 10",
     .help = "N workers (1 to 4000); default: the CPUs this process\n"
             "may use. More is fine for tasks that wait for I/O"},
    {WORKERS, 0, "eager", FLAG(eager),
     .help = "start all N at once; default: one for each CPU, and\n"
             "more when tasks are ready and the workers wait"},
    {WORKERS, 0, "serial", FLAG(serial), BASIC,
     .help = "everything in this one process, for debuggers and\n"
             "profilers: no crash recovery, --timeout, --deadline"},
    {WORKERS, 0, "max-tasks", COUNT64(max_tasks, 1, UINT64_MAX, "a number of tasks"),
     .value = "K", .example = "--max-tasks 1000",
     .help = "replace a worker after K tasks"},
    {WORKERS, 0, "max-rss", BYTES(max_rss_bytes),
     .value = "SIZE", .example = "--max-rss 512M",
     .help = "replace a worker whose memory grew beyond SIZE"},
    {WORKERS, 0, "lua-memory", BYTES(lua_memory_bytes),
     .value = "SIZE", .example = "--lua-memory 256M",
     .help = "what the Lua values of a worker may take; a task that\n"
             "wants more gets the error \"not enough memory\""},

    {TASKS, 0, "order", CHOICE(enum task_order, order, "an order"),
     .value = "ORDER", .offer = "fifo lifo", .example = "--order lifo",
     .help = "which task is next: fifo, as posted (default), or lifo,\n"
             "the newest: needs least memory"},
    {TASKS, 0, "retries",
     COUNT(uint32_t, retries, 0, CONFIG_RETRIES_MAX, "a number of retries"), BASIC,
     .value = "K", .example = "--retries 2",
     .help = "run a task up to K times more after an error (default 0)"},
    {TASKS, 0, "attempts",
     COUNT(uint32_t, attempts, 1, CONFIG_ATTEMPTS_MAX, "a number of attempts"),
     .value = "K", .example = "--attempts 3",
     .help = "set a task aside after K runs, those counted that ended\n"
             "with their worker (default 3)"},
    {TASKS, 0, "timeout", SECONDS(timeout_ns), BASIC,
     .value = "SECONDS", .example = "--timeout 1.5",
     .help = "end a task that runs longer: a failure (see --retries);\n"
             "also hooks"},
    {TASKS, 0, "halt", SET(HALT, struct halt, halt), BASIC,
     .value = "WHEN", .offer = "never soon,fail=1 now,fail=1 now,success=1",
     .example = "--halt now,fail=1",
     .help = "end the job early: never (default), or soon or now with\n"
             "fail, success or done and a number or percentage:\n"
             "now,fail=1   soon,fail=5%   now,success=1   soon,done=100"},
    {TASKS, 0, "deadline", SECONDS(deadline_ns),
     .value = "SECONDS", .example = "--deadline 60",
     .help = "after so long start no further task; what runs may end,\n"
             "but for hooks that hang"},

    {CONSIDERATION, 0, "load", SET(LOAD, struct load, load),
     .value = "MAX", .offer = "100%", .example = "--load 100%",
     .help = "start no task while more than MAX processes run; also\n"
             "in percent of the CPUs, such as 100%"},
    {CONSIDERATION, 0, "memfree", BYTES(memfree_bytes),
     .value = "SIZE", .example = "--memfree 1G",
     .help = "start no task while less memory than SIZE is free"},
    {CONSIDERATION, 0, "delay", SECONDS(delay_ns),
     .value = "SECONDS", .example = "--delay 0.5",
     .help = "at least so long between the start of two tasks"},
    {CONSIDERATION, 0, "nice", COUNT(int, nice, 1, CONFIG_NICE_MAX, "a niceness"),
     .value = "N", .example = "--nice 10",
     .help = "run tasks with niceness N (1 to 19)"},

    {OUTPUT, 0, "line-buffer", CONSTANT(enum buffering, buffering, BUFFER_LINES),
     .help = "whole lines, as they come (default); not those of\n"
             "programs that tasks start: --group"},
    {OUTPUT, 0, "group", CONSTANT(enum buffering, buffering, BUFFER_TASKS), BASIC,
     .help = "all that a task prints together, when it ends"},
    {OUTPUT, 0, "keep-order", FLAG(keep_order),
     .help = "the same, in the order in which tasks were posted"},
    {OUTPUT, 0, "tag", FLAG(tag),
     .help = "each line begins with its task and a tab"},
    {OUTPUT, 0, "output-dir", STRING(output_dir),
     .value = "DIR", .example = "--output-dir results",
     .help = "into files: DIR/FUNCTION/ID/stdout and stderr"},

    {MEMORY, 0, "memory", BYTES(memory_bytes),
     .value = "SIZE", .example = "--memory 512M",
     .help = "what tasks and shared data may take before they go on\n"
             "in a file on disk"},
    {MEMORY, 0, "tmpdir", SET(DIRECTORY, const char *, tmpdir),
     .value = "DIR", .example = "--tmpdir /var/tmp",
     .help = "where that file is, and what --group keeps.\n"
             "SIZE is in bytes, or as in 512K, 64M, 2G"},

    {SURVIVING, 0, "state", STRING(state), BASIC,
     .value = "FILE", .example = "--state job.state",
     .help = "keep the job in FILE, so that it can go on when all of\n"
             "it was killed"},
    {SURVIVING, 0, "resume", STRING(resume), BASIC,
     .value = "FILE", .example = "--resume job.state",
     .help = "go on with the job in FILE, with the same script"},

    {FAILED, 0, "dead", STRING(dead),
     .value = "FILE", .example = "--dead failed.jsonl",
     .help = "add a line of JSON to FILE for each task that failed for\n"
             "good or was set aside"},
    {FAILED, 0, "retry-dead", STRING(retry_dead),
     .value = "FILE", .example = "--retry-dead failed.jsonl",
     .help = "post the tasks in FILE again, instead of begin()"},

    {LOOKING, 0, "progress", SET(PROGRESS, enum progress, progress), BASIC,
     .example = "--progress=json",
     .help = "how the job stands, on stderr: drawn on a terminal, else\n"
             "a line every 10 s. That is the default for jobs that take\n"
             "longer. --progress=json: a line of JSON every second"},
    {LOOKING, 0, "no-progress", CONSTANT(enum progress, progress, PROGRESS_NEVER),
     .help = "nothing of that, and no summary"},
    {LOOKING, 0, "summary", FLAG(summary),
     .help = "at the end: times, the slowest tasks, failures, hints.\n"
             "The default where progress was shown"},
    {LOOKING, 0, "joblog", STRING(joblog),
     .value = "FILE", .example = "--joblog job.log",
     .help = "add a line to FILE for each run of a task that ended, in\n"
             "the columns of GNU parallel and more"},
    {LOOKING, 0, "trace", STRING(trace),
     .value = "FILE", .example = "--trace job.json",
     .help = "a timeline of workers and tasks in Chrome trace format,\n"
             "for ui.perfetto.dev"},
    {LOOKING, 0, "report", SET(REPORT, const char *, report), BASIC,
     .value = "FILE", .example = "--report job.html",
     .help = "how the job went, when it is over: a page if FILE ends in\n"
             ".html, figures for programs if it ends in .json"},
    {LOOKING, 0, "record-all", FLAG(record_all),
     .help = "every run, also when many thousands end in a second:\n"
             "the job waits for the file"},
    {LOOKING, 0, "profile", STRING(profile),
     .value = "FILE", .example = "--profile job.folded",
     .help = "where CPU time goes in the workers, by function: folded\n"
             "stacks, for flame graphs"},
    {LOOKING, 0, "profile-states", FLAG(profile_states),
     .help = "with what LuaJIT did there: compiled, interpreted, C ..."},

    {MESSAGES, 'd', "debug", FLAG(debug), BASIC,
     .help = "lives of workers and tasks on stderr"},
    {MESSAGES, 'q', "quiet", FLAG(quiet),
     .help = "nothing but errors on stderr"},
    {MESSAGES, 0, "version", .kind = OPTION_VERSION,
     .help = "print the version and exit"},
    {MESSAGES, 0, "completion", .kind = OPTION_COMPLETION, .what = "a shell",
     .value = "SHELL", .offer = "bash zsh fish", .example = "--completion bash",
     .help = "print what makes bash, zsh or fish complete these\n"
             "options, and exit"},
    {MESSAGES, 'h', "help", .kind = OPTION_HELP, BASIC,
     .help = "print help and exit. -h: the options that one needs\n"
             "first; --help: all"},
};
/* clang-format on */
