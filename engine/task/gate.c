#include "task/gate.h"

#include "memory/self.h"
#include "base/clock.h"

static bool
take_licence(struct self *self)
{
    uint32_t *permits = &self->arena->header->permits, left = atom_load(permits);
    while (left && !atom_cas(permits, &left, left - 1))
        ;
    self->has_permit = left != 0;
    return self->has_permit;
}

static bool
take_turn(struct self *self)
{
    struct arena_header *head = self->arena->header;
    uint64_t now = clock_ns(), next = atom_load(&head->next_start);
    if (next > now || !atom_cas(&head->next_start, &next, now + head->delay_ns))
        return false; /* not yet, or somebody else was faster */
    self->turn_before = next;
    self->turn = now + head->delay_ns;
    return true;
}

bool
gate_pass(struct self *self, uint64_t gate)
{
    if (gate & GATE_HELD || gate_surplus(self))
        return false;
    if (gate & GATE_PERMIT && !self->has_permit && !take_licence(self))
        return false;
    return !(gate & GATE_DELAY) || take_turn(self);
}

bool
gate_missed(struct self *self)
{
    uint64_t mine = self->turn;
    self->has_permit = false;
    self->turn = 0;
    return mine && atom_cas(&self->arena->header->next_start, &mine, self->turn_before);
}

bool
gate_surplus(const struct self *self)
{
    const struct arena_header *head = self->arena->header;
    return atom_load(&head->gate) & GATE_FEWER && self->me > atom_load(&head->limit);
}

void
gate_close(struct arena *a, uint64_t reasons)
{
    (void)atom_or(&a->header->gate, reasons);
}

void
gate_open(struct arena *a, uint64_t reasons)
{
    (void)atom_and(&a->header->gate, ~reasons);
}
