build/mutants/obj/step/engine/state_check.o: engine/state_check.c \
 engine/state_check.h engine/arena.h engine/atomics.h engine/actor.h \
 engine/acc.h engine/slot.h engine/slab.h engine/chunk.h engine/dict_tx.h \
 engine/dict.h engine/block.h engine/names.h engine/state_check_priv.h \
 engine/task.h
engine/state_check.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/chunk.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/names.h:
engine/state_check_priv.h:
engine/task.h:
