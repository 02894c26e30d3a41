/* job: the job of this process, one a process: what was configured, the arena,
 * the slot this process acts for, the functions that were known before the fork.
 * Opened by lua/open.c, filled by the bindings while the script loads; inherited by every
 * worker. */
#ifndef PRN_JOB_H
#define PRN_JOB_H

#include <sys/types.h>

#include "memory/self.h"
#include "job/config.h"
#include "task/counts.h"

struct codec; /* codec/codec.h: it knows Lua, this header does not */

/* What this process is doing: decides what Lua may do now. */
enum job_stage {
    STAGE_LOADING = 0, /* the script runs; nothing may be posted */
    STAGE_BEGIN,       /* begin() runs */
    STAGE_TASK,        /* a task runs */
    STAGE_HOOK,        /* worker_begin, worker_end, on_error */
    STAGE_UPDATE,      /* in any of these the function of d:update runs, and may run again */
    STAGE_RUNNING,     /* the supervisor waits for its workers */
    STAGE_END,         /* end_() runs, or the job is over */
};

/* How tasks of one function are run; < 0: as the command line says. */
struct fn_options {
    int32_t retries, max_crashes;
    int64_t timeout_ns;
    int64_t backoff_ns;
    bool atomic_posts;
};

struct fn_info {
    const char *name;  /* as reports call it; malloc'ed */
    const char *where; /* file:line of its definition */
    struct fn_options options;
};

/* How a job ended. */
struct result {
    struct counts counts;
    double seconds;
    double cpu_seconds;   /* of the workers, and of what they started and waited for */
    int signal;           /* that interrupted it; 0: none */
    bool halted;          /* --halt ended it */
    bool succeeded;       /* --halt by successes: there are as many */
    bool deadline_passed; /* --deadline did, with tasks left */
    bool reader_gone;     /* nobody reads standard output */
    bool fatal;           /* prunner could not continue: message printed */
};

struct job {
    struct config config;
    struct arena arena;
    const char *start_dir; /* where the command was started; NULL: unknown. Fixed */
    const char *tmpdir;    /* where files without a name are made, from the root on; fixed */
    struct self self;      /* the slot this process acts for */
    enum job_stage stage;
    enum job_stage update_in; /* STAGE_UPDATE: within that one */
    struct codec *codec;
    struct fn_info *fns; /* by number, from 1 */
    uint32_t nfns, fns_cap;
    char **classes; /* names by number, from 1 */
    size_t classes_cap;
    int notify_fd;       /* eventfd: a worker asks the supervisor to look */
    int function_table;  /* registry reference: [number] = function */
    int meet;            /* registry reference: binding_try_encode(); 0: none */
    int hooks;           /* registry reference: table of the script's hooks */
    uint64_t heap_bytes; /* of Lua's, before the fork */
    struct result result;
    uint64_t started_unix_ns; /* CLOCK_REALTIME. fixed */
    bool opened, ran;
    bool forking;  /* job_fork() is at work */
    bool stranger; /* forked by the script, not by job_fork(): no part of the job */
};

extern struct job job;

/* job_in_task: does a task run, perhaps within d:update? */
static inline bool
job_in_task(void)
{
    return job.stage == STAGE_TASK ||
           (job.stage == STAGE_UPDATE && job.update_in == STAGE_TASK);
}
/* job_tmpdir_find decides where files without a name are made: --tmpdir, or else. Once, at
 * the start: the script may change its directory, and its environment. */
void job_tmpdir_find(void);
/* job_tmpdir returns what was decided. */
const char *job_tmpdir(void);
/* job_tmpdir_check: can that be? 0, or -errno with a message that says who named it. */
int job_tmpdir_check(void);
/* job_fn adds function `number` (0: nfns + 1), or renames it. Returns its number;
 * 0: no memory. */
uint32_t job_fn(uint32_t number, const char *name, const char *where);
/* job_fn_info never returns NULL: unknown numbers are called "?". */
const struct fn_info *job_fn_info(uint32_t number);
/* job_class names class `number`. false: no memory. */
bool job_class(uint32_t number, const char *name);
/* job_class_name never returns NULL. */
const char *job_class_name(uint32_t number);
/* job_act lets this process act for another slot; metrics_act() is for the caller to call.
 * 0 or -ENOMEM. */
int job_act(uint32_t slot);
/* job_fork is fork() for processes of the job. Others, which a library of the script's forks
 * while the job runs, lose the arena: two processes would act for one slot. */
pid_t job_fork(void);
/* job_watch_forks, once: from here on. */
void job_watch_forks(void);
/* job_end_stranger ends this process, with a message, if it is such a one. `where` has it come
 * back: "begin()". */
void job_end_stranger(const char *where);
/* job_notify asks the supervisor to look. */
void job_notify(void);
/* job_retries, ...: of a function, or of the command line. */
uint32_t job_retries(uint32_t fn);
uint32_t job_max_crashes(uint32_t fn);
int64_t job_timeout_ns(uint32_t fn);
/* job_backoff_ns: how long a task waits after its error number `errors`, from 0; it doubles. */
uint64_t job_backoff_ns(uint32_t fn, uint32_t errors);

#endif
