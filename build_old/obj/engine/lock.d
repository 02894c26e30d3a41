build/obj/engine/lock.o: engine/lock.c engine/lock.h engine/arena.h \
 engine/atomics.h engine/actor.h engine/acc.h engine/slot.h engine/slab.h \
 engine/futex.h engine/hash.h engine/names.h
engine/lock.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/futex.h:
engine/hash.h:
engine/names.h:
