build/obj/tests/unit/test_names.o: tests/unit/test_names.c \
 tests/unit/fixture_dict.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/lock.h engine/names.h
tests/unit/fixture_dict.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/lock.h:
engine/names.h:
