build/obj/tests/unit/test_lock.o: tests/unit/test_lock.c \
 tests/unit/fixture_dict.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/lock.h
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
