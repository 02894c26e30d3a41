build/shared_counter/obj/engine/crew.o: engine/crew.c engine/crew.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/gate.h engine/idle.h
engine/crew.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/gate.h:
engine/idle.h:
