#include "task/resume.h"

#include "memory/self.h"
#include "memory/chunk.h"
#include "task/queue.h"
#include "task/recover.h"
#include "task/task.h"

static int
recover_slot(struct self *super, uint32_t k)
{
    struct self dead;
    struct recovered r;
    int err = self_open(&dead, super->arena, k, 1);
    if (err)
        return err;
    /* Never set aside: this run does not count. */
    err = recover(&dead, super, UINT32_MAX, RECOVER_UNCOUNTED, &r);
    self_close(&dead);
    return err;
}

/* Nobody sleeps, nobody waits, nothing is on its way to the list of the waiting. */
static void
reset_slot(struct arena *a, uint32_t k)
{
    struct slot *s = slot_at(a, k);
    atom_store(&s->wait_head, s->wait_tail);
    atom_store(&s->head, s->tail);
    s->stale_to = s->steal_at = 0; /* said of a ring in the --order of then */
    s->pid = 0;
    s->exit_reason = 0;
}

struct search {
    struct self *super;
    void (*waits)(void *arg, uint32_t task);
    void *arg;
    int err;
};

static void
queue_again(void *arg, uint32_t index)
{
    struct search *f = arg;
    switch (task_state(atom_load(&task_at(f->super->arena, index)->word))) {
    case TASK_READY:
        if (!f->err)
            f->err = queue_push(f->super, index);
        break;
    case TASK_WAIT:
        f->waits(f->arg, index);
        break;
    default:
        break;
    }
}

int
resume(struct self *super, void (*waits)(void *arg, uint32_t task), void *arg)
{
    struct arena *a = super->arena;
    uint32_t n = a->header->nworkers;
    /* Slot 0 may have died while its ring grew: before that one grows again. */
    chunk_recover(super);
    for (uint32_t k = 0; k <= n; k++) {
        int err = recover_slot(super, k);
        if (err)
            return err;
    }
    /* Only now: until its commit was applied, a slot's new hints had their places. */
    for (uint32_t k = 0; k <= n; k++)
        reset_slot(a, k);
    atom_store(&a->header->gate, 0); /* whoever it was for is gone */
    struct search f = {super, waits, arg, 0};
    for (uint32_t k = 0; k <= n; k++)
        slab_each(a, k, SLAB_TASK, queue_again, &f);
    return f.err;
}
