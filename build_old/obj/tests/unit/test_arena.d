build/obj/tests/unit/test_arena.o: tests/unit/test_arena.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/names.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/names.h:
