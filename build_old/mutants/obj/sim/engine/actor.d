build/mutants/obj/sim/engine/actor.o: engine/actor.c engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
