#include "task/gate.h"

#include "memory/self.h"
#include "base/clock.h"

static bool
take_licence(struct actor *x)
{
    uint32_t *licences = &x->arena->head->licences, left = atom_load(licences);
    while (left && !atom_cas(licences, &left, left - 1))
        ;
    x->licensed = left != 0;
    return x->licensed;
}

static bool
take_turn(struct actor *x)
{
    struct arena_head *head = x->arena->head;
    uint64_t now = clock_ns(), next = atom_load(&head->next_start);
    if (next > now || !atom_cas(&head->next_start, &next, now + head->delay_ns))
        return false; /* not yet, or somebody else was faster */
    x->turn_before = next;
    x->turn = now + head->delay_ns;
    return true;
}

bool
gate_pass(struct actor *x, uint64_t gate)
{
    if (gate & GATE_HELD || gate_surplus(x))
        return false;
    if (gate & GATE_LICENCE && !x->licensed && !take_licence(x))
        return false;
    return !(gate & GATE_DELAY) || take_turn(x);
}

bool
gate_missed(struct actor *x)
{
    uint64_t mine = x->turn;
    x->licensed = false;
    x->turn = 0;
    return mine && atom_cas(&x->arena->head->next_start, &mine, x->turn_before);
}

bool
gate_surplus(const struct actor *x)
{
    const struct arena_head *head = x->arena->head;
    return atom_load(&head->gate) & GATE_FEWER && x->me > atom_load(&head->limit);
}

void
gate_close(struct arena *a, uint64_t reasons)
{
    (void)atom_or(&a->head->gate, reasons);
}

void
gate_open(struct arena *a, uint64_t reasons)
{
    (void)atom_and(&a->head->gate, ~reasons);
}
