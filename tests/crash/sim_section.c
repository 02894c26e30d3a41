/* view.c keeps the section of the running task in a static variable, one a
 * process. Here all processes are one: it is swapped when coroutines are. */
#include "task/section.c"

#include "sim.h"

static typeof(section) sections[SIM_WORKERS + 1];

void
sim_view_save(uint32_t k)
{
    sections[k] = section;
}

void
sim_view_load(uint32_t k)
{
    section = sections[k];
}

void
sim_view_forget(uint32_t k)
{
    free(sections[k].writes);
    free(sections[k].table);
    free(sections[k].undo);
    free(sections[k].text.at);
    free(sections[k].reads.at);
    memset(&sections[k], 0, sizeof sections[k]);
}
