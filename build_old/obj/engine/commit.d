build/obj/engine/commit.o: engine/commit.c engine/commit.h engine/slot.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/actor.h \
 engine/slab.h engine/block.h engine/queue.h engine/record.h \
 engine/task.h
engine/commit.h:
engine/slot.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/actor.h:
engine/slab.h:
engine/block.h:
engine/queue.h:
engine/record.h:
engine/task.h:
