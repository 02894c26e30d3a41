build/obj/tests/unit/test_idle.o: tests/unit/test_idle.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/commit.h engine/futex.h \
 engine/gate.h engine/idle.h engine/queue.h engine/recover.h \
 engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/commit.h:
engine/futex.h:
engine/gate.h:
engine/idle.h:
engine/queue.h:
engine/recover.h:
engine/task.h:
