build/obj/engine/gate.o: engine/gate.c engine/gate.h engine/arena.h \
 engine/atomics.h engine/actor.h engine/acc.h engine/slot.h engine/slab.h
engine/gate.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
