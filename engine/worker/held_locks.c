#include "worker/held_locks.h"

#include <stddef.h>
#include <stdint.h>

#include "base/atomics.h"
#include "base/log.h"
#include "job/job.h"
#include "output/report.h"
#include "store/names.h"
#include "task/section.h"
#include "task/task.h"

enum { TOLD_MAX = 16 }; /* locks that are told by name */

void
held_locks_warn(const char *who, uint32_t *const *words, uint32_t n)
{
    char task[256] = "";
    if (!who)
        report_task(task_at(&job.arena, job.self.slot->cur), task, sizeof task);
    for (uint32_t i = 0; i < n; i++) {
        const struct name *l = (struct name *)((char *)words[i] - offsetof(struct name, lock));
        log_warn("%s%s ended without releasing lock \"%.*s\"; it was released",
                 who ? "" : "task ", who ? who : task, (int)l->len, l->text);
    }
}

int
held_locks_release(const char *who, bool keep)
{
    uint32_t *words[TOLD_MAX], n;
    int err;
    if (likely(!section_any_held(&job.self)))
        return 0;
    n = section_end(&job.self, keep, words, TOLD_MAX, &err);
    if (keep)
        held_locks_warn(who, words, n < TOLD_MAX ? n : TOLD_MAX);
    return err;
}
