build/obj/engine/record.o: engine/record.c engine/record.h engine/arena.h \
 engine/atomics.h engine/actor.h engine/acc.h engine/slot.h engine/slab.h \
 engine/block.h engine/task.h
engine/record.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/task.h:
