build/obj/step/engine/names.o: engine/names.c engine/names.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/dict.h engine/block.h engine/hash.h \
 engine/lock.h
engine/names.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/lock.h:
