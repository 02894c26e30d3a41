build/obj/sim/engine/task.o: engine/task.c engine/task.h engine/arena.h \
 engine/atomics.h engine/actor.h engine/acc.h engine/slot.h engine/slab.h \
 engine/block.h engine/hash.h
engine/task.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/hash.h:
