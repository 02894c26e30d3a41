#include "job/options.h"

#include <stddef.h>

#include "job/config.h"

#define WORKERS "Workers"
#define TASKS "Tasks"
#define THROTTLING "Throttling"
#define OUTPUT "Output of tasks"
#define MEMORY "Memory"
#define RECOVERY "Crash recovery"
#define FAILED "Failed tasks"
#define MONITORING "Monitoring"
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
     .help = "at most N workers, 1 to 4000 (default: the CPUs that this\n"
             "process may use); take more if tasks wait for I/O"},
    {WORKERS, 0, "eager", FLAG(eager),
     .help = "start all N workers at once (default: one for each CPU,\n"
             "and more when tasks are ready and no worker is free)"},
    {WORKERS, 'c', "concurrency",
     COUNT(uint32_t, concurrency, 1, CONFIG_CONCURRENCY_MAX, "a number of tasks"), BASIC,
     .value = "K", .example = "-c 100",
     .help = "K tasks per worker: one runs, others wait (default 1)"},
    {WORKERS, 0, "serial", FLAG(serial), BASIC,
     .help = "run everything in this process, for debuggers and\n"
             "profilers: no crash recovery, --timeout or --deadline"},
    {WORKERS, 0, "max-tasks", COUNT64(max_tasks, 1, UINT64_MAX, "a number of tasks"),
     .value = "K", .example = "--max-tasks 1000",
     .help = "replace a worker after K tasks"},
    {WORKERS, 0, "max-rss", BYTES(max_rss_bytes),
     .value = "SIZE", .example = "--max-rss 512M",
     .help = "replace a worker when its memory exceeds SIZE"},
    {WORKERS, 0, "lua-memory", BYTES(lua_memory_bytes),
     .value = "SIZE", .example = "--lua-memory 256M",
     .help = "limit the Lua memory of each worker; a task that needs\n"
             "more fails with \"not enough memory\""},

    {TASKS, 0, "order", CHOICE(enum task_order, order, "an order"),
     .value = "ORDER", .offer = "fifo lifo", .example = "--order lifo",
     .help = "run the oldest task first (fifo, default) or the newest\n"
             "(lifo, which needs the least memory)"},
    {TASKS, 0, "retries",
     COUNT(uint32_t, retries, 0, CONFIG_RETRIES_MAX, "a number of retries"), BASIC,
     .value = "K", .example = "--retries 2",
     .help = "retry a task up to K times after an error (default 0)"},
    {TASKS, 0, "max-crashes",
     COUNT(uint32_t, max_crashes, 1, CONFIG_CRASHES_MAX, "a number of crashes"),
     .value = "K", .example = "--max-crashes 3",
     .help = "quarantine a task after it has crashed K workers\n"
             "(default 3)"},
    {TASKS, 0, "timeout", SECONDS(timeout_ns), BASIC,
     .value = "SECONDS", .example = "--timeout 1.5",
     .help = "kill a task, or a worker's hook, that runs longer;\n"
             "tasks fail, so --retries applies"},
    {TASKS, 0, "halt", SET(HALT, struct halt, halt), BASIC,
     .value = "WHEN", .offer = "never soon,fail=1 now,fail=1 now,success=1",
     .example = "--halt now,fail=1",
     .help = "end the job early: never (default), or soon or now, when\n"
             "N tasks, or N %, have failed, succeeded or finished:\n"
             "now,fail=1   soon,fail=5%   now,success=1  soon,done=100"},
    {TASKS, 0, "deadline", SECONDS(deadline_ns),
     .value = "SECONDS", .example = "--deadline 60",
     .help = "stop starting tasks after SECONDS;\n"
             "running tasks finish, hung hooks are killed"},

    {THROTTLING, 0, "load", SET(LOAD, struct load, load),
     .value = "MAX", .offer = "100%", .example = "--load 100%",
     .help = "start no task while more than MAX processes are running;\n"
             "also in percent of the CPUs, such as 100%"},
    {THROTTLING, 0, "memfree", BYTES(memfree_bytes),
     .value = "SIZE", .example = "--memfree 1G",
     .help = "start no task while less than SIZE of memory is free"},
    {THROTTLING, 0, "delay", SECONDS(delay_ns),
     .value = "SECONDS", .example = "--delay 0.5",
     .help = "wait at least SECONDS between task starts"},
    {THROTTLING, 0, "nice", COUNT(int, nice, 1, CONFIG_NICE_MAX, "a niceness"),
     .value = "N", .example = "--nice 10",
     .help = "run tasks at niceness N (1 to 19)"},

    {OUTPUT, 0, "line-buffer", CONSTANT(enum buffering, buffering, BUFFER_LINES),
     .help = "print whole lines (default): on a terminal as they come;\n"
             "for the output of programs, use --group"},
    {OUTPUT, 0, "group", CONSTANT(enum buffering, buffering, BUFFER_TASKS), BASIC,
     .help = "print each task's output together when it ends"},
    {OUTPUT, 0, "keep-order", FLAG(keep_order),
     .help = "like --group, in posting order"},
    {OUTPUT, 0, "tag", FLAG(tag),
     .help = "start each line with its task and a tab"},
    {OUTPUT, 0, "output-dir", STRING(output_dir),
     .value = "DIR", .example = "--output-dir results",
     .help = "write output to DIR/FUNCTION/ID/stdout and stderr"},

    {MEMORY, 0, "memory", BYTES(memory_bytes),
     .value = "SIZE", .example = "--memory 512M",
     .help = "keep at most SIZE (bytes, or 512K, 64M, 2G) of tasks and\n"
             "shared data in memory, the rest in a file on disk"},
    {MEMORY, 0, "tmpdir", SET(DIRECTORY, const char *, tmpdir),
     .value = "DIR", .example = "--tmpdir /var/tmp",
     .help = "put the file of --memory, and the output that --group\n"
             "holds back, in DIR"},

    {RECOVERY, 0, "state", STRING(state), BASIC,
     .value = "FILE", .example = "--state job.state",
     .help = "save the job in FILE so that --resume can continue it,\n"
             "even after kill -9 of every process"},
    {RECOVERY, 0, "resume", STRING(resume), BASIC,
     .value = "FILE", .example = "--resume job.state",
     .help = "continue the job in FILE, with the same script"},

    {FAILED, 0, "failures", STRING(failures),
     .value = "FILE", .example = "--failures failed.jsonl",
     .help = "append each task that failed or was quarantined to FILE,\n"
             "as a line of JSON"},
    {FAILED, 0, "retry-failed", STRING(retry_failed),
     .value = "FILE", .example = "--retry-failed failed.jsonl",
     .help = "post the tasks in FILE instead of running begin()"},

    {MONITORING, 0, "progress", SET(PROGRESS, enum progress, progress), BASIC,
     .example = "--progress=json",
     .help = "show progress on stderr: drawn on a terminal, else a line\n"
             "every 10 s (the default for longer jobs); as a line of\n"
             "JSON every second with --progress=json"},
    {MONITORING, 0, "no-progress", CONSTANT(enum progress, progress, PROGRESS_NEVER),
     .help = "show no progress and no summary"},
    {MONITORING, 0, "summary", FLAG(summary),
     .help = "print times, slowest tasks, failures, hints at the end\n"
             "(the default if progress was shown)"},
    {MONITORING, 0, "joblog", STRING(joblog),
     .value = "FILE", .example = "--joblog job.log",
     .help = "append a line to FILE for each run of a task, with the\n"
             "columns of GNU parallel and more"},
    {MONITORING, 0, "trace", STRING(trace),
     .value = "FILE", .example = "--trace job.json",
     .help = "write a timeline of workers and tasks in Chrome trace\n"
             "format, for ui.perfetto.dev"},
    {MONITORING, 0, "report", SET(REPORT, const char *, report), BASIC,
     .value = "FILE", .example = "--report job.html",
     .help = "write a report when the job is over: a page if FILE ends\n"
             "in .html, data for programs if it ends in .json"},
    {MONITORING, 0, "log-every-run", FLAG(log_every_run),
     .help = "log every run to --joblog and --trace, even many\n"
             "thousands a second: the job waits for the file"},
    {MONITORING, 0, "profile", STRING(profile),
     .value = "FILE", .example = "--profile job.folded",
     .help = "write where the workers' CPU time goes, by function, as\n"
             "folded stacks for flame graphs"},
    {MONITORING, 0, "profile-states", FLAG(profile_states),
     .help = "add to --profile what LuaJIT did: compiled, C ..."},

    {MESSAGES, 'd', "debug", FLAG(debug), BASIC,
     .help = "log worker starts and exits to stderr"},
    {MESSAGES, 'q', "quiet", FLAG(quiet),
     .help = "print only errors on stderr"},
    {MESSAGES, 0, "version", .kind = OPTION_VERSION,
     .help = "print the version and exit"},
    {MESSAGES, 0, "completion", .kind = OPTION_COMPLETION, .what = "a shell",
     .value = "SHELL", .offer = "bash zsh fish", .example = "--completion bash",
     .help = "print a completion script for bash,\n"
             "zsh or fish, and exit"},
    {MESSAGES, 'h', "help", .kind = OPTION_HELP, BASIC,
     .help = "print the common options (-h), or all of them (--help),\n"
             "and exit"},
};
/* clang-format on */
