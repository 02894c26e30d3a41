#include "supervisor/oom.h"

enum { GOOD_FOR_NS = 1000 * 1000 * 1000 };

void
oom_open(struct oom *b, uint64_t (*kills)(const char *root))
{
    *b = (struct oom){.kills = kills, .seen = kills("")};
}

bool
oom_killed(struct oom *b, uint64_t now_ns)
{
    uint64_t kills = b->kills("");
    if (now_ns > b->until_ns)
        b->excuses = 0;
    if (kills > b->seen) {
        b->excuses += kills - b->seen;
        b->until_ns = now_ns + GOOD_FOR_NS;
    }
    b->seen = kills; /* fewer: we were moved to another cgroup */
    if (!b->excuses)
        return false;
    b->excuses--;
    return true;
}
