#include "task/wait_list.h"

#include "memory/self.h"
#include "task/task.h"

void
wait_list_push(struct self *self, uint32_t task)
{
    struct slot *s = self->slot;
    struct task_record *r = task_record_of(self->arena, task_at(self->arena, task));
    uint32_t newest = atom_load(&s->waiting);
    if (newest == task)
        return; /* a redo */
    do
        r->wait_next = newest;
    while (!atom_cas(&s->waiting, &newest, task)); /* pairs with wait_list_first() */
}

uint32_t
wait_list_first(const struct arena *a, const struct slot *s)
{
    /* acquire: pairs with the CAS in wait_list_push(): all links behind it are written, and
     * all tasks but the newest are WAIT. */
    uint32_t newest = atom_load(&s->waiting);
    if (!newest || task_state(atom_load(&task_at(a, newest)->word)) == TASK_RUN)
        return 0;
    return newest;
}

uint32_t
wait_list_next(const struct arena *a, uint32_t task)
{
    const struct task_record *r = task_record_of(a, task_at(a, task));
    return r ? r->wait_next : 0;
}

bool
wait_list_take(struct slot *s, uint32_t first)
{
    return atom_cas(&s->waiting, &first, 0);
}
