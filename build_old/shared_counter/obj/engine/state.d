build/shared_counter/obj/engine/state.o: engine/state.c engine/state.h \
 engine/arena.h engine/atomics.h engine/config.h engine/dict.h \
 engine/block.h engine/hash.h engine/names.h engine/slot.h \
 engine/state_check.h engine/task.h
engine/state.h:
engine/arena.h:
engine/atomics.h:
engine/config.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/names.h:
engine/slot.h:
engine/state_check.h:
engine/task.h:
