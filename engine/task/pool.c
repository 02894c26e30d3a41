#include "task/pool.h"

#include "memory/self.h"
#include "task/gate.h"
#include "task/idle.h"

int
pool_open(struct arena *a, uint32_t n)
{
    int err = arena_reserve_slots(a, n);
    if (err)
        return err;
    for (uint32_t k = 1; k <= n; k++) {
        if (!slot_at(a, k)->ring)
            self_slot_init(a, k);
    }
    /* A job that was resumed may have had more workers: their slots count on.
     * release: pairs with arena_workers(). */
    if (arena_workers(a) < n)
        atom_store(&a->header->nworkers, n);
    return 0;
}

void
pool_limit(struct arena *a, uint32_t n)
{
    atom_store(&a->header->limit, n);
    if (n < arena_workers(a))
        gate_close(a, GATE_FEWER);
    else
        gate_open(a, GATE_FEWER);
    idle_wake_all(a);
}

void
pool_settled(struct arena *a)
{
    gate_open(a, GATE_FEWER);
}
