build/obj/engine/slab.o: engine/slab.c engine/slab.h engine/arena.h \
 engine/atomics.h engine/actor.h engine/acc.h engine/slot.h \
 engine/chunk.h engine/ensure.h
engine/slab.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/chunk.h:
engine/ensure.h:
