#include "job/halt.h"

#include "task/counts.h"

bool
halt_reached(struct arena *a, const struct halt *rule, uint64_t *have)
{
    struct counts c;
    if (rule->when == HALT_NEVER)
        return false;
    counts_sum(a, &c);
    switch (rule->kind) {
    case HALT_FAIL:
        *have = counts_bad(&c);
        break;
    case HALT_DONE:
        *have = c.finished;
        break;
    case HALT_SUCCESS:
        *have = counts_succeeded(&c);
        break;
    }
    uint64_t need = rule->count ? rule->count : (c.posted * rule->percent + 99) / 100;
    return need && *have >= need;
}
