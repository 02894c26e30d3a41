build/obj/tests/unit/test_slab.o: tests/unit/test_slab.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/block.h engine/chunk.h \
 engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/chunk.h:
engine/task.h:
