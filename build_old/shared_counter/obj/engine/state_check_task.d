build/shared_counter/obj/engine/state_check_task.o: \
 engine/state_check_task.c engine/chunk.h engine/arena.h engine/atomics.h \
 engine/journal.h engine/slab.h engine/state_check_priv.h engine/block.h \
 engine/dict.h engine/slot.h engine/task.h
engine/chunk.h:
engine/arena.h:
engine/atomics.h:
engine/journal.h:
engine/slab.h:
engine/state_check_priv.h:
engine/block.h:
engine/dict.h:
engine/slot.h:
engine/task.h:
