build/mutants/obj/sim/engine/acc.o: engine/acc.c engine/acc.h \
 engine/arena.h engine/atomics.h engine/slot.h engine/actor.h \
 engine/slab.h engine/chunk.h
engine/acc.h:
engine/arena.h:
engine/atomics.h:
engine/slot.h:
engine/actor.h:
engine/slab.h:
engine/chunk.h:
