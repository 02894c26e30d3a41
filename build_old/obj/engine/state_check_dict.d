build/obj/engine/state_check_dict.o: engine/state_check_dict.c \
 engine/dict_tx.h engine/dict.h engine/arena.h engine/atomics.h \
 engine/block.h engine/slot.h engine/lock.h engine/names.h \
 engine/state_check_priv.h engine/task.h
engine/dict_tx.h:
engine/dict.h:
engine/arena.h:
engine/atomics.h:
engine/block.h:
engine/slot.h:
engine/lock.h:
engine/names.h:
engine/state_check_priv.h:
engine/task.h:
