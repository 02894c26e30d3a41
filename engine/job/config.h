/* config: what the user asked for, as plain data. Filled by cli/cli.c for the command, which
 * option sets which field is said in job/options.c; by binding_job.c for prunner.init(). Fixed
 * before the fork. Holds no resources: strings belong to argv or to whoever filled it. */
#ifndef PRN_CONFIG_H
#define PRN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CONFIG_WORKERS_MAX = 4000,
    CONFIG_RETRIES_MAX = 254, /* attempts are counted in 8 bits */
    CONFIG_CRASHES_MAX = 255,
    CONFIG_NICE_MAX = 19,
    CONFIG_LOAD_MAX = 1000000,
    CONFIG_CRASHES = 3, /* unless told otherwise */
    CONFIG_CONCURRENCY_MAX = 1000000,
};

enum halt_when {
    HALT_NEVER = 0, /* continue whatever happens */
    HALT_SOON,      /* start nothing new, let running tasks end */
    HALT_NOW,       /* kill running tasks */
};

enum halt_kind {
    HALT_FAIL = 0, /* tasks that failed or were quarantined */
    HALT_SUCCESS,  /* tasks that succeeded */
    HALT_DONE,     /* either */
};

/* --halt WHEN,KIND=COUNT or PERCENT%. Exactly one of count and percent is not 0,
 * unless `when` is HALT_NEVER: then all else is 0. */
struct halt {
    enum halt_when when;
    enum halt_kind kind;
    uint64_t count;   /* tasks of that kind */
    uint32_t percent; /* 1..100, of the tasks posted so far */
};

/* --load MAX or PERCENT%. At most one of them is not 0. */
struct load {
    uint32_t count;   /* threads that may run on the machine */
    uint32_t percent; /* the same, of cpus_default() */
};

/* --order: which task is next. */
enum task_order {
    TASKS_FIFO = 0, /* the oldest */
    TASKS_LIFO,     /* the newest */
};

/* When the output of tasks is shown; of --line-buffer and --group the last one counts. */
enum buffering {
    BUFFER_DEFAULT = 0, /* as it comes, unless --keep-order or --output-dir say otherwise */
    BUFFER_LINES,       /* --line-buffer was given */
    BUFFER_TASKS,       /* --group: a task's output whole, at its end */
};

/* What is shown of a job while it runs. */
enum progress {
    PROGRESS_AUTO = 0, /* --progress, unless the job is over before */
    PROGRESS_NEVER,
    PROGRESS_ALWAYS,
    PROGRESS_JSON, /* for programs */
};

struct config {
    int n;                     /* -n: workers, 1..CONFIG_WORKERS_MAX; 0: cpus_default() */
    bool debug;                /* -d: lives of workers and tasks on stderr */
    bool quiet;                /* --quiet: nothing but errors on stderr; wins over debug */
    enum progress progress;    /* on stderr; --quiet wins */
    bool summary;              /* --summary: at the end, also of a short job; --quiet wins */
    bool eager;                /* --eager: all workers from the start */
    bool serial;               /* --serial: one process; n means nothing then */
    uint32_t concurrency;      /* --concurrency: tasks that a worker may have begun, 1.. */
    enum task_order order;     /* --order */
    uint32_t retries;          /* further runs after an error, 0..CONFIG_RETRIES_MAX */
    uint32_t max_crashes;      /* before a task is quarantined, 1..CONFIG_CRASHES_MAX */
    int64_t timeout_ns;        /* a task's limit; 0: none */
    struct halt halt;          /* when to end the job early */
    int64_t deadline_ns;       /* the job's limit: then no task starts any more; 0: none */
    struct load load;          /* start nothing while more runs on the machine */
    uint64_t memfree_bytes;    /* start nothing while less memory is free; 0: no limit */
    int64_t delay_ns;          /* between the start of two tasks; 0: none */
    int nice;                  /* of the workers, 0..CONFIG_NICE_MAX */
    uint64_t memory_bytes;     /* arena budget before it spills to disk; 0: default */
    const char *state;         /* --state: keep the job in this file; NULL: in memory */
    const char *resume;        /* --resume: continue the job in this file */
    const char *failures;      /* --failures: a line for each failed task; NULL: none */
    const char *retry_failed;  /* --retry-failed: post those of this file, instead of begin() */
    const char *joblog;        /* --joblog: a line for each run; NULL: none */
    const char *trace;         /* --trace: a timeline; NULL: none */
    const char *profile;       /* --profile: folded stacks; NULL: none */
    bool profile_states;       /* --profile-states: with what LuaJIT did */
    const char *report;        /* --report: how the job went, .html or .json; NULL: none */
    bool log_every_run;        /* --log-every-run: every run, whatever it costs */
    const char *tmpdir;        /* where it spills; NULL: default */
    enum buffering buffering;  /* --line-buffer, --group */
    bool tag;                  /* --tag: each line begins with its task */
    bool keep_order;           /* --keep-order: tasks' output in the order of posting */
    const char *output_dir;    /* --output-dir: each task's output in files; NULL: none */
    uint64_t max_tasks;        /* recycle a worker after this number of tasks; 0: never */
    uint64_t max_rss_bytes;    /* recycle a worker grown beyond this; 0: never */
    uint64_t lua_memory_bytes; /* what a worker's Lua may take; 0: no limit */
    const char *script;        /* path as typed, "-" for standard input; NULL: none */
    char **args;               /* what the script sees as arg[1..]; not NULL-terminated */
    int nargs;                 /* how many */
    int nliteral;              /* how many of them, the last ones, stood after "--" */
    const char *unknown;       /* what is said of an option in args, unless the script
                                  declares options; NULL: there is none */
    bool help;                 /* --help after the script: of its options; runs no job */
    const char *command_name;  /* argv[0]: the script's arg[-1]; NULL: unknown */
};

/* config_init gives every field its default. Used by whoever fills a config. */
static inline void
config_init(struct config *c)
{
    *c = (struct config){.max_crashes = CONFIG_CRASHES, .concurrency = 1};
}

#endif
