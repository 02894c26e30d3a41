#include "task/begin.h"

#include "memory/self.h"
#include "task/commit.h"
#include "task/section.h"

void
begin_open(struct self *self)
{
    self->slot->cur = 0;
    commit_begin(self);
    atom_store(&self->slot->phase, PHASE_ACTIVE);
}

void
begin_close(struct self *self, bool keep, struct begin_left *left)
{
    left->locks = section_end(self, keep, left->words, BEGIN_HELD_MAX, &left->err);
    if (keep && !left->err)
        (void)commit_end(self, OUTCOME_DONE);
    else
        commit_undo(self);
}
