build/obj/step/engine/dict.o: engine/dict.c engine/dict.h engine/arena.h \
 engine/atomics.h engine/block.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/hash.h
engine/dict.h:
engine/arena.h:
engine/atomics.h:
engine/block.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/hash.h:
