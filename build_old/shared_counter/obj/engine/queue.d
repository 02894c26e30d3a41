build/shared_counter/obj/engine/queue.o: engine/queue.c engine/queue.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/chunk.h engine/task.h
engine/queue.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/chunk.h:
engine/task.h:
