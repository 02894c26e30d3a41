#include "job/halt.h"

#include "memory/layout.h"

bool
halt_reached(struct arena *a, const struct halt *rule, uint64_t *have)
{
    uint64_t failed = 0, done = 0, posted = 0;
    if (rule->when == HALT_NEVER)
        return false;
    for (uint32_t k = 0, n = arena_workers(a); k <= n; k++) {
        struct slot *s = slot_at(a, k);
        done += atom_load(&s->done);
        failed += atom_load(&s->failed) + atom_load(&s->dead);
        posted += atom_load(&s->posted);
    }
    switch (rule->kind) {
    case HALT_FAIL:
        *have = failed;
        break;
    case HALT_DONE:
        *have = done;
        break;
    case HALT_SUCCESS:
        *have = done - failed;
        break;
    }
    uint64_t need = rule->count ? rule->count : (posted * rule->percent + 99) / 100;
    return need && *have >= need;
}
