build/shared_counter/obj/engine/recover.o: engine/recover.c \
 engine/recover.h engine/arena.h engine/atomics.h engine/actor.h \
 engine/acc.h engine/slot.h engine/slab.h engine/block.h engine/chunk.h \
 engine/commit.h engine/dict_tx.h engine/dict.h engine/idle.h \
 engine/lock.h engine/names.h engine/queue.h engine/record.h \
 engine/task.h
engine/recover.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/chunk.h:
engine/commit.h:
engine/dict_tx.h:
engine/dict.h:
engine/idle.h:
engine/lock.h:
engine/names.h:
engine/queue.h:
engine/record.h:
engine/task.h:
