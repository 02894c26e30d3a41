build/mutants/obj/step/engine/chunk.o: engine/chunk.c engine/chunk.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/ensure.h
engine/chunk.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/ensure.h:
